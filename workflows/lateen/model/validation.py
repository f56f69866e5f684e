"""pydantic's findings in the words of the person who wrote the document.

``problems_of`` turns a ``ValidationError`` into problems whose paths are the user's own (camelCase,
as written), with the nearest valid key or the allowed values as the way out. A value that could be
a secret is never repeated.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lateen.model.findings import EXPECTED, Branch, Finding, join_path, problem_at, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.model.errors import Problem

_MOST_FINDINGS = 200
"""More are not worth the time: a hostile document can have a hundred thousand."""


def problems_of(error: ValidationError, model: type[BaseModel], *, path: str) -> list[Problem]:
    """Say what is wrong, in the user's own words and places.

    ``model`` is the class that was validated, ``path`` where its value stands in the document
    (``spec.components[0].properties``; empty at the top).
    """
    found = [
        _locate(finding["loc"], model, path=path, finding=dict(finding))
        for finding in error.errors(include_url=False)[:_MOST_FINDINGS]
    ]
    problems: list[Problem] = []
    done: set[str] = set()
    for finding in found:
        if not finding.branches:
            problems.append(problem_of(finding))
            continue
        union = finding.branches[0][0]
        if union not in done:
            done.add(union)
            problems += _settle([other for other in found if _under(other, union)], depth=0)
    return problems


def _under(finding: Finding, union: str) -> bool:
    return bool(finding.branches) and finding.branches[0][0] == union


def _settle(found: Sequence[Finding], *, depth: int) -> list[Problem]:
    """Choose among a union's alternatives: the closest speaks, or all name their type."""
    tried: dict[str, list[Finding]] = {}
    for finding in found:
        tried.setdefault(finding.branches[depth][1], []).append(finding)
    union = found[0].branches[depth][0]
    fitting = [group for group in tried.values() if not _mismatch(group, union)]
    if not fitting:
        names = _unique(EXPECTED[group[0].kind] for group in tried.values())
        first = found[0]
        return [problem_at(first, "expected " + " or ".join(names))]
    best = min(fitting, key=len)
    problems: list[Problem] = []
    done: set[str] = set()
    for finding in best:
        if len(finding.branches) <= depth + 1:
            problems.append(problem_of(finding))
            continue
        inner = finding.branches[depth + 1][0]
        if inner not in done:
            done.add(inner)
            nested = [
                other
                for other in best
                if len(other.branches) > depth + 1 and other.branches[depth + 1][0] == inner
            ]
            problems += _settle(nested, depth=depth + 1)
    return problems


def _mismatch(group: Sequence[Finding], union: str) -> bool:
    return len(group) == 1 and group[0].path == union and group[0].kind in EXPECTED


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _locate(
    loc: tuple[int | str, ...], model: type[BaseModel], *, path: str, finding: dict[str, Any]
) -> Finding:
    """Walk pydantic's location along the types, which tells keys from the names of alternatives."""
    annotation: Any = model
    parent: type[BaseModel] | None = None
    key = ""
    branches: list[Branch] = []
    for position, part in enumerate(loc):
        annotation = _bare(annotation)
        if part == "[key]" and position == len(loc) - 1:
            break
        if _is_union(annotation):
            branches.append((path, str(part)))
            annotation = _alternative(annotation, str(part))
            continue
        parent = annotation if _is_model(annotation) else None
        key = str(part)
        path = join_path(path, part)
        annotation = _inside(annotation, part)
    return Finding(
        path=path,
        kind=finding["type"],
        value=finding["input"],
        context=finding.get("ctx", {}),
        text=finding["msg"],
        parent=parent,
        key=key,
        branches=tuple(branches),
    )


def _bare(annotation: Any) -> Any:
    """Strip ``Annotated``, optionality and root models: none of them shows in a location."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif _is_model(annotation) and "root" in annotation.model_fields:
            annotation = annotation.model_fields["root"].annotation
        elif get_origin(annotation) in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member is not types.NoneType]
            if len(members) != 1:
                return annotation
            annotation = members[0]
        else:
            return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _alternative(union: Any, label: str) -> Any:
    """Return the member that pydantic names ``label``: a class name, a tag, or a description."""
    members = [_bare(member) for member in get_args(union)]
    for member in members:
        if _is_model(member) and (member.__name__ == label or _has_tag(member, label)):
            return member
    for member in members:
        origin = get_origin(member)
        if getattr(origin, "__name__", "") and label.startswith(f"{origin.__name__}["):
            return member
    models = [member for member in members if _is_model(member)]
    return models[0] if len(models) == 1 else None


def _has_tag(model: type[BaseModel], label: str) -> bool:
    return any(
        get_origin(info.annotation) is Literal and label in get_args(info.annotation)
        for info in model.model_fields.values()
    )


def _inside(annotation: Any, part: int | str) -> Any:
    if _is_model(annotation):
        for name, info in annotation.model_fields.items():
            if part in (info.alias, info.validation_alias, name):
                return info.annotation
        return None
    arguments = get_args(annotation)
    if isinstance(part, int):
        return arguments[0] if arguments else None
    return arguments[1] if len(arguments) == 2 else None
