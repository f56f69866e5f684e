"""The text of ``lateen diff``: a line for each field that a delivery would change. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from lateen.cli.verdicts import command, reason
from lateen.client.documents import write_yaml

if TYPE_CHECKING:
    from lateen.planning.differences import (
        ApplicationDifference,
        FieldDifference,
        ObjectDifference,
        PlacementDifference,
    )

Tone = Literal["title", "plain", "added", "removed", "changed", "problem"]
Line = tuple[Tone, str]

_MARKS: dict[str, tuple[Tone, str]] = {
    "create": ("added", "+"),
    "added": ("added", "+"),
    "delete": ("removed", "-"),
    "removed": ("removed", "-"),
    "change": ("changed", "~"),
    "changed": ("changed", "~"),
}


def comparison_lines(found: ApplicationDifference) -> Iterator[Line]:
    """Write everything that a delivery of an application would do, for people."""
    yield "title", f"{found.application}: {_summary(found)}"
    for problem in found.problems:
        for line in problem.splitlines():
            yield "problem", f"  ! {line}"
    for placement in found.placements:
        yield from _placement(placement)
    for line in found.retained:
        yield "plain", f"  kept: {line}"
    for removal in found.removals:
        count = _count(len(removal.objects), "object")
        again = command("up", found.application, "--confirm-removal", removal.cluster)
        yield "plain", f"  delete {count} of {removal.cluster} too: {again}"
    for warning in found.warnings:
        yield "plain", f"  warning: {warning}"


def _summary(found: ApplicationDifference) -> str:
    places = found.placements
    parts = _counts(
        sum(each.create for each in places),
        sum(each.change for each in places),
        sum(each.delete for each in places),
    )
    if found.failed:
        parts.append("not everything could be told")
    if parts:
        return ", ".join(parts)
    objects = _count(sum(each.unchanged for each in places), "object")
    return f"no changes to {objects} in {_count(len(places), 'placement')}"


def _counts(create: int, change: int, delete: int) -> list[str]:
    verbs = (create, "create"), (change, "change"), (delete, "delete")
    return [f"{number} to {verb}" for number, verb in verbs if number]


def _placement(placement: PlacementDifference) -> Iterator[Line]:
    parts = _counts(placement.create, placement.change, placement.delete)
    if placement.unchanged:
        parts.append(f"{placement.unchanged} unchanged")
    if placement.problems:
        parts.append(_count(len(placement.problems), "problem"))
    steps = f" ({', '.join(placement.steps)})" if placement.steps else ""
    yield "title", f"  {placement.cluster}/{placement.namespace}{steps}: {', '.join(parts)}"
    for problem in placement.problems:
        yield "problem", f"    ! {reason(problem, at=placement.cluster)}"
    for each in placement.objects:
        yield from _object(each)


def _object(each: ObjectDifference) -> Iterator[Line]:
    tone, mark = _MARKS[each.action]
    component = f" (component {each.component})" if each.component else ""
    yield tone, f"    {mark} {each.title}{component}"
    if each.note:
        yield "plain", f"        {each.note}"
    if each.manifest is not None:
        for line in write_yaml([each.manifest]).splitlines():
            yield "added", f"      + {line}"
    for field in each.fields:
        yield from field_lines(field)


def field_lines(field: FieldDifference) -> Iterator[Line]:
    """Write one field that is different."""
    tone, mark = _MARKS[field.change]
    head = f"      {mark} {field.path}"
    if field.masked:
        yield tone, f"{head}: {field.change} (not shown)"
    elif field.change == "added":
        yield tone, f"{head}: {_shown(field.after)}"
    elif field.change == "removed":
        yield tone, f"{head}: {_shown(field.before)}"
    elif _has_lines(field.before) and _has_lines(field.after):
        yield tone, f"{head}:"
        yield from _text(field.before, field.after)
    else:
        yield tone, f"{head}: {_shown(field.before)} -> {_shown(field.after)}"


def _text(before: str, after: str) -> Iterable[Line]:
    """Compare texts of several lines by line."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm=""))
    tones: dict[str, Tone] = {"+": "added", "-": "removed"}
    return [
        (tones.get(line[:1], "plain"), f"          {line}")
        for line in lines[2:]  # without the names of two files
    ]


def _has_lines(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value.strip("\n")


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
