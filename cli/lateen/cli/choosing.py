"""Which of an application's resources is meant: by flags, by asking, or an error that lists them."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.cli.output import clean
from lateen.model.errors import LateenError, nearest

if TYPE_CHECKING:
    from lateen.hub.locating import Resource

_ALL = "All of them"
_LISTED = 30


@dataclass(frozen=True)
class Wish:
    """What the flags narrow the choice to; empty means that they don't.

    ``resource`` is ``KIND/NAME``, ``service`` the name of a Service and ``pod`` that of a pod.
    """

    resource: str = ""
    service: str = ""
    pod: str = ""


class NothingMatches(LateenError):
    """The flags leave nothing to choose from."""


class ChoiceNeeded(LateenError):
    """Several resources match and nobody can be asked; the text has the flags of each."""


def matching(resources: Sequence[Resource], wish: Wish, *, application: str) -> list[Resource]:
    """Keep what the flags ask for; a name that matches nothing is an error with the nearest."""
    found = list(resources)
    if wish.service:
        names = {each.ref.name for each in found if each.is_service}
        found = [each for each in found if each.is_service and each.ref.name == wish.service]
        _require(found, application, "Service", wish.service, names)
    if wish.resource:
        known = {_flag_value(each) for each in found}
        found = [each for each in found if _flag_value(each) == _normal(wish.resource)]
        _require(found, application, "resource", wish.resource, known)
    if wish.pod:
        names = {pod.name for each in found for pod in each.pods}
        found = [each for each in found if any(pod.name == wish.pod for pod in each.pods)]
        _require(found, application, "pod", wish.pod, names)
    return found


def needed(resources: Sequence[Resource], *, application: str, all_flag: bool) -> ChoiceNeeded:
    """Return the error that lists the choices with the flags that make each."""
    rows = [(flags(each, resources), describe(each)) for each in resources[:_LISTED]]
    width = max((len(row[0]) for row in rows), default=0)
    lines = [f"  {chosen.ljust(width)}   {about}" for chosen, about in rows]
    if len(resources) > _LISTED:
        lines.append(f"  … and {len(resources) - _LISTED} more")
    if all_flag:
        lines.append(f"  {'--all'.ljust(width)}   all of them")
    listed = "\n".join(lines)
    count = (
        f"{len(resources)} resources match" if len(resources) > 1 else "not every cluster answered"
    )
    return ChoiceNeeded(f"{application}: {count}; say which one is meant:\n{listed}")


def describe(resource: Resource) -> str:
    """Describe a resource in one line, as it is offered."""
    ref = resource.ref
    return (
        f"Cluster: {resource.cluster} | Namespace: {ref.namespace} | "
        f"Kind: {ref.kind} | Name: {ref.name}"
    )


def flags(resource: Resource, among: Sequence[Resource]) -> str:
    """Return the fewest flags that tell a resource from the others."""
    places = {each.place for each in among}
    clusters = Counter(place.partition("/")[0] for place in places)
    words: list[str] = []
    if len(places) > 1:
        several = clusters[resource.cluster] > 1
        words += ["--cluster", resource.place if several else resource.cluster]
    if sum(each.place == resource.place for each in among) > 1:
        if resource.is_service:
            words += ["--service", resource.ref.name]
        else:
            words += ["--resource", _flag_value(resource)]
    return shlex.join(words or ["--cluster", resource.cluster])


def can_ask() -> bool:
    """Tell whether there is somebody to ask; standard output may be a pipe meanwhile."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(resources: Sequence[Resource], *, offer_all: bool) -> list[Resource]:
    """Let a person choose with the arrow keys; typing narrows the list.

    Raises ``KeyboardInterrupt`` when they rather leave.
    """
    import questionary
    from prompt_toolkit.output import create_output

    choices = [questionary.Choice(clean(describe(each)), value=[each]) for each in resources]
    if offer_all:
        choices.append(questionary.Choice(f"{_ALL} ({len(resources)})", value=list(resources)))
    question = questionary.select(
        f"You have {len(resources)} deployed resources in your app. Please choose one:",
        choices=choices,
        use_search_filter=True,
        use_jk_keys=False,
        instruction="(arrow keys, or type to filter)",
        output=create_output(stdout=sys.stderr),
    )
    chosen: list[Resource] = await question.unsafe_ask_async()
    return chosen


def _require(
    found: Sequence[Resource], application: str, what: str, name: str, known: Collection[str]
) -> None:
    if not found:
        hint = nearest(name, known) or f"it has no {what} there"
        raise NothingMatches(f"{application} has no {what} {name!r} here; {hint}")


def _flag_value(resource: Resource) -> str:
    return f"{resource.ref.kind.lower()}/{resource.ref.name}"


def _normal(text: str) -> str:
    kind, slash, name = text.partition("/")
    return f"{kind.lower()}{slash}{name}"
