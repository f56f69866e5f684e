"""Whether a kind that somebody else installed can keep what lateen puts into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.model.base import Json

_OPTIONAL = frozenset(
    {
        "spec.components[].traits[].name",
        "spec.components[].externalRevision",
        "spec.components[].scopes",
    }
)
"""Fields that an application works without, as long as it doesn't use them."""


def find_obstacles(live: Json, wanted: Json) -> list[str]:
    """Return why the live CRD can't be used instead of the wanted one; nothing when it can."""
    scope = live["spec"].get("scope")
    if scope != "Namespaced":
        return [f"its scope is {scope}, but must be Namespaced"]
    problems: list[str] = []
    for version in wanted["spec"]["versions"]:
        schema = _served_schema(live, version["name"])
        if schema is None:
            problems.append(f"it does not serve version {version['name']}")
        else:
            problems += [
                f"it drops the field {path}"
                for path in _dropped(version, schema)
                if path not in _OPTIONAL
            ]
    return problems


def find_limits(live: Json, wanted: Json) -> list[str]:
    """Return what the live CRD lacks that an application can do without."""
    limits: list[str] = []
    for version in wanted["spec"]["versions"]:
        schema = _served_schema(live, version["name"])
        if schema is not None:
            limits += [
                f"the field {path} is dropped, so it can't be used"
                for path in _dropped(version, schema)
                if path in _OPTIONAL
            ]
    return limits


def _dropped(version: Json, live: Json) -> list[str]:
    wanted = version["schema"]["openAPIV3Schema"]
    return [path for path in _paths(wanted) if not _keeps(live, path)]


def _served_schema(crd: Json, version: str) -> Json | None:
    for item in crd["spec"].get("versions") or []:
        if item.get("name") == version and item.get("served"):
            schema: Json = (item.get("schema") or {}).get("openAPIV3Schema") or {}
            return schema
    return None


def _paths(schema: Json, prefix: str = "") -> Iterator[str]:
    """Yield every field that a schema names, as ``spec.components[].name``."""
    for name, child in (schema.get("properties") or {}).items():
        path = f"{prefix}.{name}" if prefix else name
        if not prefix and name == "metadata":
            continue
        yield path
        if "items" in child:
            yield from _paths(child["items"], f"{path}[]")
        else:
            yield from _paths(child, path)


def _keeps(schema: Json, path: str) -> bool:
    """Tell whether a value at ``path`` survives the pruning of unknown fields."""
    node = schema
    for part in path.split("."):
        name = part.removesuffix("[]")
        child = (node.get("properties") or {}).get(name)
        if child is None:
            extra = node.get("additionalProperties")
            return bool(node.get("x-kubernetes-preserve-unknown-fields")) or bool(extra)
        node = child.get("items") or {} if part.endswith("[]") else child
    return True
