"""Reaching into an application's pods: what ``logs``, ``exec`` and ``port-forward`` have in common."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lateen.cli.choosing import Wish, ask, can_ask, matching, needed
from lateen.cli.connecting import open_registry
from lateen.cli.options import hub_option, namespace_option, registry_option
from lateen.cli.output import say
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from pathlib import Path

    from lateen.hub.clusters import ClusterRegistry
    from lateen.hub.locating import Resource
    from lateen.kube.cluster import Cluster

Command = TypeVar("Command", bound=Callable[..., Any])


class NothingRuns(LateenError):
    """What was chosen has no pod, or none that can be talked to."""


def reaching_options(command: Command) -> Command:
    """Add the options that say which pods; passes them to ``Target``."""
    options = [
        namespace_option,
        click.option("--component", default="", metavar="NAME", help="Only this component."),
        click.option(
            "--cluster",
            default="",
            metavar="NAME[/NAMESPACE]",
            help="Only this cluster, or this namespace of it.",
        ),
        click.option(
            "--resource", default="", metavar="KIND/NAME", help="Only this, as `deployment/web`."
        ),
        click.option("--pod", default="", metavar="NAME", help="Only this pod."),
        hub_option,
        registry_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class Target:
    """What the command line says about where to reach."""

    app: str
    namespace: str
    component: str = ""
    cluster: str = ""
    resource: str = ""
    pod: str = ""
    hub_kubeconfig: Path | None = None
    registry_namespace: str = ""
    service: str = ""

    @property
    def application(self) -> str:
        """The application as people write it."""
        return f"{self.namespace}/{self.app}"


@dataclass
class Reached:
    """The open registry and what was chosen; ``complete`` is False when a cluster did not answer."""

    target: Target
    registry: ClusterRegistry
    chosen: list[Resource] = field(default_factory=list["Resource"])
    complete: bool = True

    async def cluster(self, resource: Resource) -> Cluster:
        """Return the connected cluster of a resource."""
        return await self.registry.connect(resource.cluster)

    def no_pods(self) -> NothingRuns:
        """Return the error about a resource without pods, with what that may mean."""
        resource = self.chosen[0]
        return NothingRuns(
            f"{resource.ref} in cluster {resource.cluster} has no pods: it may be scaled to 0, "
            "finished or gone; see "
            f"`lateen status {self.target.app} -n {self.target.namespace}`"
        )


@asynccontextmanager
async def reach(
    target: Target,
    *,
    services: bool = False,
    everything: bool = False,
    offer_all: bool = False,
) -> AsyncGenerator[Reached]:
    """Find what the command line means, and ask where that leaves a choice.

    Clusters that don't answer are named on standard error. ``everything`` takes all there is.
    """
    from lateen.hub.locating import Scope, locate

    cluster, _, namespace = target.cluster.partition("/")
    scope = Scope(cluster, namespace, target.component, services)
    async with open_registry(target.hub_kubeconfig, target.registry_namespace) as registry:
        located = await locate(registry, target.namespace, target.app, scope=scope)
        for error in located.unreachable.values():
            if not located.resources and len(located.unreachable) == 1:
                raise error
            say(f"warning: {error}")
        reached = Reached(target, registry, complete=not located.unreachable)
        wish = Wish(target.resource, target.service, target.pod)
        found = matching(located.resources, wish, application=target.application)
        if not found:
            raise NothingRuns(_nothing(target, reached))
        sure = everything or (len(found) == 1 and (reached.complete or offer_all))
        if sure:
            reached.chosen = found
        elif can_ask():
            reached.chosen = await ask(found, offer_all=offer_all)
        else:
            raise needed(found, application=target.application, all_flag=offer_all)
        yield reached


def _nothing(target: Target, reached: Reached) -> str:
    if not reached.complete:
        return f"{target.application}: no cluster that answered has anything of it"
    what = f"component {target.component!r} of {target.application}" if target.component else ""
    return f"{what or target.application} has no workload, so there are no pods"
