"""Whether a kind that somebody else installed can keep what lateen puts into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.kube.shapes import as_object, as_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.model.base import Json

_STEP = ("name", "type", "properties")
_NEEDED = frozenset(
    {
        *("spec", "spec.components", "spec.policies", "spec.workflow", "spec.workflow.steps"),
        *(f"spec.components[].{field}" for field in ("name", "type", "properties", "traits")),
        *(f"spec.components[].traits[].{field}" for field in ("type", "properties")),
        *(f"spec.policies[].{field}" for field in ("name", "type", "properties")),
        *(f"spec.workflow.steps[].{field}" for field in _STEP),
        *(f"steps[].{field}" for field in _STEP),
        *("steps", "type", "properties"),
    }
)
"""Fields without which hardly any application, policy or workflow means anything."""

_NEVER_WRITTEN = frozenset({"apiVersion", "kind", "status"})


def find_obstacles(live: Json, wanted: Json) -> list[str]:
    """Return why the live CRD can't be used instead of the wanted one; nothing when it can."""
    scope = live["spec"].get("scope")
    if scope != "Namespaced":
        return [f"its scope is {scope}, but must be Namespaced"]
    unserved = [
        f"it does not serve version {version['name']}"
        for version in as_objects(wanted["spec"]["versions"])
        if _served_schema(live, version["name"]) is None
    ]
    dropped = [f"it drops the field {path}" for path in _dropped(live, wanted) if path in _NEEDED]
    return unserved + dropped


def find_limits(live: Json, wanted: Json) -> list[str]:
    """Return which fields the live CRD lacks: documents that use one of them are refused."""
    return [
        f"the field {path} is not known to it and can't be used"
        for path in _dropped(live, wanted)
        if path not in _NEEDED
    ]


def _dropped(live: Json, wanted: Json) -> list[str]:
    """Return the outermost fields of the wanted schema that the live one would prune."""
    found: list[str] = []
    for version in as_objects(wanted["spec"]["versions"]):
        schema = _served_schema(live, version["name"])
        if schema is None:
            continue
        for path in _paths(as_object(version["schema"]["openAPIV3Schema"])):
            inside = any(path.startswith((f"{outer}.", f"{outer}[].")) for outer in found)
            if not inside and not _keeps(schema, path):
                found.append(path)
    return found


def _served_schema(crd: Json, version: str) -> Json | None:
    for item in as_objects(crd["spec"].get("versions")):
        if item.get("name") == version and item.get("served"):
            return as_object(as_object(item.get("schema")).get("openAPIV3Schema"))
    return None


def _paths(schema: Json, prefix: str = "") -> Iterator[str]:
    """Yield every field that a schema names, as ``spec.components[].name``; outer ones first."""
    for name, child in as_object(schema.get("properties")).items():
        path = f"{prefix}.{name}" if prefix else name
        if path == "metadata" or path in _NEVER_WRITTEN:
            continue
        yield path
        if "items" in child:
            yield from _paths(as_object(child["items"]), f"{path}[]")
        else:
            yield from _paths(as_object(child), path)


def _keeps(schema: Json, path: str) -> bool:
    """Tell whether a value at ``path`` survives the pruning of unknown fields."""
    node = schema
    for part in path.split("."):
        child = as_object(node.get("properties")).get(part.removesuffix("[]"))
        if child is None:
            extra = node.get("additionalProperties")
            return bool(node.get("x-kubernetes-preserve-unknown-fields") or extra)
        node = as_object(as_object(child).get("items") if part.endswith("[]") else child)
    return True
