"""Deliver applications from programs.

::

    async with Lateen.connect() as lateen:
        submitted = await lateen.apply(Path("app.yaml").read_text(), actor="ci")
        outcome = await lateen.wait(submitted, timeout=600)
        outcome.raise_unless_ok()

Names are loaded when they are first used: importing this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lateen.client.connecting import connect_temporal
    from lateen.client.errors import NotFound, NotWaiting, NoWorker, Refused, TemporalUnavailable
    from lateen.client.histories import History, HistoryEvent, RecordedDelivery
    from lateen.client.lateen import Lateen, connect
    from lateen.client.outcomes import (
        DeliveryFailed,
        Interrupted,
        NotDelivered,
        NotFinished,
        Outcome,
        Rejected,
        Superseded,
    )
    from lateen.client.results import (
        ApplicationRow,
        ApplicationStatus,
        Decided,
        DeliveryRow,
        Listing,
        Overview,
        PendingApproval,
        PendingApprovals,
        Progress,
        Resumed,
        RevisionRow,
        Revisions,
        RunRow,
        Runs,
        Steered,
        StoryEvent,
        Submitted,
    )
    from lateen.contracts.drift import DriftReport, DriftSummary
    from lateen.model.errors import InvalidApplication, InvalidManifest, LateenError

_DRIFT = "lateen.contracts.drift"
_ERRORS = "lateen.client.errors"
_HISTORIES = "lateen.client.histories"
_MODEL = "lateen.model.errors"
_OUTCOMES = "lateen.client.outcomes"
_RESULTS = "lateen.client.results"
_HOMES = {
    "Lateen": "lateen.client.lateen",
    "connect": "lateen.client.lateen",
    "connect_temporal": "lateen.client.connecting",
    "ApplicationRow": _RESULTS,
    "ApplicationStatus": _RESULTS,
    "Decided": _RESULTS,
    "DeliveryRow": _RESULTS,
    "Listing": _RESULTS,
    "Overview": _RESULTS,
    "PendingApproval": _RESULTS,
    "PendingApprovals": _RESULTS,
    "Outcome": _OUTCOMES,
    "Progress": _RESULTS,
    "RevisionRow": _RESULTS,
    "Revisions": _RESULTS,
    "Resumed": _RESULTS,
    "RunRow": _RESULTS,
    "Runs": _RESULTS,
    "Steered": _RESULTS,
    "StoryEvent": _RESULTS,
    "Submitted": _RESULTS,
    "DeliveryFailed": _OUTCOMES,
    "DriftReport": _DRIFT,
    "DriftSummary": _DRIFT,
    "History": _HISTORIES,
    "HistoryEvent": _HISTORIES,
    "Interrupted": _OUTCOMES,
    "NoWorker": _ERRORS,
    "NotDelivered": _OUTCOMES,
    "NotFinished": _OUTCOMES,
    "NotFound": _ERRORS,
    "NotWaiting": _ERRORS,
    "RecordedDelivery": _HISTORIES,
    "Refused": _ERRORS,
    "Rejected": _OUTCOMES,
    "Superseded": _OUTCOMES,
    "TemporalUnavailable": _ERRORS,
    "InvalidApplication": _MODEL,
    "InvalidManifest": _MODEL,
    "LateenError": _MODEL,
}

__all__ = [
    "ApplicationRow",
    "ApplicationStatus",
    "Decided",
    "DeliveryFailed",
    "DeliveryRow",
    "DriftReport",
    "DriftSummary",
    "History",
    "HistoryEvent",
    "Interrupted",
    "InvalidApplication",
    "InvalidManifest",
    "Lateen",
    "LateenError",
    "Listing",
    "NoWorker",
    "NotDelivered",
    "NotFinished",
    "NotFound",
    "NotWaiting",
    "Outcome",
    "Overview",
    "PendingApproval",
    "PendingApprovals",
    "Progress",
    "RecordedDelivery",
    "Refused",
    "Rejected",
    "Resumed",
    "RevisionRow",
    "Revisions",
    "RunRow",
    "Runs",
    "Steered",
    "StoryEvent",
    "Submitted",
    "Superseded",
    "TemporalUnavailable",
    "connect",
    "connect_temporal",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
