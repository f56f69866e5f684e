"""Identities of Kubernetes objects, without anything of a cluster."""

from __future__ import annotations

from lateen.model.base import Json, Record


class ObjectRef(Record):
    """The identity of an object inside a cluster. ``namespace`` is empty for cluster-scoped kinds."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two references the same object: group (not version), kind, namespace, name."""
        return (self.group, self.kind, self.namespace, self.name)

    @classmethod
    def of(cls, manifest: Json) -> ObjectRef:
        """Return the identity of a manifest."""
        metadata = manifest["metadata"]
        return cls(
            api_version=manifest["apiVersion"],
            kind=manifest["kind"],
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
        )
