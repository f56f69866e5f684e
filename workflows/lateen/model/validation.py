"""pydantic's findings in the words of the person who wrote the document.

``problems_of`` turns a ``ValidationError`` into problems whose paths are the user's own (camelCase,
as written), with the nearest valid key or the allowed values as the way out. A value that could be
a secret is never repeated.
"""

from __future__ import annotations

import re
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lateen.model.errors import Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_MOST_FINDINGS = 200
"""More are not worth the time: a hostile document can have a hundred thousand."""

_Branch: TypeAlias = tuple[str, str]
"""A union met on the way: the path of the value, and the alternative that pydantic tried."""

_SECRETIVE = re.compile(
    r"secret|passw|token|credential|apikey|privatekey|(^|[.\]])(data|stringdata|binarydata|env|value)(\W|$)"
)

_EXPECTED = {
    "string_type": "a string",
    "string_sub_type": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "int_parsing_size": "a smaller integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "an object",
    "mapping_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dataclass_type": "an object",
    "none_required": "null",
}

_BOUNDS: dict[str, tuple[str, str]] = {
    "greater_than": ("gt", "must be greater than {}"),
    "greater_than_equal": ("ge", "must be at least {}"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be at most {}"),
    "multiple_of": ("multiple_of", "must be a multiple of {}"),
    "string_too_long": ("max_length", "must have at most {} characters"),
    "too_long": ("max_length", "must have at most {} items"),
    "string_pattern_mismatch": ("pattern", "must match {}"),
}


@dataclass(frozen=True)
class _Found:
    """One finding of pydantic, located in the user's document."""

    path: str
    kind: str
    value: Any
    context: Mapping[str, Any]
    text: str
    parent: type[BaseModel] | None
    key: str
    branches: tuple[_Branch, ...] = field(default=())


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
            problems.append(_problem(finding))
            continue
        union = finding.branches[0][0]
        if union not in done:
            done.add(union)
            problems += _settle([other for other in found if _under(other, union)], depth=0)
    return problems


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys that a model accepts, as a user writes them."""
    return [info.alias or name for name, info in model.model_fields.items()]


def _under(finding: _Found, union: str) -> bool:
    return bool(finding.branches) and finding.branches[0][0] == union


def _settle(found: Sequence[_Found], *, depth: int) -> list[Problem]:
    """Choose among a union's alternatives: the closest speaks, or all name their type."""
    tried: dict[str, list[_Found]] = {}
    for finding in found:
        tried.setdefault(finding.branches[depth][1], []).append(finding)
    union = found[0].branches[depth][0]
    fitting = [group for group in tried.values() if not _mismatch(group, union)]
    if not fitting:
        names = _unique(_EXPECTED[group[0].kind] for group in tried.values())
        first = found[0]
        return [_problem_at(first, "expected " + " or ".join(names))]
    best = min(fitting, key=len)
    problems: list[Problem] = []
    done: set[str] = set()
    for finding in best:
        if len(finding.branches) <= depth + 1:
            problems.append(_problem(finding))
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


def _mismatch(group: Sequence[_Found], union: str) -> bool:
    return len(group) == 1 and group[0].path == union and group[0].kind in _EXPECTED


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _locate(
    loc: tuple[int | str, ...], model: type[BaseModel], *, path: str, finding: dict[str, Any]
) -> _Found:
    """Walk pydantic's location along the types, which tells keys from the names of alternatives."""
    annotation: Any = model
    parent: type[BaseModel] | None = None
    key = ""
    branches: list[_Branch] = []
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
        path = _join(path, part)
        annotation = _inside(annotation, part)
    return _Found(
        path=path,
        kind=finding["type"],
        value=finding["input"],
        context=finding.get("ctx", {}),
        text=finding["msg"],
        parent=parent,
        key=key,
        branches=tuple(branches),
    )


def _join(path: str, part: int | str) -> str:
    if isinstance(part, int):
        return f"{path}[{part}]"
    if not part.replace("_", "").replace("-", "").isalnum():
        return f'{path}["{part}"]'
    return f"{path}.{part}" if path else part


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


def _problem(finding: _Found) -> Problem:
    kind = finding.kind
    if kind in _BOUNDS:
        name, sentence = _BOUNDS[kind]
        bound = finding.context[name]
        shown = f"{bound:g}" if isinstance(bound, float) else bound
        return _problem_at(finding, sentence.format(shown))
    if kind in _EXPECTED:
        return _problem_at(finding, f"expected {_EXPECTED[kind]}", hint=_quoting(finding))
    if kind in _SPECIAL:
        return _SPECIAL[kind](finding)
    return _problem_at(finding, finding.text[:1].lower() + finding.text[1:])


def _missing(finding: _Found) -> Problem:
    return Problem(finding.path, "is required")


def _unknown_key(finding: _Found) -> Problem:
    known = keys_of(finding.parent) if finding.parent else []
    value = revealed(finding.path, finding.value)
    return Problem(finding.path, "unknown key", value, nearest(finding.key, known))


def _not_listed(finding: _Found) -> Problem:
    return _problem_at(
        finding, f"expected {finding.context['expected']}", hint=_near_value(finding)
    )


def _unknown_tag(finding: _Found) -> Problem:
    expected = finding.context["expected_tags"]
    return Problem(finding.path, f"expected {expected}", finding.context["tag"])


def _missing_tag(finding: _Found) -> Problem:
    return Problem(_join(finding.path, finding.context["discriminator"].strip("'")), "is required")


def _refused(finding: _Found) -> Problem:
    return _problem_at(finding, str(finding.context["error"]))


def _too_short(finding: _Found) -> Problem:
    least = finding.context["min_length"]
    unit = "characters" if finding.kind.startswith("string") else "items"
    return _problem_at(
        finding, "must not be empty" if least == 1 else f"must have at least {least} {unit}"
    )


def _problem_at(finding: _Found, message: str, *, hint: str = "") -> Problem:
    if finding.value is None:
        return Problem(finding.path, f"{message}, not null", hint=hint)
    return Problem(finding.path, message, revealed(finding.path, finding.value), hint)


def _near_value(finding: _Found) -> str:
    if not isinstance(finding.value, str):
        return ""
    allowed = [
        word.strip("'") for word in finding.context["expected"].replace(" or ", ", ").split(", ")
    ]
    hint = nearest(finding.value, allowed)
    return hint if hint.startswith("did you mean") else ""


_QUOTING: dict[str, Callable[[Any], str]] = {
    "string_type": lambda value: (
        f"write it in quotes: '{_plain(value)}'" if isinstance(value, bool | int | float) else ""
    ),
    "int_type": lambda value: (
        f"write {value} without quotes"
        if isinstance(value, str) and value.removeprefix("-").isdecimal()
        else ""
    ),
    "bool_type": lambda value: (
        f"write {value.lower()} without quotes"
        if isinstance(value, str) and value.lower() in ("true", "false")
        else ""
    ),
}


_SPECIAL: dict[str, Callable[[_Found], Problem]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "literal_error": _not_listed,
    "enum": _not_listed,
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": _missing_tag,
    "value_error": _refused,
    "assertion_error": _refused,
    "string_too_short": _too_short,
    "too_short": _too_short,
}


def _quoting(finding: _Found) -> str:
    """Explain YAML's quotes, the usual reason for a value of the wrong type."""
    if finding.kind not in _QUOTING or revealed(finding.path, finding.value) is None:
        return ""
    return _QUOTING[finding.kind](finding.value)


def _plain(value: bool | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def revealed(path: str, value: Any) -> Any:
    """Return the value if an error may show it: a scalar whose path doesn't smell of secrets."""
    if not isinstance(value, str | int | float | bool):
        return None
    return None if _SECRETIVE.search(path.lower().replace("_", "").replace("-", "")) else value
