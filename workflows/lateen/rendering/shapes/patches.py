"""JSON patches: RFC 7396 (merge) and RFC 6902 (operations), on drafts that may change in place."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.model.base import Json


_END = "-"
"""The item behind the last one of a list."""


class PatchError(LateenError):
    """An operation doesn't fit the document, or its ``test`` failed."""


def merge_patch(target: Json, patch: Mapping[str, Any]) -> None:
    """Merge objects key by key; null removes, everything else replaces."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            inner = target.get(key)
            if not isinstance(inner, dict):
                inner = target[key] = {}
            merge_patch(cast("Json", inner), cast("Json", value))
        else:
            target[key] = copy.deepcopy(value)


def patch_once(document: Json, op: str, path: str, *, source: str | None, value: Any) -> None:
    """Carry out one operation; raises ``PatchError`` when it can't be done.

    The document itself can't be replaced or removed.
    """
    if op in ("move", "copy"):
        if source is None:
            raise PatchError(f"{op} needs from")
        value = copy.deepcopy(_get(document, _tokens(source)))
        if op == "move":
            if path.startswith(f"{source}/"):
                raise PatchError("can't move a value into itself")
            _remove(document, _tokens(source))
        _add(document, _tokens(path), value)
    elif op == "test":
        if _get(document, _tokens(path)) != value:
            raise PatchError("test failed")
    elif op == "remove":
        _remove(document, _tokens(path))
    elif op == "replace":
        tokens = _tokens(path)
        _get(document, tokens)
        parent, key = _parent(document, tokens)
        parent[key] = copy.deepcopy(value)
    else:
        _add(document, _tokens(path), copy.deepcopy(value))


def _tokens(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise PatchError("expected a path such as /spec/replicas")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def _get(document: Any, tokens: list[str]) -> Any:
    for token in tokens:
        if isinstance(document, dict) and token in document:
            document = cast("Json", document)[token]
        elif _is_list(document):
            document = document[_index(document, token, last=len(document) - 1)]
        else:
            raise PatchError(f"there is no {token!r}")
    return document


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _parent(document: Json, tokens: list[str]) -> tuple[Any, Any]:
    parent = _get(document, tokens[:-1])
    if _is_list(parent):
        return parent, _index(parent, tokens[-1], last=len(parent))
    if not isinstance(parent, dict):
        raise PatchError(f"can't reach {tokens[-1]!r}: its parent is neither object nor list")
    return cast("Json", parent), tokens[-1]


def _index(items: list[Any], token: str, *, last: int) -> int:
    if token == _END:
        return len(items) if last == len(items) else _missing(token)
    if not token.isdecimal() or int(token) > last:
        return _missing(token)
    return int(token)


def _missing(token: str) -> int:
    raise PatchError(f"there is no item {token!r}")


def _add(document: Json, tokens: list[str], value: Any) -> None:
    parent, key = _parent(document, tokens)
    if _is_list(parent):
        parent.insert(key, value)
    else:
        parent[key] = value


def _remove(document: Json, tokens: list[str]) -> None:
    _get(document, tokens)
    parent, key = _parent(document, tokens)
    del parent[key]
