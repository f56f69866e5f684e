"""Versions that users give to what they publish: the annotation ``app.oam.dev/publishVersion``.

With it the stored revision is what counts: an edit is delivered when the version changes, and only then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.model.errors import InvalidApplication
from lateen.model.json_values import join_path
from lateen.model.labels import PUBLISH_VERSION
from lateen.model.parsing import content_digest, parse_application

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lateen.model.application import Application
    from lateen.model.records import Snapshot


@dataclass(frozen=True)
class Published:
    """A revision that the hub keeps, and the version that it was published as."""

    revision: str
    number: int
    version: str


def publish_version(application: Application) -> str:
    """Return the version that an application is published as; empty when it has none."""
    return application.metadata.annotations.get(PUBLISH_VERSION, "")


def published_before(
    version: str, kept: Iterable[Published], *, current: str, latest: int
) -> Published | None:
    """Return the revision that is meant by a version: the current one, or None if the version is new.

    ``current`` is the latest revision that a delivery began with, ``latest`` its number; what has a higher
    one was stored by an attempt that died and may be taken again. Raises ``InvalidApplication`` for the
    version of an older revision, which would bring back something else than it says.
    """
    same = [each for each in kept if each.version == version and each.number <= latest]
    for each in same:
        if each.revision == current:
            return each
    if same:
        last = max(same, key=lambda each: each.number)
        name = last.revision.rpartition("-v")[0]
        raise InvalidApplication.at(
            join_path("metadata.annotations", PUBLISH_VERSION),
            f"is the version of revision {last.revision} already, and revision {current} came after it",
            version,
            "choose a version that was not used yet; to go back to that revision: "
            f"lateen workflow rollback {name} --revision {last.revision}",
        )
    return None


def ignored_edit(application: Application, stored: Snapshot, published: Published) -> list[str]:
    """Return the warning that what was submitted is not what its version stands for, if that is so."""
    if content_digest(application) == content_digest(parse_application(stored.application)):
        return []
    told = f"{PUBLISH_VERSION} is still {published.version!r}, the version of {published.revision}"
    return [f"{told}: other changes are not delivered until you change it"]
