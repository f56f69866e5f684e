"""Finding one's way in a workload that a trait is about to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from lateen.model.errors import nearest
from lateen.rendering.parameters import TemplateError

if TYPE_CHECKING:
    from lateen.model.base import Json


def spec_of(workload: Json) -> Json:
    """Return the workload's spec, made if it has none."""
    return child(workload, "spec")


def child(parent: Json, key: str) -> Json:
    """Return the object under a key, made if it is missing."""
    found = _object(parent, key)
    if found is None:
        found = parent[key] = {}
    return found


def refuse_kinds(workload: Json, *kinds: str, because: str) -> None:
    """Refuse workloads that the trait makes no sense on."""
    if workload.get("kind") in kinds:
        raise TemplateError("", f"doesn't fit a {workload['kind']}: it {because}")


def pod_template(workload: Json) -> Json:
    """Return the pod template of a workload, wherever its kind keeps it.

    Raises ``TemplateError`` for an object that makes no pods.
    """
    spec = _object(workload, "spec")
    template = _object(_object(_object(spec, "jobTemplate"), "spec") or spec, "template")
    if template is None:
        raise TemplateError("", f"doesn't fit a {workload.get('kind')}: it has no pod template")
    return template


def _object(parent: Json | None, key: str) -> Json | None:
    found: Any = parent.get(key) if parent else None
    return cast("Json", found) if isinstance(found, dict) else None


def pod_of(workload: Json) -> Json:
    """Return the spec of a workload's pods."""
    return child(pod_template(workload), "spec")


def containers_of(workload: Json) -> list[Json]:
    """Return the containers of a workload's pods."""
    return cast("list[Json]", pod_of(workload).setdefault("containers", []))


def first_container(workload: Json) -> Json:
    """Return the container that belongs to the component itself."""
    containers = containers_of(workload)
    if not containers:
        raise TemplateError("", "needs a container; the component has none")
    return containers[0]


def container_named(workload: Json, name: str, *, path: str) -> Json:
    """Return a container by name.

    Raises ``TemplateError`` at ``path`` with the nearest name.
    """
    containers = containers_of(workload)
    for found in containers:
        if found.get("name") == name:
            return found
    known = [str(found.get("name")) for found in containers]
    raise TemplateError(path, "no such container", value=name, hint=nearest(name, known))


def merge_named(existing: list[Json], added: list[Json], *, key: str = "name") -> list[Json]:
    """Merge lists that Kubernetes treats as maps: same key merges, new ones are appended."""
    merged = {entry.get(key): entry for entry in existing}
    for entry in added:
        known = merged.get(entry[key])
        merged[entry[key]] = entry if known is None else {**known, **entry}
    return list(merged.values())
