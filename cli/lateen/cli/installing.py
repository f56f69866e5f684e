"""``lateen install``: what a hub, and a Temporal server, need before the worker starts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from lateen.cli.connecting import open_hub
from lateen.cli.options import hub_option
from lateen.cli.output import print_manifests, result, say
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would be applied to the hub, as YAML.")
@click.option("--temporal", is_flag=True, help="Also register Temporal's search attributes.")
@click.option("--hub/--no-hub", default=True, show_default=True, help="Prepare the hub cluster.")
@click.option(
    "--namespace",
    default="vela-system",
    envvar="LATEEN_REGISTRY_NAMESPACE",
    show_default=True,
    show_envvar=True,
    help="Namespace of the hub that keeps the clusters' credentials.",
)
@hub_option
def install(
    dry_run: bool, temporal: bool, hub: bool, namespace: str, hub_kubeconfig: Path | None
) -> None:
    """Prepare a hub cluster (and Temporal) for lateen; running it again changes nothing.

    The hub gets kinds, namespaces and the worker's rights. Kinds that KubeVela installed stay as
    they are.
    """
    if dry_run:
        _print_plan(hub=hub, temporal=temporal, namespace=namespace)
        return
    # Neither part needs the other: when one fails, the other is still done.
    failures: list[LateenError] = []
    if hub:
        try:
            asyncio.run(_install_hub(hub_kubeconfig, namespace))
        except LateenError as error:
            failures.append(error)
    if temporal:
        try:
            asyncio.run(_register())
        except LateenError as error:
            failures.append(error)
    if failures:
        for failure in failures[:-1]:
            say(f"Error: {failure}")
        raise failures[-1]


def _print_plan(*, hub: bool, temporal: bool, namespace: str) -> None:
    from lateen.contracts.search_attributes import ALL
    from lateen.hub.installing import manifests

    if hub:
        print_manifests(manifests(namespace=namespace))
    if temporal:
        for name, kind in ALL:
            say(f"would register search attribute {name} ({kind})")


async def _install_hub(kubeconfig: Path | None, namespace: str) -> None:
    from lateen.hub.installing import install as install_hub

    async with open_hub(kubeconfig) as hub:
        for done in await install_hub(hub, namespace=namespace):
            result(f"{done.ref} {done.action}")
            for note in done.notes:
                say(f"  {done.ref.name}: {note}")
    say(
        "The worker may not deliver to `local` yet: bind ServiceAccount"
        " lateen-system/lateen-worker to a"
        " role (such as `edit`) in the hub's namespaces that may be delivered to."
    )


async def _register() -> None:
    from lateen.cli.registering import register_search_attributes

    for attribute in await register_search_attributes():
        done = "registered" if attribute.added else "unchanged"
        result(f"SearchAttribute {attribute.name} ({attribute.type}) {done}")
