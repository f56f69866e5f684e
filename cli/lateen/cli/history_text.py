"""An audit trail as people read it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from lateen.cli.times import shown_time
from lateen.model.durations import format_duration

if TYPE_CHECKING:
    from lateen.client.histories import History, HistoryEvent, RecordedDelivery
    from lateen.model.records import ObjectCounts

_GOOD = frozenset({"delivered", "deleted"})
_COUNTS = ("created", "changed", "unchanged", "deleted", "kept")
_NOTHING = "nothing changed"
_MOST_NAMES = 4
_WORDS = {
    "deleting": "deletion submitted",
    "orphaning": "deletion submitted, objects stay",
    "rollback": "rollback submitted",
    "waiting": "waits for an approval",
    "drifted": "drift",
    "drift-ended": "drift ended",
    "clusters-changed": "clusters changed",
}
"""How events are called that are not called by their type."""


def history_lines(history: History) -> Iterator[tuple[str, str]]:
    """Write all deliveries, each with its events and what it did; with tones."""
    gone = "" if history.stored else ", the application is deleted"
    yield "title", f"{history.application}: {_count(len(history.deliveries), 'delivery')}{gone}"
    if history.dropped:
        yield "plain", f"{_count(history.dropped, 'older delivery')} no longer kept"
    for delivery in history.deliveries:
        yield "plain", ""
        yield from _delivery(delivery)


def _delivery(delivery: RecordedDelivery) -> Iterator[tuple[str, str]]:
    yield _tone(delivery), _title(delivery)
    if delivery.message:
        yield "plain", f"  {_indented(delivery.message)}"
    if not delivery.events and delivery.started_at:
        yield "plain", f"  {shown_time(delivery.started_at)}  submitted{_by(delivery.actor)}"
    for event in delivery.events:
        yield "plain", f"  {shown_time(event.at)}  {_indented(_event(event, delivery))}"
    for line in _changes(delivery):
        yield "plain", f"  {line}"


def _tone(delivery: RecordedDelivery) -> str:
    if delivery.end == "open":
        return "changed"
    good = delivery.phase in _GOOD and delivery.end == "recorded"
    return "added" if good else "problem"


def _title(delivery: RecordedDelivery) -> str:
    what = "deletion" if delivery.intent == "delete" else delivery.revision
    took = "" if delivery.seconds is None else _took(delivery.seconds)
    if delivery.end == "open":
        state = f"{delivery.phase}, not finished"
    elif delivery.end == "recorded":
        state = f"{delivery.phase}{took and f' after {took}'}"
    else:
        last = f", last seen {delivery.phase}" if delivery.phase and not delivery.ended_at else ""
        closed = f", {delivery.phase} after {took}" if delivery.ended_at else ""
        state = f"ended without a record{closed}{last}"
    return f"delivery {delivery.number}: {what + ': ' if what else ''}{state}"


def _took(seconds: float) -> str:
    return format_duration(timedelta(seconds=seconds))


def _event(event: HistoryEvent, delivery: RecordedDelivery) -> str:
    """Say what happened: to which step, by whom, why."""
    step = f"step {event.step} " if event.step else ""
    text = f"{step}{_WORDS.get(event.type, event.type)}{_by(event.actor)}"
    said = [event.reason, event.message if event.message != delivery.message else ""]
    return ": ".join(part for part in (text, *said) if part)


def _by(actor: str) -> str:
    return f" by {actor}" if actor else ""


def _changes(delivery: RecordedDelivery) -> Iterator[str]:
    """Say what was done where; clusters where it was the same share a line."""
    if not delivery.clusters:
        if delivery.reached and _counts(delivery.total) != _NOTHING:
            where = _count(delivery.reached, "cluster")
            yield f"{where}: {_counts(delivery.total)} (no longer kept for each)"
        return
    groups: dict[tuple[str, str], list[str]] = {}
    for each in delivery.clusters:
        groups.setdefault((each.state, _counts(each)), []).append(each.cluster)
    for (state, counts), names in groups.items():
        yield f"{_names(names)}: {f'{state}, ' if state else ''}{counts}"


def _counts(changes: ObjectCounts) -> str:
    numbers = [(getattr(changes, name), name) for name in _COUNTS]
    return ", ".join(f"{number} {name}" for number, name in numbers if number) or _NOTHING


def _names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"
