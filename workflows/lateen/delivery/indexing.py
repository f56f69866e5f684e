"""Keeps the run's search attributes, so that people find it in Temporal by phase, revision or cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from temporalio import workflow
from temporalio.common import SearchAttributePair, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from lateen.contracts import search_attributes as attributes
    from lateen.delivery.progress import Progress


class Index:
    """Upserts what changed, and only that: every upsert is an event.

    Disabled where the server doesn't know the attributes: an upsert would then fail the workflow task.
    """

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        known = cast("Iterable[SearchAttributePair[Any]]", workflow.info().typed_search_attributes)
        self._shown: dict[str, Any] = {  # A continued run begins with what the one before had.
            pair.key.name: pair.value for pair in known
        }

    def show(self, progress: Progress, *, waiting: list[str]) -> None:
        """Bring the attributes to the run's state."""
        if not self._enabled:
            return
        opened = progress.opened
        clusters = opened.clusters if opened else sorted(progress.clusters)
        wanted = (
            (attributes.APPLICATION, progress.application),
            (attributes.REVISION, opened.revision.name if opened else ""),
            (attributes.PHASE, "suspended" if progress.suspended else progress.phase),
            (attributes.WAITING_FOR, ", ".join(waiting)[:200]),
        )
        updates: list[SearchAttributeUpdate[Any]] = []
        for key, value in wanted:
            if self._shown.get(key.name, "") != value:
                updates.append(key.value_set(value) if value else key.value_unset())
                self._shown[key.name] = value
        cut = clusters[: attributes.MOST_CLUSTERS]
        if list(self._shown.get(attributes.CLUSTERS.name, [])) != cut:
            key_of_list = attributes.CLUSTERS
            updates.append(key_of_list.value_set(cut) if cut else key_of_list.value_unset())
            self._shown[attributes.CLUSTERS.name] = cut
        if updates:
            workflow.upsert_search_attributes(updates)  # pyright: ignore[reportUnknownMemberType] - the SDK
