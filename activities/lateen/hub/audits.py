"""The audit of an application: counters that never restart, the last deliveries, and who did what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lateen.hub import histories
from lateen.hub.records import RecordStore
from lateen.model.errors import LateenError
from lateen.model.labels import APP_NAME
from lateen.model.records import Audit, AuditEvent, ClusterChanges, DeliveryRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lateen.kube.cluster import Cluster

KEPT_EVENTS = 200
"""The oldest events of an application are dropped beyond this many."""

KEPT_REVISIONS = 50
"""Names of delivered revisions that are remembered: more than there are in the hub by default."""

_ENDS = {"delivered", "failed", "cancelled", "superseded", "deleted"}
"""Types of the event that ends a delivery; each has one."""


class SupersededDelivery(LateenError):
    """A newer delivery of the application exists: this one must not write any more."""


def now() -> str:
    """Return the time of an event (RFC 3339, UTC)."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Audits:
    """Reads and writes audits; one object ``<name>`` in the application's namespace."""

    def __init__(self, hub: Cluster) -> None:
        self._store = RecordStore(hub, kind="Audit", record=Audit)

    async def read(self, namespace: str, name: str) -> Audit:
        """Return the audit; an application that was never seen has an empty one."""
        return await self._store.read(namespace, name) or Audit()

    async def list(self, namespace: str | None) -> Sequence[tuple[str, str, Audit]]:
        """Return namespace, name and audit of every application that was ever seen."""
        return await self._store.list_named(namespace)

    async def change(self, namespace: str, name: str, change: Callable[[Audit], Audit]) -> Audit:
        """Write what ``change`` makes of the audit."""
        return await self._store.update(
            namespace,
            name,
            lambda before: _bounded(change(before or Audit())),
            labels={APP_NAME: name},
        )

    async def end(
        self,
        namespace: str,
        name: str,
        *,
        delivery: int,
        ended: Callable[[DeliveryRecord], DeliveryRecord],
        events: Sequence[AuditEvent],
        changes: Sequence[ClusterChanges] = (),
    ) -> Audit:
        """Record how a delivery ended, and what it did.

        One that was superseded meanwhile only adds its events.
        """

        def change(audit: Audit) -> Audit:
            events_after = append(audit, _not_said_yet(audit, events, delivery=delivery))
            current = audit.delivery
            if current is None or current.number != delivery:
                return audit.model_copy(update={"events": events_after})
            record = ended(current)
            update: dict[str, object] = {
                "events": events_after,
                "delivery": record,
                "phase": record.phase,
                "past": histories.ended(audit.past, record, changes),
            }
            if record.phase == "delivered":
                update["delivered"] = record
                update["delivered_revisions"] = _with_last(
                    audit.delivered_revisions, record.revision
                )
            elif record.phase == "deleted":
                update |= {"delivered": None, "revision_digest": "", "rollback": None}
                update["delivered_revisions"] = []
            return audit.model_copy(update=update)

        return await self.change(namespace, name, change)


def append(audit: Audit, events: Sequence[AuditEvent]) -> list[AuditEvent]:
    """Return the audit's events with new ones behind; what is there already is not repeated."""
    known = audit.events[-2 * len(events) - 20 :] if events else []
    return [*audit.events, *(event for event in events if event not in known)]


def _not_said_yet(audit: Audit, events: Sequence[AuditEvent], *, delivery: int) -> list[AuditEvent]:
    """Leave out an end that is recorded: a retry says it again, at another time."""
    said = {event.type for event in audit.events if event.delivery == delivery} & _ENDS
    return [event for event in events if event.type not in said]


def _with_last(names: Sequence[str], name: str) -> list[str]:
    return [*(each for each in names if each != name), name][-KEPT_REVISIONS:]


def _bounded(audit: Audit) -> Audit:
    if len(audit.events) <= KEPT_EVENTS:
        return audit
    return audit.model_copy(update={"events": audit.events[-KEPT_EVENTS:]})
