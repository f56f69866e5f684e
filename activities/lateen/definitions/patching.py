"""How a trait's patch is merged into a workload: KubeVela's strategic unification, on plain JSON.

Values unify: objects field by field, lists item by item, equal scalars. What contradicts is an error, unless
a marker above the field says how to merge:

* ``+patchKey=name``: items of a list with the same ``name`` are merged, others added; it holds for the lists
  below, too. ``secretRef.name,configMapRef.name`` are alternatives. Where no item has it, it says nothing.
* ``+patchStrategy=retainKeys``: what the patch says replaces what was there; with a ``patchKey``, each item.
* ``+patchStrategy=replace``: the patch's list replaces the one that was there.
* ``+patchStrategy=jsonPatch`` (its ``operations``) or ``jsonMergePatch`` above the whole patch.
* ``+patchStrategy=open`` changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lateen.definitions.values import Member, Tagged, is_list, is_struct, plain
from lateen.model.errors import LateenError, nearest
from lateen.model.json_values import as_list, as_object, join_path
from lateen.rendering.shapes.patches import PatchError, merge_patch, patch_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.model.base import Json

PATCH_KEY = "patchKey"
PATCH_STRATEGY = "patchStrategy"
STRATEGIES = ("retainKeys", "replace", "open", "jsonPatch", "jsonMergePatch")
_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")


class PatchConflict(LateenError):
    """A patch contradicts what it is merged into, or does not say how to merge. ``path`` is where."""

    def __init__(self, path: str, message: str, hint: str = "") -> None:
        self.path, self.message, self.hint = path, message, hint
        super().__init__(f"{path}: {message}" if path else message)


class ShortList(PatchConflict):
    """A list of the patch has fewer items than the one that is there, and no key; it may be open.

    ``place`` is the path in parts, empty if it leads through a list; ``length`` is that of what is there.
    """

    def __init__(self, path: str, place: tuple[str, ...], *, length: int, given: int) -> None:
        self.place, self.length = place, length
        message = f"has {length} items, the patch {given}, and nothing says which are meant"
        super().__init__(path, message, f"mark the list with // +{PATCH_KEY}=name")


def patch_object(base: Json, patch: Member) -> None:
    """Merge a patch into an object in place. Raises ``PatchConflict``, and changes nothing then."""
    strategy = _strategy(patch, path="")
    made: Json
    if not is_struct(patch.value):
        raise PatchConflict("", "the patch must be an object")
    if strategy == "jsonMergePatch":
        made = plain_copy(base)
        merge_patch(made, plain(patch.value))
    elif strategy == "jsonPatch":
        made = _operated(plain_copy(base), patch.value)
    else:
        made = _merged(base, patch.value, path="", key=patch.tags.get(PATCH_KEY, ""))
    base.clear()
    base.update(made)


def plain_copy(value: Any) -> Any:
    """Return JSON of one's own."""
    if isinstance(value, dict):
        return {name: plain_copy(item) for name, item in (as_object(value) or {}).items()}
    if isinstance(value, list):
        return [plain_copy(item) for item in as_list(value) or []]
    return value


def _operated(made: Json, patch: Mapping[str, Member]) -> Json:
    operations = patch.get("operations")
    listed = as_list(plain(operations.value)) if operations else None
    if listed is None:
        raise PatchConflict("operations", "a jsonPatch needs operations, a list")
    for index, operation in enumerate(listed):
        path = f"operations[{index}]"
        found = as_object(operation) or {}
        op, pointer, source = found.get("op"), found.get("path"), found.get("from")
        if op not in _OPERATIONS or not isinstance(pointer, str):
            raise PatchConflict(path, f"needs a path, and an op: {', '.join(_OPERATIONS)}")
        try:
            origin = source if isinstance(source, str) else None
            patch_once(made, op, pointer, source=origin, value=found.get("value"))
        except PatchError as error:
            raise PatchConflict(path, f"{op} {pointer}: {error}") from None
    return made


def _merged(base: Json, patch: Mapping[str, Member], *, path: str, key: str) -> Json:
    """Unify two objects. ``key`` is the patchKey that an outer field has set."""
    made: Json = plain_copy(base)
    for name, member in patch.items():
        at = join_path(path, name)
        strategy = _strategy(member, path=at)
        if strategy in ("jsonPatch", "jsonMergePatch"):
            raise PatchConflict(at, f"{PATCH_STRATEGY}={strategy} must stand above the whole patch")
        if name not in base:
            made[name] = plain(member.value)
            continue
        made[name] = _member(base[name], member, strategy, path=at, key=key)
    return made


def _member(old: Any, member: Member, strategy: str, *, path: str, key: str) -> Any:
    key = member.tags.get(PATCH_KEY, key)
    if is_list(member.value):
        items = as_list(old)
        if strategy == "replace":
            return plain(member.value)
        if items is None:
            raise _contradiction(path, old, member.value)
        if key and _is_keyed(member.value, key):
            return _by_key(items, member.value, path=path, key=key, retain=strategy == "retainKeys")
        return _by_index(items, member.value, path=path, key=key)
    if strategy == "replace":
        raise PatchConflict(path, "the strategy replace is for lists", "use retainKeys")
    if strategy == "retainKeys":
        return plain(member.value)
    return _unified(old, member.value, path=path, key=key)


def _unified(old: Any, new: Tagged, *, path: str, key: str) -> Any:
    fields, items = as_object(old), as_list(old)
    if fields is not None and is_struct(new):
        return _merged(fields, new, path=path, key=key)
    if items is not None and is_list(new):
        return _by_index(items, new, path=path, key=key)
    if type(old) is not type(new) or old != new or is_struct(new) or is_list(new):
        raise _contradiction(path, old, new)
    return old


def _by_index(old: list[Any], new: list[Tagged], *, path: str, key: str) -> list[Any]:
    if len(new) < len(old):
        place = () if "[" in path else tuple(path.split("."))
        raise ShortList(path, place, length=len(old), given=len(new))
    merged = [
        _unified(item, new[index], path=join_path(path, index), key=key)
        for index, item in enumerate(old)
    ]
    return [*merged, *map(plain, new[len(old) :])]


def _by_key(old: list[Any], new: list[Tagged], *, path: str, key: str, retain: bool) -> list[Any]:
    keys = [each.strip() for each in key.split(",")]
    patches: dict[tuple[str, Any], Tagged] = {}
    for index, item in enumerate(new):
        identity = _identity(plain(item), keys)
        if identity is None:
            raise PatchConflict(join_path(path, index), f"has no {' or '.join(keys)} to merge by")
        if identity in patches and plain(patches[identity]) != plain(item):
            raise PatchConflict(
                join_path(path, index), f"{identity[0]} {identity[1]!r} is given twice"
            )
        patches[identity] = item
    made: list[Any] = []
    for index, item in enumerate(old):
        identity = _identity(item, keys)
        patch = patches.pop(identity, None) if identity else None
        if patch is None:
            made.append(plain_copy(item))
        elif retain:
            made.append(plain(patch))
        else:
            made.append(_unified(item, patch, path=join_path(path, index), key=key))
    return [*made, *map(plain, patches.values())]


def _is_keyed(items: list[Tagged], key: str) -> bool:
    """Tell whether a patch's list is merged by a key: one without it anywhere goes by position."""
    keys = [each.strip() for each in key.split(",")]
    return not items or any(_identity(plain(item), keys) for item in items)


def _identity(item: Any, keys: list[str]) -> tuple[str, Any] | None:
    """Return the first of the keys that an item has, with its value."""
    for key in keys:
        value = item
        for part in key.split("."):
            value = (as_object(value) or {}).get(part)
        if isinstance(value, str | int | float | bool):
            return key, value
    return None


def _strategy(member: Member, *, path: str) -> str:
    strategy = member.tags.get(PATCH_STRATEGY, "")
    if strategy and strategy not in STRATEGIES:
        raise PatchConflict(
            path, f"unknown {PATCH_STRATEGY} {strategy!r}", nearest(strategy, STRATEGIES)
        )
    return strategy


def _contradiction(path: str, old: Any, new: Tagged) -> PatchConflict:
    """Say what contradicts; texts are not shown, they could be anything."""
    shown = " and ".join(_kind(value) for value in (old, plain(new)))
    hint = f"// +{PATCH_STRATEGY}=retainKeys above the field lets the patch win"
    return PatchConflict(path, f"the patch contradicts what is there ({shown})", hint)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "null" if value is None else str(value).lower()
