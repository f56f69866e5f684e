"""Opening a delivery that continues an earlier one: the same revision, and what that one finished stays done.

Everything comes from the hub's record, and from the clusters where that says nothing: a run that was
terminated recorded no end, and Temporal may have forgotten it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lateen.activities.claiming import claim, claimed_number
from lateen.activities.closing import MOST_PLACEMENTS, bounded
from lateen.activities.opening import first_plan
from lateen.activities.past import Past, refuse_what_cannot_go_on, to_run_again
from lateen.activities.planning import plan_all, split
from lateen.activities.rooms import Rooms, off_loop
from lateen.activities.standing import standing
from lateen.contracts.messages import (
    Continuation,
    OpenDelivery,
    OpenedDelivery,
    PlacementOutcome,
    PlannedPlacement,
    StepOutcome,
    StepPlan,
    Vetted,
)
from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application, parse_policy
from lateen.model.records import Audit, DeliveryRecord, RevisionRef, Snapshot
from lateen.planning.inline_secrets import refuse_inline_secrets
from lateen.planning.plan import PlannedStep
from lateen.planning.references import inline_policy
from lateen.planning.resolving import Resolved
from lateen.planning.rolling_back import refuse_other_plugins
from lateen.planning.step_types import SUSPEND
from lateen.policies.topology import ClusterInfo


@dataclass(frozen=True)
class _Recorded:
    """The delivery to continue, with its revision ready to deliver and planned as clusters are now."""

    record: DeliveryRecord
    ref: RevisionRef
    resolved: Resolved
    clusters: Sequence[ClusterInfo]
    plans: Sequence[StepPlan]


async def vet_continuation(rooms: Rooms, request: OpenDelivery, wish: Continuation) -> Vetted:
    """Tell whether the recorded delivery could be continued now; writes nothing."""
    await rooms.check_hub(request)
    namespace, name = split(request.application)
    audit = await rooms.audits.read(namespace, name)
    try:
        recorded = await _read(rooms, request, wish, audit)
        to_run_again(recorded.resolved.plan, recorded.record, wish)
    except InvalidApplication as error:
        return Vetted(valid=False, message=str(error), details=error.to_json())
    return Vetted()


async def open_continuation(
    rooms: Rooms, request: OpenDelivery, wish: Continuation, *, run_id: str
) -> OpenedDelivery:
    """Open it, or find that it is open already (a retry), and say what needs not be done again."""
    hub_uid = await rooms.check_hub(request)
    namespace, name = split(request.application)
    audit = await rooms.audits.read(namespace, name)
    recorded = await _read(rooms, request, wish, audit, run_id=run_id)
    if recorded.record.run_id == run_id:  # A retry: what was found is written already.
        claimed_number(audit, run_id=run_id, seen=audit.latest_delivery)
        done = await _found_before(rooms, recorded, wish, audit)
    else:
        done = await _find_done(rooms, recorded, wish, audit)
        await _store_if_missing(rooms, recorded.resolved)
        audit = await claim(
            rooms,
            request,
            ref=recorded.ref,
            run_id=run_id,
            seen=audit,
            message=_said(wish, recorded.record),
            record={
                "intent": recorded.record.intent,  # One that goes back stays one.
                "continues": recorded.record.number,
                "steps": bounded(done),
            },
        )
    plan = recorded.resolved.plan
    warnings = [warning for each in recorded.plans for warning in each.warnings]
    opened = OpenedDelivery(
        hub_uid=hub_uid,
        revision=recorded.ref,
        delivery=audit.delivery.number if audit.delivery else audit.latest_delivery,
        steps=list(plan.steps),
        mode=plan.mode,
        clusters=sorted({p.cluster for each in recorded.plans for p in each.placements}),
        options=rooms.settings.options,
        warnings=list(dict.fromkeys([*plan.warnings, *warnings])),
        done=done,
    )
    first = await first_plan(
        rooms,
        opened,
        plans=recorded.plans,
        resolved=recorded.resolved,
        clusters=recorded.clusters,
        confirmed=request.confirm_removal,
    )
    return opened.model_copy(update={"first_plan": first})


async def _read(
    rooms: Rooms, request: OpenDelivery, wish: Continuation, audit: Audit, *, run_id: str = ""
) -> _Recorded:
    """Read what is recorded and plan it. Raises ``InvalidApplication`` for what can't go on."""
    namespace, _ = split(request.application)
    record = audit.delivery
    if record is None or record.run_id != run_id:
        record = refuse_what_cannot_go_on(audit, wish)
    found = await rooms.revisions.find(namespace, record.revision)
    if found is None or found[0].digest != record.digest:
        raise InvalidApplication.at(
            "resume",
            f"revision {record.revision!r} of delivery {record.number} is not in the hub any more",
            hint="submit the application again",
        )
    ref, snapshot = found
    refuse_other_plugins(
        snapshot, parse_application(snapshot.application), rooms.types, revision=ref.name
    )
    resolved = await rooms.resolve(namespace, ref)
    _refuse_secrets(rooms, resolved, snapshot)
    clusters = await rooms.cluster_infos()
    await rooms.introduce(resolved, clusters)
    plans = await off_loop(resolved.evaluates, lambda: plan_all(rooms, resolved, clusters))
    return _Recorded(record, ref, resolved, clusters, plans)


def _refuse_secrets(rooms: Rooms, resolved: Resolved, snapshot: Snapshot) -> None:
    if not rooms.settings.allow_inline_secrets:
        policies = [inline_policy(parse_policy(policy)) for policy in snapshot.policies]
        refuse_inline_secrets(resolved.application, policies)


async def _store_if_missing(rooms: Rooms, resolved: Resolved) -> None:
    """See that the hub has the application; what somebody edited there since is theirs and stays."""
    application = resolved.application
    await rooms.applications.admit(application)
    metadata = application.metadata
    if await rooms.applications.read(metadata.namespace, metadata.name) is None:
        await rooms.applications.store(application)


def _said(wish: Continuation, record: DeliveryRecord) -> str:
    verb = "restarts" if wish.restart else "resumes"
    step = f" from step {wish.step!r}" if wish.step else ""
    return f"{verb} delivery {record.number}{step}"


async def _found_before(
    rooms: Rooms, recorded: _Recorded, wish: Continuation, audit: Audit
) -> list[StepOutcome]:
    """Return what an attempt before found done; of too many placements only the clusters tell again."""
    if sum(len(plan.placements) for plan in recorded.plans) > MOST_PLACEMENTS:
        return await _find_done(rooms, recorded, wish, audit)
    return [StepOutcome.model_validate(step) for step in recorded.record.steps]


async def _find_done(
    rooms: Rooms, recorded: _Recorded, wish: Continuation, audit: Audit
) -> list[StepOutcome]:
    """Return of every leaf what needs not be done again; leaves without any of that are left out."""
    resolved, record = recorded.resolved, recorded.record
    again = to_run_again(resolved.plan, record, wish)
    past = Past.of(record, audit.events)
    plans = {plan.step: plan for plan in recorded.plans}
    asked = [
        (plan.step, placed)
        for plan in recorded.plans
        for placed in plan.placements
        if plan.step in again or past.leaves_open(plan.step, placed)
    ]
    live = await standing(rooms, resolved, recorded.plans, asked, revision=recorded.ref.name)
    found: list[StepOutcome] = []
    for leaf in resolved.plan.leaves:
        plan = plans.get(leaf.name, StepPlan(step=leaf.name))
        outcome = _outcome(leaf, plan, past=past, again=leaf.name in again, live=live)
        if outcome.phase == "succeeded" or outcome.placements or outcome.decision:
            found.append(outcome)
    return found


def _outcome(
    leaf: PlannedStep,
    plan: StepPlan,
    *,
    past: Past,
    again: bool,
    live: frozenset[tuple[str, str, str]],
) -> StepOutcome:
    """Say what of one leaf is done."""
    delivered = [
        _delivered(placed, message)
        for placed in plan.placements
        if (message := _why_done(leaf, placed, past=past, again=again, live=live))
    ]
    outcome = StepOutcome(name=leaf.name, type=leaf.type, phase="pending", placements=delivered)
    if again:
        return outcome
    decision = past.approval(leaf.name)
    complete = len(delivered) == len(plan.placements)
    if leaf.type == SUSPEND or not plan.placements:
        is_done = past.succeeded(leaf.name) or (leaf.type == SUSPEND and decision is not None)
    else:
        is_done = complete and (leaf.auto or decision is not None)
    if not is_done:
        return outcome.model_copy(update={"decision": decision})
    update = {"phase": "succeeded", "message": past.name, "decision": decision}
    return outcome.model_copy(update=update)


def _why_done(
    leaf: PlannedStep,
    placed: PlannedPlacement,
    *,
    past: Past,
    again: bool,
    live: frozenset[tuple[str, str, str]],
) -> str:
    if not again and past.delivered(leaf.name, placed):
        return past.message(leaf.name, placed)
    if (leaf.name, placed.cluster, placed.namespace) in live:
        return "is there already"
    return ""


def _delivered(placed: PlannedPlacement, message: str) -> PlacementOutcome:
    return PlacementOutcome(
        cluster=placed.cluster,
        namespace=placed.namespace,
        phase="delivered",
        message=message,
        objects=placed.objects,
        digest=placed.digest,
    )
