"""Suspending a run: nothing new begins until it is resumed; what has begun ends. Pure state, and its waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from lateen.delivery.approvals import UNATTRIBUTED
    from lateen.model.base import Json
    from lateen.model.errors import nearest, shorten
    from lateen.model.json_values import as_object

_KEYS = ("actor", "reason")
_LONGEST_TEXT = 1024


@dataclass(frozen=True)
class Word:
    """Who says something to a run, and why; claims of the sender. ``problem`` says why it can't be read."""

    actor: str = ""
    reason: str = ""
    problem: str = ""

    @property
    def empty(self) -> bool:
        """Whether it says nothing."""
        return not self.actor and not self.reason

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"by {self.actor or UNATTRIBUTED}{why}"


def read_word(payload: object) -> Word:
    """Read nothing, a reason, or ``{"actor", "reason"}``. Never raises."""
    if payload is None or payload == {}:
        return Word()
    if isinstance(payload, str):
        return Word(reason=payload[:_LONGEST_TEXT])
    fields = as_object(payload)
    if fields is None:
        return Word(problem="expected nothing, or a JSON object with actor and reason")
    for key, value in fields.items():
        if key not in _KEYS:
            return Word(problem=f"unknown key {shorten(key)}; {nearest(key, _KEYS)}")
        if value is not None and not isinstance(value, str):
            return Word(problem=f"{key!r} is a string")
    texts = {key: str(fields.get(key) or "")[:_LONGEST_TEXT] for key in _KEYS}
    return Word(**texts)


class Suspension:
    """Whether a run may begin anything new, and the time limits that stand still meanwhile."""

    def __init__(self) -> None:
        self._word: Word | None = None
        self._since = ""
        self._limits: list[asyncio.Timeout] = []
        self._left: dict[asyncio.Timeout, float] = {}

    @property
    def active(self) -> bool:
        """Whether the run is suspended."""
        return self._word is not None

    def begin(self, word: Word, *, at: str) -> bool:
        """Suspend; False when that is so already. Time limits stop."""
        if self._word is not None:
            return False
        self._word, self._since = word, at
        for limit in self._limits:
            self._stop(limit)
        return True

    def end(self) -> bool:
        """Go on; False when nothing was suspended. Time limits go on with what was left of them."""
        if self._word is None:
            return False
        self._word, self._since = None, ""
        left, self._left = self._left, {}
        for limit, seconds in left.items():
            limit.reschedule(asyncio.get_running_loop().time() + seconds)
        return True

    async def lifted(self) -> None:
        """Wait until nothing is suspended."""
        if self.active:  # Otherwise not even a turn of the loop: older histories know none here.
            await workflow.wait_condition(lambda: not self.active)

    @contextlib.asynccontextmanager
    async def limit(self, seconds: float) -> AsyncGenerator[None]:
        """Limit a block's time, without the time in which the run is suspended. Raises ``TimeoutError``."""
        async with asyncio.timeout(seconds) as limit:
            self._limits.append(limit)
            if self.active:
                self._stop(limit)
            try:
                yield
            finally:
                self._limits.remove(limit)
                self._left.pop(limit, None)

    def to_json(self) -> Json | None:
        """Say who suspended the run, why and since when; None while it isn't."""
        if self._word is None:
            return None
        actor = self._word.actor or UNATTRIBUTED
        return {"since": self._since, "actor": actor, "reason": self._word.reason}

    def __str__(self) -> str:
        return f"suspended {self._word}" if self._word else ""

    def _stop(self, limit: asyncio.Timeout) -> None:
        when = limit.when()
        if when is not None and not limit.expired():
            self._left[limit] = when - asyncio.get_running_loop().time()
            limit.reschedule(None)
