"""Which revision a rollback means, and whether it can still be rendered as it was. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lateen.model.errors import InvalidApplication, Problem, nearest
from lateen.model.parsing import parse_policy
from lateen.planning.provenance import plugin_versions
from lateen.planning.references import inline_policy

if TYPE_CHECKING:
    from lateen.model.application import Application
    from lateen.model.records import Audit, KeptRevision, Snapshot
    from lateen.rendering.registry import Registry

_MOST_NAMES = 40


def delivered_before(audit: Audit) -> frozenset[str]:
    """Return the revisions that were delivered, as far as the audit still knows."""
    told = [event.revision for event in audit.events if event.type == "delivered"]
    last = [audit.delivered.revision] if audit.delivered else []
    return frozenset([*audit.delivered_revisions, *told, *last])


def revision_before(audit: Audit, kept: Sequence[KeptRevision]) -> str:
    """Return the revision that a rollback goes to which names none.

    A rollback that has not arrived yet is meant again. If the current revision was not delivered, it is the one
    that was delivered last; otherwise the newest delivered one with a lower number: rolling back again goes
    further back. Raises ``InvalidApplication``.
    """
    names = {each.name for each in kept}
    last = audit.delivered.revision if audit.delivered else ""
    if audit.revision in names and _is_on_its_way(audit, last):
        return audit.revision
    if last != audit.revision and last in names:
        return last
    delivered = delivered_before(audit)
    older = [each for each in kept if each.name in delivered and each.number < audit.current.number]
    if older:
        return max(older, key=lambda each: each.number).name
    others = [each.name for each in kept if each.name != audit.revision]
    message = "nothing was delivered yet"
    if audit.revision:
        message = f"no revision before {audit.revision} was delivered and is still kept"
    hint = f"name one: {_listed(others)}" if others else "deliver an application instead"
    raise InvalidApplication.at("revision", message, hint=hint)


def _is_on_its_way(audit: Audit, delivered: str) -> bool:
    """Tell whether the current revision was gone back to and is not there: asking again must not undo it."""
    current = audit.delivery
    if current is not None and current.intent == "rollback" and not current.ended_at:
        return True
    return audit.rollback is not None and audit.rollback.revision == audit.revision != delivered


def not_kept(
    revision: str, *, application: str, latest: int, kept: Sequence[KeptRevision]
) -> InvalidApplication:
    """Return the error for a revision that the hub does not keep: forgotten, or never there."""
    names = [each.name for each in kept]
    number = _number(revision, application)
    message = f"is no revision of application {application}"
    if number is not None and 0 < number <= latest:
        message = "is not kept any more"
    elif number is not None:
        message = "was never delivered"
    hint = nearest(revision, names)
    if names and not hint.startswith("known"):
        hint = f"{hint} kept are: {_listed(names)}"
    return InvalidApplication.at(
        "revision", message, revision, hint or "the hub keeps no revision of it"
    )


def refuse_other_plugins(
    snapshot: Snapshot, application: Application, types: Registry, *, revision: str
) -> None:
    """Refuse what other plug-ins would render than those that the revision was made with.

    Raises ``InvalidApplication`` naming each: what it rendered then can't be made again without them.
    """
    policies = [inline_policy(parse_policy(policy)) for policy in snapshot.policies]
    now = plugin_versions(application, policies, types)
    problems = [
        Problem(
            "revision",
            f"{revision} was rendered by {_said(name, snapshot.plugins)}, and here is "
            f"{_said(name, now)}",
            hint="install what it was made with in every worker, or deliver its content anew with "
            "`lateen up -f`",
        )
        for name in sorted({*snapshot.plugins, *now})
        if snapshot.plugins.get(name) != now.get(name)
    ]
    if problems:
        raise InvalidApplication(problems)


def _said(name: str, versions: dict[str, str]) -> str:
    return f"{name} {versions[name]}" if name in versions else f"no plug-in {name}"


def _number(revision: str, application: str) -> int | None:
    found = re.fullmatch(re.escape(application) + r"-v([1-9][0-9]{0,8})", revision)
    return int(found[1]) if found else None


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown}, …" if len(names) > _MOST_NAMES else shown
