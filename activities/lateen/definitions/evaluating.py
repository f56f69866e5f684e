"""Evaluating definitions, by the cue program or by a stand-in; what was evaluated once is remembered."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from lateen.definitions.programs import CueMissing, find_cue, run_cue
from lateen.definitions.telling import (
    parameter_problems,
    read_errors,
    template_message,
)
from lateen.definitions.templates import (
    GIVEN,
    PARAMETER,
    RESULT,
    check_text,
    render_text,
    schema_text,
)
from lateen.definitions.values import Member, Unreadable, read_struct
from lateen.model.errors import LateenError
from lateen.model.json_values import as_object
from lateen.programs.running import Printed, ProgramStopped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lateen.definitions.templates import Lengths
    from lateen.model.base import Json
    from lateen.model.errors import Problem

_REMEMBERED = 64 << 20
"""Bytes of what was printed."""

_DEEPEST = 8
_AT_ONCE = max(2, os.cpu_count() or 2)


class BrokenTemplate(LateenError):
    """A template can't be evaluated on what it was given. The message says why, in one line."""


class Evaluator(Protocol):
    """What a type made of a definition needs. All of it blocks, and gives the same for the same."""

    def problems(self, template: str, properties: Json, *, path: str) -> list[Problem]:
        """Return what is wrong with properties that stand at ``path``. Raises ``BrokenTemplate``."""
        ...

    def render(
        self, template: str, properties: Json, context: Json, *, lengths: Lengths | None = None
    ) -> dict[str, Member]:
        """Return the fields of a template that make something. Raises ``BrokenTemplate``.

        ``lengths`` are the lengths that lists of the patch are to have, by their path.
        """
        ...


class CueEvaluator:
    """Evaluates by the cue program; safe to use from several threads.

    Without a ``program`` it is looked for at the first use.
    """

    def __init__(self, program: Path | None = None) -> None:
        self._program = program
        self._printed: OrderedDict[str, Printed] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def problems(self, template: str, properties: Json, *, path: str) -> list[Problem]:
        """Check properties against the closed parameter. Raises ``BrokenTemplate``, ``CueMissing``."""
        text = check_text(template, properties)
        printed = self._run(["export", "-", "-e", GIVEN, "--out", "cue"], text)
        if printed.code == 0:
            return []
        said = read_errors(printed.errors)
        return parameter_problems(
            said, properties, path=path, known=lambda place: self._keys(template, place)
        )

    def render(
        self, template: str, properties: Json, context: Json, *, lengths: Lengths | None = None
    ) -> dict[str, Member]:
        """Evaluate a template. Raises ``BrokenTemplate``, ``CueMissing``."""
        text = render_text(template, properties, context, lengths=lengths)
        printed = self._run(["export", "-", "-e", RESULT, "--out", "cue"], text)
        if printed.code:
            raise BrokenTemplate(template_message(read_errors(printed.errors)))
        try:
            return read_struct(printed.output)
        except Unreadable as error:
            raise BrokenTemplate(str(error)) from None

    def schema(self, template: str) -> Json:
        """Return the JSON schema of a template's parameter. Raises ``BrokenTemplate``, ``CueMissing``."""
        arguments = ["def", "-", "-e", PARAMETER, "--out", "jsonschema"]
        printed = self._run(arguments, schema_text(template))
        if printed.code:
            raise BrokenTemplate(template_message(read_errors(printed.errors)))
        return as_object(json.loads(printed.output)) or {}

    def parameter(self, template: str) -> str:
        """Return a template's parameter in CUE, all of it in one place. Raises as ``schema`` does."""
        printed = self._run(["def", "-", "-e", PARAMETER], schema_text(template))
        if printed.code:
            raise BrokenTemplate(template_message(read_errors(printed.errors)))
        return printed.output

    def _keys(self, template: str, place: Sequence[str | int]) -> Sequence[str] | None:
        """Return the keys that a template's parameter has at a place, None where its schema says nothing."""
        try:
            schema = self.schema(template)
        except BrokenTemplate:
            return None
        found = _properties_at(schema, place)
        return None if found is None else list(found)

    def _run(self, arguments: Sequence[str], text: str) -> Printed:
        digest = hashlib.sha256("\0".join([*arguments, text]).encode()).hexdigest()
        with self._lock:
            known = self._printed.get(digest)
            if known is not None:
                self._printed.move_to_end(digest)
                return known
        program = self._program = self._program or find_cue()
        if program is None:
            raise CueMissing
        with self._slots:
            try:
                printed = run_cue(program, arguments, text)
            except ProgramStopped as error:
                raise BrokenTemplate(str(error)) from None
        if printed.code < 0 or (printed.code and not printed.errors):
            raise BrokenTemplate("cue needed too much time or memory")
        self._remember(digest, printed)
        return printed

    def _remember(self, digest: str, printed: Printed) -> None:
        with self._lock:
            if digest in self._printed:
                return
            self._printed[digest] = printed
            self._size += len(printed.output) + len(printed.errors)
            while self._size > _REMEMBERED:
                _, old = self._printed.popitem(last=False)
                self._size -= len(old.output) + len(old.errors)


def _properties_at(schema: Json, place: Sequence[str | int]) -> dict[str, Json] | None:
    """Walk a schema down a path; of alternatives, all count. None where it leads out of the schema."""
    definitions = as_object(schema.get("$defs")) or {}
    found = [schema]
    for part in place:
        found = [inner for each in found for inner in _inside(each, part, definitions)]
    if not found:
        return None
    return {
        name: inner
        for each in found
        for choice in _choices(each, definitions)
        for name, inner in (as_object(choice.get("properties")) or {}).items()
    }


def _inside(schema: Json, part: str | int, definitions: Json) -> list[Json]:
    found: list[Json] = []
    for choice in _choices(schema, definitions):
        fields = as_object(choice.get("properties")) or {}
        inner = as_object(choice.get("items") if isinstance(part, int) else fields.get(part))
        found += [inner] if inner is not None else []
    return found


def _choices(schema: Json, definitions: Json, *, depth: int = 0) -> list[Json]:
    """Return a schema and all that it refers to or chooses among; recursion ends somewhere."""
    if depth > _DEEPEST:
        return []
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    referred = as_object(definitions.get(name)) if name else None
    listed = [each for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key) or ()]
    inner = [*listed, *([referred] if referred else [])]
    return [
        schema,
        *(found for each in inner for found in _choices(each, definitions, depth=depth + 1)),
    ]
