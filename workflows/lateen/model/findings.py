"""One finding of pydantic, and how it is told: the message, the value if it may be shown, the hint."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from lateen.model.errors import Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

Branch: TypeAlias = tuple[str, str]
"""A union met on the way: the path of the value, and the alternative that pydantic tried."""

_SECRETIVE = re.compile(
    r"secret|passw|token|credential|apikey|privatekey|(^|[.\]])(data|stringdata|binarydata|env|value)(\W|$)"
)

EXPECTED = {
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
class Finding:
    """One finding of pydantic, located in the user's document."""

    path: str
    kind: str
    value: Any
    context: Mapping[str, Any]
    text: str
    parent: type[BaseModel] | None
    key: str
    branches: tuple[Branch, ...] = field(default=())


def join_path(path: str, part: int | str) -> str:
    """Go one step down: ``a.b``, ``a[0]``, ``a["x/y"]``."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    if not part.replace("_", "").replace("-", "").isalnum():
        return f'{path}["{part}"]'
    return f"{path}.{part}" if path else part


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys that a model accepts, as a user writes them."""
    return [info.alias or name for name, info in model.model_fields.items()]


def problem_of(finding: Finding) -> Problem:
    """Tell a finding."""
    kind = finding.kind
    if kind in _BOUNDS:
        name, sentence = _BOUNDS[kind]
        bound = finding.context[name]
        shown = f"{bound:g}" if isinstance(bound, float) else bound
        return problem_at(finding, sentence.format(shown))
    if kind in EXPECTED:
        return problem_at(finding, f"expected {EXPECTED[kind]}", hint=_quoting(finding))
    if kind in _SPECIAL:
        return _SPECIAL[kind](finding)
    return problem_at(finding, finding.text[:1].lower() + finding.text[1:])


def _missing(finding: Finding) -> Problem:
    return Problem(finding.path, "is required")


def _unknown_key(finding: Finding) -> Problem:
    known = keys_of(finding.parent) if finding.parent else []
    value = revealed(finding.path, finding.value)
    return Problem(finding.path, "unknown key", value, nearest(finding.key, known))


def _not_listed(finding: Finding) -> Problem:
    return problem_at(finding, f"expected {finding.context['expected']}", hint=_near_value(finding))


def _unknown_tag(finding: Finding) -> Problem:
    expected = finding.context["expected_tags"]
    return Problem(finding.path, f"expected {expected}", finding.context["tag"])


def _missing_tag(finding: Finding) -> Problem:
    return Problem(
        join_path(finding.path, finding.context["discriminator"].strip("'")), "is required"
    )


def _refused(finding: Finding) -> Problem:
    return problem_at(finding, str(finding.context["error"]))


def _too_short(finding: Finding) -> Problem:
    least = finding.context["min_length"]
    unit = "characters" if finding.kind.startswith("string") else "items"
    return problem_at(
        finding, "must not be empty" if least == 1 else f"must have at least {least} {unit}"
    )


def problem_at(finding: Finding, message: str, *, hint: str = "") -> Problem:
    """Tell a finding with a message of its own; the value is shown unless it could be a secret."""
    if finding.value is None:
        return Problem(finding.path, f"{message}, not null", hint=hint)
    return Problem(finding.path, message, revealed(finding.path, finding.value), hint)


def _near_value(finding: Finding) -> str:
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


_SPECIAL: dict[str, Callable[[Finding], Problem]] = {
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


def _quoting(finding: Finding) -> str:
    """Explain YAML's quotes, the usual reason for a value of the wrong type."""
    if finding.kind == "list_type":
        return "put it in brackets: [...], or behind a '-' on a line of its own"
    if finding.kind not in _QUOTING:
        return ""
    if revealed(finding.path, finding.value) is None:
        # A value that could be a secret is not repeated; that it is no text may be said.
        return "put it in quotes" if _is_unquoted(finding) else ""
    return _QUOTING[finding.kind](finding.value)


def _is_unquoted(finding: Finding) -> bool:
    return finding.kind == "string_type" and isinstance(finding.value, bool | int | float)


def _plain(value: bool | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def revealed(path: str, value: Any) -> Any:
    """Return the value if an error may show it: a scalar whose path doesn't smell of secrets."""
    if not isinstance(value, str | int | float | bool):
        return None
    return None if _SECRETIVE.search(path.lower().replace("_", "").replace("-", "")) else value
