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
    """Return the containers of a workload's pods, to be changed in place."""
    pod = pod_of(workload)
    containers = pod["containers"] = entries(pod, "containers")
    return containers


def entries(owner: Json, field: str) -> list[Json]:
    """Return a list of objects, empty if it is missing.

    Raises ``TemplateError`` for anything else, which users can write into ``k8s-objects``.
    """
    found: Any = owner.get(field)
    if found is None:
        return []
    listed = cast("list[object]", found) if isinstance(found, list) else [None]
    if not all(isinstance(entry, dict) for entry in listed):
        raise TemplateError("", f"needs a list of objects under {field}; the workload has none")
    return cast("list[Json]", listed)


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


def put(owner: Json, field: str, added: list[Json], *, key: str = "name") -> None:
    """Add to a list that Kubernetes treats as a map: what has the same key is replaced."""
    existing = entries(owner, field)
    replaced = {entry[key]: entry for entry in added}
    kept = [replaced.pop(entry.get(key), entry) for entry in existing]
    owner[field] = [*kept, *replaced.values()]
