"""Rewriting the YAML of an application that migrates: what moves keeps its text and its comments.

Whole lines are replaced where the document is in block style, and single values where it is in flow
style, as in JSON. Nothing else is touched.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lateen.client.documents import write_yaml
from lateen.client.environment_text import EnvironmentText, lead_of, plain
from lateen.model.errors import LateenError
from lateen.model.json_values import join_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.client.yaml_nodes import Node, Position, YamlText
    from lateen.model.base import Json
    from lateen.planning.migrating import Migration, StepPath


class CannotRewrite(LateenError):
    """A text is written so that the change would touch more than it should: where, and the way out."""


@dataclass(frozen=True)
class Edit:
    """Replaces the text between two positions."""

    start: Position
    end: Position
    text: str


def apply_edits(source: YamlText, edits: Iterable[Edit]) -> str:
    """Return the text after all edits, which must not overlap."""
    text = source.text
    for edit in sorted(edits, key=lambda each: (each.start, each.end), reverse=True):
        text = text[: source.offset(edit.start)] + edit.text + text[source.offset(edit.end) :]
    return text


class Rewriting:
    """The edits that one migration makes to one application of a text.

    ``moving`` moves what the old policies say together with its comments; without, their new form is
    written from the values, for texts in which something moved would mean something else.
    """

    def __init__(
        self, source: YamlText, application: Node, migration: Migration, *, moving: bool
    ) -> None:
        self._source = source
        self._application = application
        self._migration = migration
        self._moving = moving

    def edits(self) -> list[Edit]:
        """Return the edits. Raises ``CannotRewrite``."""
        edits: list[Edit] = []
        for index, envs in self._migration.policies.items():
            edits.append(self._policy(index, envs))
        for path, step in self._migration.steps.items():
            edits += self._step(path, step)
        if self._migration.added_steps:
            edits.append(self._added_steps(self._migration.added_steps))
        return edits

    def _find(self, *path: str | int) -> Node:
        node = self._application.at(*path)
        if node is None:
            where = join_path("", *path)
            raise CannotRewrite(f"{where} is written with an alias; write it out")
        return node

    def _policy(self, index: int, envs: Sequence[Sequence[Json]]) -> Edit:
        item = self._find("spec", "policies", index)
        policies = [policy for env in envs for policy in env]
        if not self._find("spec", "policies").is_block:
            return self._flow_items(item, policies)
        lead = lead_of(self._source, item)
        if lead is None:
            raise CannotRewrite(
                f"spec.policies[{index}] does not begin behind its '-'; move it there"
            )
        written: list[str] | None = None
        if self._moving:
            written = EnvironmentText(self._source, item, lead=lead).items(envs)
        if written is None:
            written = [line for policy in policies for line in _dump(policy, lead=lead)]
            written = [*self._comments(item, indent=lead.index("-")), *written]
        return self._lines(item.start[0], self._source.last_line(item), written)

    def _step(self, path: StepPath, step: Json) -> list[Edit]:
        keys: list[str | int] = ["spec", "workflow", "steps", path[0]]
        for index in path[1:]:
            keys += ["subSteps", index]
        item = self._find(*keys)
        kind, properties = item.pair("type"), item.pair("properties")
        if not self._moving or kind is None or properties is None or kind[1].kind != "scalar":
            return [self._whole_step(item, step, path=keys)]
        start, end = kind[1].start, kind[1].end
        old = self._source.line(start[0])[start[1] : end[1]]
        edits = [Edit(start, end, old.replace("deploy2env", "deploy"))]
        key, value = properties
        names = f"policies: [{', '.join(map(plain, step['properties']['policies']))}]"
        if not value.is_block:
            is_quoted = self._source.line(key.start[0])[key.start[1]] in "\"'"
            text = _json(step["properties"]) if is_quoted else f"{{{names}}}"
            return [*edits, Edit(value.start, value.end, text)]
        first, last = key.start[0], self._source.last_line(value)
        indent = " " * (key.start[1] + 2)
        comments = self._source.comments(range(first + 1, last + 1))
        lines = [self._source.line(first), *(indent + each for each in comments), indent + names]
        return [*edits, self._lines(first, last, lines)]

    def _whole_step(self, item: Node, step: Json, *, path: Sequence[str | int]) -> Edit:
        if not self._find(*path[:-1]).is_block:
            return self._flow_items(item, [step])
        lead = lead_of(self._source, item)
        if lead is None:
            where = join_path("", *path)
            raise CannotRewrite(f"{where} does not begin behind its '-'; move it there")
        comments = self._comments(item, indent=lead.index("-"))
        lines = [*comments, *_dump(step, lead=lead)]
        return self._lines(item.start[0], self._source.last_line(item), lines)

    def _added_steps(self, steps: Sequence[Json]) -> Edit:
        spec = self._find("spec")
        workflow = spec.pair("workflow")
        whole = self._migration.application["spec"]["workflow"]
        if not spec.is_block:
            return self._flow_workflow(spec, whole)
        column = spec.children[0].start[1]
        if workflow is None:
            written = [" " * column + "workflow:", *self._steps_lines(steps, column + 2)]
            return self._insert(self._source.last_line(spec), written)
        key, value = workflow
        if value.is_block and value.kind == "mapping" and value.pair("steps") is None:
            written = self._steps_lines(steps, value.children[0].start[1])
            return self._insert(self._source.last_line(value), written)
        last = max(key.start[0], self._source.last_line(value))
        comments = self._source.comments(range(key.start[0], last + 1))
        lines = [" " * column + each for each in comments]
        return self._lines(
            key.start[0], last, [*lines, *_dump({"workflow": whole}, lead=" " * column)]
        )

    def _steps_lines(self, steps: Sequence[Json], column: int) -> list[str]:
        """Write steps with the indentation that the policies have."""
        policies = self._find("spec", "policies")
        outer = self._find("spec").children[0].start[1]
        inner = policies.children[0].start[1] - 2 - outer
        dash = " " * (column + (inner if policies.is_block and 0 <= inner <= 8 else 2)) + "- "
        rest = " " * len(dash)
        lines = [" " * column + "steps:"]
        for step in steps:
            names = ", ".join(map(plain, step["properties"]["policies"]))
            lines += [
                f"{dash}name: {plain(step['name'])}",
                f"{rest}type: {step['type']}",
                f"{rest}properties:",
                f"{rest}  policies: [{names}]",
            ]
        return lines

    def _flow_items(self, item: Node, values: Sequence[Any]) -> Edit:
        base = self._indent_of(item)
        one_line = item.start[0] == item.end[0]
        joint = ", " if one_line else f",{self._source.newline}{base}"
        texts = [self._flow(value, base=base, one_line=one_line) for value in values]
        return Edit(item.start, item.end, joint.join(texts))

    def _flow_workflow(self, spec: Node, workflow: Json) -> Edit:
        old = spec.pair("workflow")
        one_line = spec.start[0] == spec.end[0]
        if old is not None:
            base = self._indent_of(old[0])
            text = self._flow(workflow, base=base, one_line=one_line)
            return Edit(old[1].start, old[1].end, text)
        last = spec.pairs[-1]
        base = self._indent_of(last[0])
        text = f'"workflow": {self._flow(workflow, base=base, one_line=one_line)}'
        joint = ", " if one_line else f",{self._source.newline}{base}"
        return Edit(last[1].end, last[1].end, joint + text)

    def _flow(self, value: Any, *, base: str, one_line: bool) -> str:
        if one_line:
            return _json(value)
        text = json.dumps(value, indent=2, ensure_ascii=False)
        return text.replace("\n", f"{self._source.newline}{base}")

    def _indent_of(self, node: Node) -> str:
        line = self._source.line(node.start[0])
        return line[: len(line) - len(line.lstrip(" "))]

    def _comments(self, node: Node, *, indent: int) -> list[str]:
        lines = range(node.start[0], self._source.last_line(node) + 1)
        return [" " * indent + comment for comment in self._source.comments(lines)]

    def _lines(self, first: int, last: int, lines: Sequence[str]) -> Edit:
        return Edit((first, 0), (last + 1, 0), self._joined(lines))

    def _insert(self, behind: int, lines: Sequence[str]) -> Edit:
        return Edit((behind + 1, 0), (behind + 1, 0), self._joined(lines))

    def _joined(self, lines: Sequence[str]) -> str:
        return "".join(line + self._source.newline for line in lines)


def _dump(value: Json, *, lead: str) -> list[str]:
    """Write a value in block style; its first line begins with ``lead``, the others are as deep."""
    first, *rest = write_yaml([value]).splitlines()
    return [lead + first, *(" " * len(lead) + line if line else line for line in rest)]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
