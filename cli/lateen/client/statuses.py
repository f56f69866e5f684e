"""One truth from two sources: Temporal knows the run, the hub knows what was delivered. Pure."""

from __future__ import annotations

from typing import Any, get_args

from lateen.client.ending import RunEnd
from lateen.client.results import (
    ApplicationRow,
    ApplicationStatus,
    LivePhase,
    Progress,
    RunInfo,
    ServiceStatus,
)
from lateen.model.base import Json
from lateen.model.json_values import as_object
from lateen.model.records import Audit, DeliveryRecord

OPEN_PHASES = frozenset({"delivering", "waiting", "suspended", "deleting"})
"""What the hub's record says while a run is open, and for ever if the run never came to its end."""

_FROM_OUTSIDE = frozenset({"cancelled", "terminated", "timed-out"})
_PHASES: dict[str, LivePhase] = {
    word: word for part in get_args(LivePhase) for word in (get_args(part) or (part,))
}


def merge_status(
    application: str,
    *,
    inspected: Json,
    run: RunInfo | None,
    progress: Progress | None,
    end: RunEnd | None,
    note: str,
) -> ApplicationStatus:
    """Merge what a worker read with the latest run: its progress if it is open, its end if not."""
    namespace, _, name = application.partition("/")
    audit = Audit.model_validate(inspected.get("audit") or {})
    record = audit.delivery
    base = ApplicationStatus(
        application=application,
        namespace=namespace,
        name=name,
        created_at=str(inspected.get("createdAt") or ""),
        mode=str(inspected.get("mode") or ""),
        revision=audit.revision,
        delivery=audit.latest_delivery,
        actor=record.actor if record else "",
        run=run,
        drift=audit.drift
        if audit.drift and audit.drift.delivery == audit.latest_delivery
        else None,
        rollback=audit.rollback,
        events=audit.events,
        note=note,
    )
    lists = {
        "components": inspected.get("components") or [],
        "services": inspected.get("services") or [],
        "objects": _objects(inspected),
        **_looked(inspected),
    }
    base = ApplicationStatus.model_validate({**base.to_json(), **lists})
    base = base.model_copy(update=_recorded(audit, record))
    if progress is not None:
        base = base.model_copy(update=_of_progress(progress, base))
    elif end is not None:
        base = base.model_copy(update=_of_end(end, run=run, record=record, base=base))
    base = base.model_copy(update={"services": _begun(base)})
    return base.model_copy(update={"healthy": _healthy(base)})


_LOOKED = ("resources", "pods", "endpoints", "unseen", "omitted")


def _looked(inspected: Json) -> Json:
    """Return what the worker saw in the clusters, if it was asked."""
    look = as_object(inspected.get("look")) or {}
    return {"plan": look.get("steps") or [], **{key: look[key] for key in _LOOKED if key in look}}


def row_of(data: Json) -> ApplicationRow:
    """Read a row of the hub's list; a phase that this version doesn't know is left out."""
    return ApplicationRow.model_validate({**data, "phase": known_phase(data.get("phase"))})


def known_phase(phase: Any) -> LivePhase:
    """Return a phase as ours; a word that this version doesn't know becomes the empty one."""
    return _PHASES.get(str(phase or ""), "")


def _objects(inspected: Json) -> list[Json]:
    found: list[Json] = inspected.get("inventories") or []
    return [item for item in found if item.get("objects")]


def _recorded(audit: Audit, record: DeliveryRecord | None) -> Json:
    if record is None:
        return {"phase": known_phase(audit.phase)}
    recorded = ApplicationStatus.model_validate(
        {"application": "", "namespace": "", "name": "", "steps": record.steps}
    )
    return {
        "phase": known_phase(audit.phase),
        "message": record.message,
        "intent": record.intent,
        "steps": recorded.steps,
        "retained": record.retained,
    }


def _of_progress(progress: Progress, base: ApplicationStatus) -> Json:
    """Let the open run speak for itself; without a worker the hub's or no phase stays."""
    if progress.note:
        return {
            "phase": base.phase if base.phase in OPEN_PHASES else "delivering",
            "retries": progress.retries,
            "note": base.note or progress.note,
        }
    return {
        "phase": "suspended" if progress.suspended else progress.phase,
        "suspended": progress.suspended,
        "message": progress.message,
        "intent": progress.intent,
        "revision": progress.revision or base.revision,
        "delivery": progress.delivery or base.delivery,
        "steps": progress.steps,
        "clusters": progress.clusters,
        "waiting": progress.waiting,
        "retries": progress.retries,
        "warnings": progress.warnings,
        "retained": progress.retained or base.retained,
        "queued": progress.queued,
    }


def _of_end(
    end: RunEnd, *, run: RunInfo | None, record: DeliveryRecord | None, base: ApplicationStatus
) -> Json:
    """Let a closed run speak where the hub's record doesn't: it never was recorded, or never ended."""
    said = end.result or {}
    mine = record is not None and run is not None and record.run_id == run.run_id
    warnings: list[str] = said.get("warnings") or []
    clusters: dict[str, str] = said.get("clusters") or {}
    shown: Json = {"warnings": warnings, "clusters": clusters}
    if mine and base.phase not in OPEN_PHASES:
        return shown
    if end.phase == "unchanged" and base.phase:
        return shown
    if end.phase in _FROM_OUTSIDE and not mine and base.phase and base.phase not in OPEN_PHASES:
        # It was stopped before it changed anything: say so, and keep what was recorded before.
        return {**shown, "phase": end.phase, "message": end.message}
    told: list[Json] = [] if end.phase == "unchanged" else said.get("steps") or []
    steps = Progress.model_validate({"application": "", "steps": told}).steps
    revision = str(said.get("revision") or base.revision)
    delivery = int(said.get("delivery") or base.delivery)
    shown |= {"phase": end.phase, "message": end.message or base.message}
    shown |= {"revision": revision, "delivery": delivery}
    return {**shown, "steps": steps or base.steps} if mine or steps else shown


def _begun(status: ApplicationStatus) -> list[ServiceStatus]:
    """Leave out what is not there because it was not sent yet, or is deleted: that is no illness."""
    if status.intent == "delete":
        return [service for service in status.services if service.exists]
    pending = {
        (placement.cluster, placement.namespace)
        for step in status.steps
        for placement in step.placements
        if placement.phase != "delivered"
    }
    planned = {(p.cluster, p.namespace) for step in status.steps for p in step.placements}
    return [
        service
        for service in status.services
        if service.exists
        or ((service.cluster, service.namespace) in planned - pending or not status.steps)
    ]


def _healthy(status: ApplicationStatus) -> bool | None:
    if not status.services:
        return None
    return all(
        service.healthy and all(trait.healthy for trait in service.traits)
        for service in status.services
    )
