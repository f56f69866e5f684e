"""Texts for the cue program: a definition's template together with what it is evaluated on.

The template stands inside a struct of its own, behind its imports, so that all its fields can be looked at
together and none of its names can clash with ours. Its lines keep their numbers.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lateen.definitions.values import markers
from lateen.model.errors import LateenError
from lateen.model.json_values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from lateen.model.base import Json

    Lengths: TypeAlias = Mapping[tuple[str, ...], int]

RESULTS = ("output", "outputs", "patch", "patchOutputs", "errs")
"""The fields of a template that make something."""

GIVEN = "_lateenGiven"
RUN = "_lateenRun"
RESULT = "_lateenResult"
PARAMETER = "#lateenParameter"
_TEMPLATE = "_lateenTemplate"

PACKAGES = frozenset(
    [
        "crypto/hmac", "crypto/md5", "crypto/sha1", "crypto/sha256", "crypto/sha512",
        "encoding/base64", "encoding/csv", "encoding/hex", "encoding/json", "encoding/toml", "encoding/yaml",
        "html", "list", "math", "math/bits", "net", "path", "regexp", "strconv", "strings", "struct",
        "text/tabwriter", "text/template", "time", "uuid",
    ]
)  # fmt: skip
"""CUE's own packages that depend on their arguments alone."""

_HEAD = re.compile(
    r"""\s+ | //[^\n]* | ; | package\s+\w+
    | import\s+(?P<one>(?:[\w.]+\s+)?"[^"\n]*")
    | import\s*\((?P<many>[^)]*)\)""",
    re.VERBOSE,
)
_IMPORT = re.compile(r'(?:[\w.]+\s+)?"([^"\n:]*)(?::\w+)?"')
_PATCH = re.compile(r"(?m)((?:^[ \t]*//[^\n]*\n)+)[ \t]*patch[ \t]*:")
_CONTEXT = re.compile(r"\bcontext\b(?:\s*\.\s*(\w+))?(?!\s*:)")
_LOOP = re.compile(
    r"""\bfor\s+\w+(?:\s*,\s*\w+)?\s+in\s+(parameter(?:\.\w+|\["\w+"\])+)(?=\s*(?:\{|if\b|for\b|let\b))"""
)
_SHARED = frozenset(
    {
        "name", "appName", "namespace", "appLabels", "appAnnotations", "components", "replicaKey", "revision",
        "publishVersion", "workflowName", "output", "outputs",
    }
)  # fmt: skip
_OUR_LINES = 4
"""Lines in front of the template's own."""


class Unsupported(LateenError):
    """A template uses what lateen doesn't have."""


def check_imports(template: str) -> list[str]:
    """Return what can't be imported, one sentence each."""
    return [
        f"import {path!r} is not supported; CUE's own packages are: {', '.join(sorted(PACKAGES))}"
        for path in _imports(template)
        if path not in PACKAGES
    ]


def has_parameter(template: str) -> bool:
    """Tell whether a template declares its parameter."""
    return declares(template, "parameter")


def declares(template: str, name: str) -> bool:
    """Tell whether a template has a field of this name, on whatever condition."""
    return bool(
        re.search(rf"""(?m)^[ \t]*"?{name}"?[ \t]*[:?!]|[{{,][ \t]*{name}[ \t]*:""", template)
    )


def patch_markers(template: str) -> dict[str, str]:
    """Return the markers above the field ``patch`` itself, which cue does not print with its value."""
    found: dict[str, str] = {}
    for comments in _PATCH.findall(template):
        found |= markers([line.strip().removeprefix("//") for line in comments.splitlines()])
    return found


def reads_target(template: str) -> bool:
    """Tell whether a template looks at where it is rendered for, or might."""
    code = re.sub(r"//[^\n]*", "", template)
    return any(name not in _SHARED for name in _CONTEXT.findall(code))


def check_text(template: str, properties: Json) -> str:
    """Return the text whose ``GIVEN`` is what was given, unified with the closed parameter."""
    given = f"{GIVEN}: {PARAMETER} & {_literal(properties)}\n"
    return schema_text(template) + given


def schema_text(template: str) -> str:
    """Return the text whose ``PARAMETER`` is the closed parameter.

    A definition closes all structs below it, however it gets them: unknown keys are errors.
    """
    parameter = "parameter: _\n" if has_parameter(template) else "parameter: {}\n"
    head = f"{_TEMPLATE}: {{\ncontext: _\n{parameter}"
    return f"{_wrapped(template, head)}{PARAMETER}: {_TEMPLATE}.parameter\n"


def render_text(
    template: str, properties: Json, context: Json, *, lengths: Lengths | None = None
) -> str:
    """Return the text whose ``RESULT`` has the fields of the template that make something.

    ``lengths`` are of lists in ``patch`` that are to have so many items, by their path: only then is what an
    open list (``[...{}]``) says of further items printed.
    """
    parameter = f"parameter: {_literal(properties)}\n"
    head = f"{RUN}: {{\ncontext: {_literal(context)}\n{parameter}"
    extended = "".join(
        f"{RUN}: patch: {': '.join(json.dumps(part) for part in path)}: [{', '.join(['{}'] * length)}]\n"
        for path, length in (lengths or {}).items()
    )
    wanted = " || ".join(f'k == "{name}"' for name in RESULTS)
    return f"{_wrapped(template, head)}{extended}{RESULT}: {{for k, v in {RUN} if {wanted} {{(k): v}}}}\n"


def template_line(line: int) -> int:
    """Turn a line of a text into the line of its template."""
    return line - _OUR_LINES


def _wrapped(template: str, head: str) -> str:
    """Put a template's body into a struct; its head goes before it, on the first line."""
    length = _head_length(template)
    top, body = template[:length], _LOOP.sub(_guarded, template[length:])
    specs = ", ".join(_import_specs(top))
    imports = f"import ({specs})" if specs else ""
    blank = "\n" * top.count("\n")
    return f"{imports}\n{head}{blank}{body}\n}}\n"


def _guarded(loop: re.Match[str]) -> str:
    """Let a loop over a parameter that was not given make nothing, as KubeVela does: for cue it is an error."""
    return f"if {loop[1]} != _|_ {loop[0]}"


def _head_length(template: str) -> int:
    at = 0
    while found := _HEAD.match(template, at):
        at = found.end()
    return at


def _import_specs(top: str) -> list[str]:
    specs: list[str] = []
    at = 0
    while found := _HEAD.match(top, at):
        at = found.end()
        for text in (found["one"], re.sub(r"//[^\n]*", "", found["many"] or "")):
            specs += [each[0] for each in _IMPORT.finditer(text or "")]
    return specs


def _imports(template: str) -> list[str]:
    specs = _import_specs(template[: _head_length(template)])
    return [found[1] for found in map(_IMPORT.fullmatch, specs) if found]


def _literal(value: Any) -> str:
    """Write JSON as CUE: the canonical form, with what CUE's scanner refuses escaped."""
    return canonical_json(value).decode().replace("\ufeff", json.dumps("\ufeff")[1:-1])
