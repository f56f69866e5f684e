"""What is different between two states of an object, field by field, without anything secret. Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lateen.model.base import Json, Record
from lateen.model.findings import join_path
from lateen.model.json_values import as_list, as_object
from lateen.planning.inline_secrets import names_credential
from lateen.policies.rules.field_paths import FieldPath, value_at

MASK = "***"
"""Stands for a value that is not shown."""

_KEYS = ("name", "mountPath", "containerPort", "port", "ip", "key", "type")
"""What tells the items of a list apart, the first that fits: Kubernetes' own merge keys."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SECRET_FIELDS = ("data", "stringData")

Action = Literal["create", "change", "delete"]


class FieldDifference(Record):
    """One field. A masked one has neither value: only that it is different is told."""

    path: str
    change: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None
    masked: bool = False


class ObjectDifference(Record):
    """What a delivery would do to one object. ``manifest`` is what it would create, secrets masked."""

    action: Action
    api_version: str
    kind: str
    namespace: str = ""
    name: str
    component: str = ""
    fields: list[FieldDifference] = []
    manifest: Json | None = None
    note: str = ""

    @property
    def title(self) -> str:
        """How people read it."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


class PlacementDifference(Record):
    """What a delivery would do in one placement, and what can't be told or would be refused there.

    ``steps`` are those that write here; a placement that is only pruned has none.
    """

    cluster: str
    namespace: str
    steps: list[str] = []
    create: int = 0
    change: int = 0
    delete: int = 0
    unchanged: int = 0
    objects: list[ObjectDifference] = []
    problems: list[str] = []


class Removal(Record):
    """Objects that stay in a cluster until somebody confirms that they are to be removed."""

    cluster: str
    objects: list[str] = []


class ApplicationDifference(Record):
    """What delivering an application would do, everywhere.

    ``retained`` says what stays although nothing delivers it any more; ``removals`` is the part of it that
    ``--confirm-removal`` would delete.
    """

    application: str
    placements: list[PlacementDifference] = []
    retained: list[str] = []
    removals: list[Removal] = []
    warnings: list[str] = []
    problems: list[str] = []

    @property
    def changed(self) -> bool:
        """Whether anything would be created, changed or deleted."""
        return any(placement.objects for placement in self.placements)

    @property
    def failed(self) -> bool:
        """Whether something could not be told, or would be refused."""
        return bool(self.problems) or any(placement.problems for placement in self.placements)


def differences(before: Json, after: Json) -> list[FieldDifference]:
    """Compare two states of one object; the values of Secrets and credentials are masked."""
    return list(_compare(_conceal(before, _Concealed), _conceal(after, _Concealed), ""))


def masked(manifest: Json) -> Json:
    """Return an object with a mask in the place of everything secret."""
    hidden: Json = _conceal(manifest, lambda _: MASK)
    return hidden


def concealed(document: Json, paths: Iterable[FieldPath]) -> Json:
    """Return a document that ``differences`` compares without showing what stands at some paths."""
    return _replaced_at(document, paths, _Concealed)


def masked_at(document: Json, paths: Iterable[FieldPath]) -> Json:
    """Return a document with masks in the place of what stands at some paths."""
    return _replaced_at(document, paths, lambda _: MASK)


def _replaced_at(document: Json, paths: Iterable[FieldPath], wrap: Callable[[Any], Any]) -> Json:
    changed: Json = copy.deepcopy(document)
    for path in paths:
        *above, last = path
        parent: Any = value_at(changed, tuple(above))
        if value_at(changed, path) is None:
            continue
        value = parent[last]
        fields = as_object(value)
        parent[last] = {key: wrap(each) for key, each in fields.items()} if fields else wrap(value)
    return changed


@dataclass(frozen=True)
class _Concealed:
    """A value that is compared and never shown."""

    value: Any


def _conceal(manifest: Json, wrap: Callable[[Any], Any]) -> Any:
    """Wrap what is secret: contents of Secrets, and literal variables that are named like credentials."""
    shown: Json = _conceal_variables(manifest, wrap)
    if manifest.get("kind") != "Secret":
        return shown
    for field in _SECRET_FIELDS:
        content = as_object(shown.get(field))
        if content is not None:
            shown[field] = {key: wrap(value) for key, value in content.items()}
    # A copy of the whole Secret, that `kubectl apply` leaves.
    annotations = as_object((as_object(shown.get("metadata")) or {}).get("annotations"))
    if annotations and _LAST_APPLIED in annotations:
        annotations[_LAST_APPLIED] = wrap(annotations[_LAST_APPLIED])
    return shown


def _conceal_variables(value: Any, wrap: Callable[[Any], Any]) -> Any:
    """Return a copy; recursion is bounded by the depth that objects may have."""
    items = as_list(value)
    if items is not None:
        return [_conceal_variables(item, wrap) for item in items]
    fields = as_object(value)
    if fields is None:
        return value
    shown = {key: _conceal_variables(each, wrap) for key, each in fields.items()}
    name = shown.get("name")
    if isinstance(name, str) and shown.get("value") and names_credential(name):
        shown["value"] = wrap(shown["value"])
    return shown


def _compare(before: Any, after: Any, path: str) -> Iterator[FieldDifference]:
    if before == after:
        return
    old, new = as_object(before), as_object(after)
    if old is not None and new is not None:
        yield from _compare_fields(old, new, path)
        return
    old_items, new_items = as_list(before), as_list(after)
    if old_items is not None and new_items is not None:
        yield from _compare_items(old_items, new_items, path)
        return
    yield _difference(path, "changed", before, after)


def _compare_fields(before: Json, after: Json, path: str) -> Iterator[FieldDifference]:
    for key in [*before, *(key for key in after if key not in before)]:
        yield from _entry(before, after, key, join_path(path, key))


def _entry(before: Any, after: Any, key: Any, path: str) -> Iterator[FieldDifference]:
    """Compare what two maps have under a key that at least one of them has."""
    if key not in before:
        yield from _whole(path, "added", after[key])
    elif key not in after:
        yield from _whole(path, "removed", before[key])
    else:
        yield from _compare(before[key], after[key], path)


def _compare_items(before: list[Any], after: list[Any], path: str) -> Iterator[FieldDifference]:
    key = _key_of(before, after)
    if key is not None:
        old = {item[key]: item for item in before}
        new = {item[key]: item for item in after}
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _entry(old, new, name, f"{path}[{name}]")
        common = [name for name in old if name in new]
        if common != [name for name in new if name in old]:
            yield _difference(path, "changed", list(old), list(new))
    elif all(as_object(item) is not None for item in (*before, *after)):
        numbered = dict(enumerate(before)), dict(enumerate(after))
        for index in range(max(len(before), len(after))):
            yield from _entry(*numbered, index, f"{path}[{index}]")
    else:
        yield _difference(path, "changed", before, after)


def _key_of(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """Return the field that tells all items of both lists apart."""
    for key in _KEYS:
        if all(_are_told_apart(items, key) for items in (before, after)):
            return key
    return None


def _are_told_apart(items: Sequence[Any], key: str) -> bool:
    values = [(as_object(item) or {}).get(key) for item in items]
    return all(isinstance(value, str | int) for value in values) and len(set(values)) == len(values)


def _whole(path: str, change: Literal["added", "removed"], value: Any) -> Iterator[FieldDifference]:
    """Tell a value that came or went: an object field by field, so that a mask hides one field only."""
    fields = as_object(value)
    if fields:
        for key, each in fields.items():
            yield from _whole(join_path(path, key), change, each)
    elif change == "added":
        yield _difference(path, change, None, value)
    else:
        yield _difference(path, change, value, None)


def _difference(
    path: str, change: Literal["added", "removed", "changed"], before: Any, after: Any
) -> FieldDifference:
    if _hides(before) or _hides(after):
        if isinstance(before, _Concealed) or isinstance(after, _Concealed):
            return FieldDifference(path=path, change=change, masked=True)
        before, after = _unwrapped(before), _unwrapped(after)
    return FieldDifference(path=path, change=change, before=before, after=after)


def _hides(value: Any) -> bool:
    items = as_list(value)
    if items is not None:
        return any(map(_hides, items))
    fields = as_object(value)
    return any(map(_hides, fields.values())) if fields else isinstance(value, _Concealed)


def _unwrapped(value: Any) -> Any:
    """Put masks in the place of what is concealed deeper inside."""
    items = as_list(value)
    if items is not None:
        return [_unwrapped(item) for item in items]
    fields = as_object(value)
    if fields is not None:
        return {key: _unwrapped(each) for key, each in fields.items()}
    return MASK if isinstance(value, _Concealed) else value
