"""The text of an env-binding policy as the topologies and overrides that stand for its envs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lateen.client.documents import write_yaml
from lateen.policies.topology import TOPOLOGY
from lateen.texts.yaml_scalars import resolve_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.client.yaml_nodes import Node, YamlText
    from lateen.model.base import Json

_PLAIN = re.compile(r"[A-Za-z](?:[-\w./]*\w)?", re.ASCII)


def plain(text: str) -> str:
    """Return a string as a YAML scalar, quoted unless every reader takes it for a string."""
    if _PLAIN.fullmatch(text) and resolve_plain(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)


def lead_of(source: YamlText, item: Node) -> str | None:
    """Return what stands before an item of a block sequence: its ``-``; None if that is elsewhere."""
    lead = source.line(item.start[0])[: item.start[1]]
    return lead if lead.strip() == "-" else None


class EnvironmentText:
    """Writes what stands for the envs of one policy, with the lines that can be moved as they are.

    ``lead`` is the text before the policy, up to its ``-``. Comments keep their order: those inside
    what moves stay there, the others stand before what replaces their env or policy.
    """

    def __init__(self, source: YamlText, item: Node, *, lead: str) -> None:
        self._source = source
        self._item = item
        self._lead = lead
        self._indent = " " * len(lead)
        self._kept: set[int] = set()

    def items(self, envs: Sequence[Sequence[Json]]) -> list[str] | None:
        """Return the lines of all policies; None when the envs are not written one by one."""
        written = self._item.at("properties", "envs")
        if written is None or not written.is_block or len(written.children) != len(envs):
            return None
        pair = self._item.at("properties")
        key = pair.pair("envs") if pair else None
        if key is None:
            return None
        before, inside = key[0].start[0], range(0)
        blocks: list[str] = []
        covered: set[int] = set()
        for node, policies in zip(written.children, envs, strict=True):
            last = self._source.last_line(node)
            inside = range(before + 1, last + 1)
            covered.update(inside)
            blocks += self._env(node, policies, inside, is_first=not blocks)
            before = last
        whole = range(self._item.start[0], self._source.last_line(self._item) + 1)
        return [*self._above(line for line in whole if line not in covered), *blocks]

    def _env(
        self, node: Node, policies: Sequence[Json], inside: range, *, is_first: bool
    ) -> list[str]:
        lines: list[str] = []
        for policy in policies:
            lines.append(f"{self._lead}name: {plain(policy['name'])}")
            lines.append(f"{self._indent}type: {policy['type']}")
            lines.append(f"{self._indent}properties:")
            is_place = policy["type"] == TOPOLOGY
            lines += self._place(node, policy) if is_place else self._changes(node, policy)
        gap = range(inside.start, node.start[0])
        blank = (
            [""] if not is_first and any(not self._source.line(at).strip() for at in gap) else []
        )
        return [*blank, *self._above(line for line in inside if line not in self._kept), *lines]

    def _place(self, node: Node, policy: Json) -> list[str]:
        """Write cluster and namespace, each with the comment that stood behind it."""
        properties = policy["properties"]
        clusters = ", ".join(map(plain, properties["clusters"]))
        found = [(f"clusters: [{clusters}]", node.at("placement", "clusterSelector", "name"))]
        if "namespace" in properties:
            name = node.at("placement", "namespaceSelector", "name")
            found.append((f"namespace: {plain(properties['namespace'])}", name))
        lines: list[str] = []
        for text, value in found:
            comment = ""
            if value is not None and value.start[0] not in self._kept:
                comment = self._source.comment(value.start[0])
                self._kept.add(value.start[0])
            lines.append(f"{self._indent}  {text}{'  ' if comment else ''}{comment}")
        return lines

    def _changes(self, node: Node, policy: Json) -> list[str]:
        lines: list[str] = []
        for key, parent in (("components", "patch"), ("selector", "selector")):
            if key in policy["properties"]:
                lines += self._moved(node.at(parent), key) or self._written(policy, key)
        return lines

    def _moved(self, parent: Node | None, new_key: str) -> list[str]:
        """Return the lines of ``components`` under a new key and as deep as properties stand."""
        pair = parent.pair("components") if parent else None
        if pair is None:
            return []
        key, value = pair
        first, column = key.start
        if self._source.line(first)[:column].strip() or not parent or not parent.is_block:
            return []
        last = max(first, self._source.last_line(value))
        self._kept.update(range(first, last + 1))
        head = " " * column + new_key + self._source.line(first)[key.end[1] :]
        rest = [self._source.line(line) for line in range(first + 1, last + 1)]
        return list(_shifted([head, *rest], by=len(self._indent) + 2 - column))

    def _written(self, policy: Json, key: str) -> list[str]:
        lines = write_yaml([{key: policy["properties"][key]}]).splitlines()
        return list(_shifted(lines, by=len(self._indent) + 2))

    def _above(self, lines: Iterable[int]) -> list[str]:
        indent = " " * self._lead.index("-")
        return [indent + comment for comment in self._source.comments(lines)]


def _shifted(lines: Iterable[str], *, by: int) -> Iterable[str]:
    """Indent lines more or less; a line that has less than is to go loses what it has."""
    for line in lines:
        if not line.strip() or by == 0:
            yield line
        elif by > 0:
            yield " " * by + line
        else:
            blanks = len(line) - len(line.lstrip(" "))
            yield line[min(-by, blanks) :]
