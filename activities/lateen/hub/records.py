"""Reading and writing lateen's own objects in the hub, with optimistic concurrency."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from lateen.kube.errors import AlreadyExists, Conflict, NotFound
from lateen.model.base import Json, Record
from lateen.model.errors import LateenError
from lateen.model.objects import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lateen.kube.cluster import Cluster

API_VERSION = "lateen.dev/v1alpha1"
FIELD_MANAGER = "lateen"

_MOST_TRIES = 12
_REMEMBERED = 2000

T = TypeVar("T", bound=Record)


class RecordStore(Generic[T]):
    """Objects of one kind whose ``spec`` is a record.

    The last version written or read is remembered, also that there was none: an update then starts with
    the write, and only a conflict (another worker was here) costs a read.
    """

    def __init__(self, hub: Cluster, *, kind: str, record: type[T]) -> None:
        self._hub = hub
        self._kind = kind
        self._record = record
        self._known: OrderedDict[tuple[str, str], Json | None] = OrderedDict()

    async def read(self, namespace: str, name: str) -> T | None:
        """Return a record as it is now, or None."""
        live = await self._get(namespace, name)
        return None if live is None else self.parse(live)

    async def update(
        self,
        namespace: str,
        name: str,
        change: Callable[[T | None], T | None],
        *,
        labels: dict[str, str] | None = None,
        likely_new: bool = False,
    ) -> T:
        """Write what ``change`` makes of the record, creating it if need be.

        ``change`` may run several times, at last on what is there; it returns None when nothing is to be
        written, and raises to give up. Neither is believed of a version that is only remembered: no write
        proves then that it is still the current one. ``likely_new`` saves the look before the creation of
        what nothing is known of. Returns the record as it is then.
        """
        key = (namespace, name)
        live = self._known.get(key)
        fresh = live is None and (likely_new or key in self._known)
        remembered = live is not None or fresh
        for attempt in range(_MOST_TRIES):
            if live is None and not fresh:
                live, fresh, remembered = await self._get(namespace, name), True, False
            before = None if live is None else self.parse(live)
            after = _attempt(change, before) if remembered else change(before)
            if remembered and (after is None or after == before):
                live, remembered = await self._get(namespace, name), False
                before = None if live is None else self.parse(live)
                after = change(before)
            if after is None or after == before:
                if before is None:
                    raise ValueError(f"nothing to write for {self._kind} {namespace}/{name}")
                return before
            try:
                return await self._write(namespace, name, live, after, labels)
            except (Conflict, AlreadyExists, NotFound):
                if attempt == _MOST_TRIES - 1:
                    raise
                live, fresh, remembered = None, False, False
                self.forget(namespace, name)
                await asyncio.sleep(0.02 * attempt)
        raise AssertionError("unreachable: the last attempt raises")

    async def delete(self, namespace: str, name: str) -> None:
        """Delete a record; it may be gone already."""
        self.forget(namespace, name)
        await self._hub.delete(self._ref(namespace, name))

    async def discard(self, namespace: str, name: str, condition: Callable[[T], bool]) -> bool:
        """Delete a record if the condition holds of its version that is known and nobody changed it since.

        False when nothing was deleted for one of these reasons; then ``update`` finds out which.
        """
        live = self._known.get((namespace, name))
        if live is None or not condition(self.parse(live)):
            return False
        self.forget(namespace, name)
        metadata = live["metadata"]
        try:
            await self._hub.delete(
                self._ref(namespace, name),
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
            )
        except Conflict:
            return False
        return True

    async def list(
        self, namespace: str | None, labels: dict[str, str] | None = None
    ) -> Sequence[T]:
        """Return the records of a namespace, or of all."""
        found = await self._hub.list(API_VERSION, self._kind, namespace=namespace, labels=labels)
        return [self.parse(live) for live in found]

    async def list_named(self, namespace: str | None) -> Sequence[tuple[str, str, T]]:
        """Return namespace, name and record of each object of a namespace, or of all."""
        found = await self._hub.list(API_VERSION, self._kind, namespace=namespace)
        return [
            (live["metadata"]["namespace"], live["metadata"]["name"], self.parse(live))
            for live in found
        ]

    def parse(self, live: Json) -> T:
        """Read the record out of an object."""
        return self._record.model_validate(live.get("spec") or {})

    def forget(self, namespace: str, name: str) -> None:
        """Drop what is remembered of a record."""
        self._known.pop((namespace, name), None)

    async def _get(self, namespace: str, name: str) -> Json | None:
        live = await self._hub.get(self._ref(namespace, name))
        self._remember(namespace, name, live)
        return live

    async def _write(
        self, namespace: str, name: str, live: Json | None, after: T, labels: dict[str, str] | None
    ) -> T:
        metadata: Json = {"name": name, "namespace": namespace}
        if live is not None:
            metadata = dict(live["metadata"])
            metadata.pop("managedFields", None)
        if labels:
            metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
        manifest = {
            "apiVersion": API_VERSION,
            "kind": self._kind,
            "metadata": metadata,
            "spec": after.to_json(),
        }
        write = self._hub.create if live is None else self._hub.replace
        self._remember(namespace, name, await write(manifest, field_manager=FIELD_MANAGER))
        return after

    def _ref(self, namespace: str, name: str) -> ObjectRef:
        return ObjectRef(api_version=API_VERSION, kind=self._kind, namespace=namespace, name=name)

    def _remember(self, namespace: str, name: str, live: Json | None) -> None:
        self._known[namespace, name] = live
        self._known.move_to_end((namespace, name))
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _attempt(change: Callable[[T | None], T | None], before: T | None) -> T | None:
    """Try a change on a version that may be old; None when it gives up, so that it is asked again."""
    try:
        return change(before)
    except LateenError:
        return None
