"""The text of ``lateen approvals``: what waits, what an approval would do, what to type. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lateen.cli.times import age, shown_time
from lateen.cli.verdicts import bound_command

if TYPE_CHECKING:
    from datetime import datetime

    from lateen.client.results import PendingApproval
    from lateen.contracts.looks import ClusterForecast

Line = tuple[str, str]
"""A tone (as ``print_toned`` takes it) and what to print."""


def approval_lines(found: Iterable[PendingApproval], now: datetime | None = None) -> Iterator[Line]:
    """Yield a block for each approval, then a command for each."""
    approvals = list(found)
    for index, pending in enumerate(approvals):
        if index:
            yield "plain", ""
        yield from _block(pending, now)
    if approvals:
        yield "plain", ""
    for pending in approvals:
        yield "plain", bound_command("approve", pending.application, pending)


def _block(pending: PendingApproval, now: datetime | None) -> Iterator[Line]:
    yield "title", f"{pending.application}: step {pending.step}"
    about = [f"revision {pending.revision}"] if pending.revision else []
    about += [f"delivery {pending.delivery}"] if pending.delivery else []
    about += [f"submitted by {pending.actor}"] if pending.actor else []
    if about:
        yield "plain", f"  {', '.join(about)}"
    if pending.since:
        yield "plain", f"  since {shown_time(pending.since)} ({age(pending.since, now)})"
    if pending.run:
        yield "plain", f"  run {pending.run}"
    if pending.message:
        yield "changed", f"  message: {_indented(pending.message)}"
    if pending.steps and pending.steps != [pending.step]:
        yield "plain", f"  lets go on: {', '.join(pending.steps)}"
    yield from _plan(pending)
    if pending.note:
        yield "problem", f"  note: {pending.note}"


def _plan(pending: PendingApproval) -> Iterator[Line]:
    """Tell what would happen in each cluster: what is known without asking, or all of it."""
    foreseen = {each.cluster: each for each in pending.forecast or []}
    deletions = {target.cluster: target.objects for target in pending.prune}
    clusters = list(dict.fromkeys([*pending.clusters, *foreseen, *deletions]))
    if not clusters:
        return
    yield "plain", "  plan:"
    for cluster in clusters:
        gone = deletions.get(cluster, [])
        yield (
            "plain",
            f"    {cluster or '(all clusters)'}: {_counts(foreseen.get(cluster), len(gone))}",
        )
        yield from (("removed", f"      - {each}") for each in gone)
        problems = foreseen[cluster].problems if cluster in foreseen else []
        yield from (("problem", f"      ! {_indented(problem)}") for problem in problems)


def _counts(forecast: ClusterForecast | None, delete: int) -> str:
    parts: list[str] = []
    if forecast is not None and not _unknown(forecast):
        parts = [f"{forecast.create} to create", f"{forecast.change} to change"]
    parts.append(f"{delete} to delete")
    if forecast is not None and forecast.unchanged:
        parts.append(f"{forecast.unchanged} unchanged")
    return ", ".join(parts)


def _unknown(forecast: ClusterForecast) -> bool:
    """Tell whether nothing could be foretold of a cluster."""
    return bool(forecast.problems) and not (
        forecast.create or forecast.change or forecast.unchanged
    )


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
