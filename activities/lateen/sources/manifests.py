"""Manifests in YAML from elsewhere, checked as far as lateen relies on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lateen.model.errors import LateenError
from lateen.model.json_values import as_list, as_object, json_problems
from lateen.texts.yaml_reading import YamlError, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.model.base import Json

MOST_OBJECTS = 1000

_FROM_SERVERS = frozenset(
    {
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)


class UnusableManifest(LateenError):
    """A text is no list of Kubernetes objects. The message repeats no value."""


def read_manifests(text: str, *, repeated_keys: bool = False) -> list[Json]:
    """Return the objects of a YAML stream, those of a ``List`` one by one. Raises ``UnusableManifest``."""
    try:
        read = read_yaml(text, repeated_keys=repeated_keys)
        documents = [each for each in read if each.value is not None]
    except YamlError as error:
        where = f"line {error.line}: " if error.line else ""
        raise UnusableManifest(
            f"is no YAML that Kubernetes reads: {where}{error.message}"
        ) from None
    found = [made for each in documents for made in _objects(each.value, f"line {each.line}")]
    if len(found) > MOST_OBJECTS:
        raise UnusableManifest(f"has {len(found):,} objects; at most {MOST_OBJECTS:,} are taken")
    return found


def _objects(value: Any, where: str) -> Iterator[Json]:
    made = as_object(value)
    if made is None:
        raise UnusableManifest(f"holds something that is no object, at {where}")
    items = as_list(made.get("items"))
    if items is not None and str(made.get("kind", "")).endswith("List"):
        for index, each in enumerate(items):
            yield from _objects(each, f"{where}, items[{index}]")
        return
    yield _checked(made, where)


def _checked(made: Json, where: str) -> Json:
    metadata = as_object(made.get("metadata")) or {}
    for path, value in (
        ("apiVersion", made.get("apiVersion")),
        ("kind", made.get("kind")),
        ("metadata.name", metadata.get("name")),
    ):
        if not isinstance(value, str) or not value:
            raise UnusableManifest(f"holds an object without {path}, at {where}")
    if not isinstance(metadata.get("namespace") or "", str):
        raise UnusableManifest(f"holds an object whose metadata.namespace is no text, at {where}")
    for part in ("labels", "annotations"):
        texts = as_object(metadata.get(part) or dict[str, Any]())
        if texts is None or not all(isinstance(text, str) for text in texts.values()):
            raise UnusableManifest(
                f"holds an object whose metadata.{part} are no texts, at {where}"
            )
    problems = json_problems(made)
    if problems:
        raise UnusableManifest(f"holds a value that JSON can't, at {problems[0].path}, {where}")
    kept = {key: each for key, each in metadata.items() if key not in _FROM_SERVERS}
    rest = {key: each for key, each in made.items() if key != "status"}
    return {**_members_without_nulls(rest), "metadata": _members_without_nulls(kept)}


def _without_nulls(value: Any) -> Any:
    """Drop keys without a value, which templates leave behind and an API server ignores."""
    members = as_object(value)
    if members is not None:
        return _members_without_nulls(members)
    items = as_list(value)
    return value if items is None else [_without_nulls(each) for each in items]


def _members_without_nulls(members: Json) -> Json:
    return {key: _without_nulls(each) for key, each in members.items() if each is not None}
