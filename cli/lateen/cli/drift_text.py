"""What was found about drift, as people read it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lateen.cli.times import shown_time
from lateen.cli.verdicts import command

if TYPE_CHECKING:
    from lateen.contracts.drift import DriftReport, DriftSummary
    from lateen.model.drift import DriftRecord

_WORDS = {
    "clean": "as delivered",
    "drifted": "drifted",
    "busy": "being delivered",
    "undelivered": "not delivered",
    "off": "off",
    "unknown": "unknown",
    "unchecked": "not checked",
}


def drift_lines(application: str, drift: DriftRecord) -> Iterator[str]:
    """Say what drifted where and since when, what joined or left, and what could not be looked at."""
    from lateen.planning.drift import object_text, placement_text

    if drift.total:
        where = ", ".join(drift.clusters)
        yield f"drift: {_count(drift.total, 'object')} in {where} since {shown_time(drift.since)}"
    for each in drift.objects:
        yield f"  {each.cluster}: {each.title}: {object_text(each)}"
    if drift.total > len(drift.objects):
        yield f"  and {drift.total - len(drift.objects)} more"
    for change in drift.placements:
        line = placement_text(change)
        if change.change == "matches":
            line += f": `{command('up', application)}` delivers to it"
        yield line
    for cluster in drift.unchecked:
        yield f"not checked: {cluster.cluster} ({cluster.reason})"


def summary_lines(summary: DriftSummary) -> Iterator[tuple[str, str]]:
    """Write what a check found: the applications with something to tell, and the count; with tones."""
    for report in summary.reports:
        yield from _report(report)
    if summary.omitted:
        yield "plain", f"and {summary.omitted} more; `lateen status APP` shows each"
    counts = ", ".join(
        f"{count} {_WORDS.get(state, state)}" for state, count in summary.counts.items()
    )
    total = _count(summary.checked, "application")
    yield "title", f"{total}: {counts}" if counts else "no applications"


def _report(report: DriftReport) -> Iterator[tuple[str, str]]:
    tone = "changed" if report.state == "drifted" else "plain"
    word = _WORDS[report.state]
    why = f" ({report.message})" if report.message and not report.repair else ""
    yield tone, f"{report.application}: {word}{why}"
    if report.drift is not None:
        for line in drift_lines(report.application, report.drift):
            yield tone, f"  {line}"
    if report.repair:
        yield tone, f"  {_repair(report)}"


def _repair(report: DriftReport) -> str:
    if report.repair == "asked":
        return f"delivery started: `{command('status', report.application)}` shows it"
    if report.repair == "later":
        return "not delivered yet: many others are; the next check goes on"
    return f"not delivered: {report.message}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
