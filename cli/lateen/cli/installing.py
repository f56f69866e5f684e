"""``lateen install``: what a hub, and a Temporal server, need before the worker starts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from lateen.cli.connecting import open_hub
from lateen.cli.options import hub_option, read_duration, task_queue_option
from lateen.cli.output import print_manifests, result, say
from lateen.contracts.identifiers import drift_schedule
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from pathlib import Path

    from lateen.model.base import Json


def read_interval(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> timedelta | None:
    """Read a duration that may also be 0, which means never."""
    if text is not None and text.strip() == "0":
        return timedelta()
    return read_duration(context, parameter, text)


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would be applied to the hub, as YAML.")
@click.option(
    "--temporal",
    is_flag=True,
    help="Also register Temporal's search attributes, and the Schedule that looks for drift.",
)
@click.option(
    "--drift-interval",
    metavar="DURATION",
    callback=read_interval,
    help="With --temporal: how often to look for drift; 0 removes the Schedule.  [default: 10m, or as it is]",
)
@click.option("--hub/--no-hub", default=True, show_default=True, help="Prepare the hub cluster.")
@click.option(
    "--namespace",
    default="vela-system",
    envvar="LATEEN_REGISTRY_NAMESPACE",
    show_default=True,
    show_envvar=True,
    help="Namespace of the hub that keeps the clusters' credentials.",
)
@click.option(
    "--deliver-to-hub",
    is_flag=True,
    help="Let the worker deliver to the hub itself, which is `local`.",
)
@hub_option
@task_queue_option
def install(
    dry_run: bool,
    temporal: bool,
    drift_interval: timedelta | None,
    hub: bool,
    namespace: str,
    deliver_to_hub: bool,
    hub_kubeconfig: Path | None,
    task_queue: str,
) -> None:
    """Prepare a hub cluster (and Temporal) for lateen; running it again changes nothing.

    The hub gets kinds, namespaces and the worker's rights. Kinds that KubeVela installed stay as
    they are.
    """
    if drift_interval is not None and not temporal:
        raise click.UsageError("--drift-interval needs --temporal: it is a Schedule of Temporal")
    if dry_run:
        from lateen.hub.installing import manifests

        planned = manifests(namespace=namespace, deliver_to_hub=deliver_to_hub)
        _print_plan(planned if hub else [], temporal=temporal)
        if temporal and drift_interval != timedelta():
            say(f"would ensure Schedule {drift_schedule(task_queue)}")
        return
    # Neither part needs the other: when one fails, the other is still done.
    failures: list[LateenError] = []
    if hub:
        try:
            asyncio.run(_install_hub(hub_kubeconfig, namespace, deliver_to_hub=deliver_to_hub))
        except LateenError as error:
            failures.append(error)
    if temporal:
        try:
            asyncio.run(_register(drift_interval, task_queue=task_queue))
        except LateenError as error:
            failures.append(error)
    if failures:
        for failure in failures[:-1]:
            say(f"Error: {failure}")
        raise failures[-1]


def _print_plan(manifests: list[Json], *, temporal: bool) -> None:
    from lateen.contracts.search_attributes import ALL

    if manifests:
        print_manifests(manifests)
    if temporal:
        for name, kind in ALL:
            say(f"would register search attribute {name} ({kind})")


async def _install_hub(kubeconfig: Path | None, namespace: str, *, deliver_to_hub: bool) -> None:
    from lateen.hub.installing import install as install_hub

    async with open_hub(kubeconfig) as hub:
        for done in await install_hub(hub, namespace=namespace, deliver_to_hub=deliver_to_hub):
            result(f"{done.ref} {done.action}")
            for note in done.notes:
                say(f"  {done.ref.name}: {note}")
    if not deliver_to_hub:
        say(
            "The worker may not deliver to `local` unless it is given rights: --deliver-to-hub, or"
            " bind ServiceAccount lateen-system/lateen-worker to a role (such as `edit`) in the"
            " namespaces that may be delivered to."
        )


async def _register(drift_interval: timedelta | None, *, task_queue: str) -> None:
    from lateen.cli.registering import register_search_attributes
    from lateen.cli.scheduling import schedule_drift

    for attribute in await register_search_attributes():
        done = "registered" if attribute.added else "unchanged"
        result(f"SearchAttribute {attribute.name} ({attribute.type}) {done}")
    schedule, done = await schedule_drift(drift_interval, task_queue=task_queue)
    if done != "absent":
        result(f"Schedule {schedule} {done}")
