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

    from lateen.model.base import Json


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
@click.option(
    "--deliver-to-hub",
    is_flag=True,
    help="Let the worker deliver to the hub itself, which is `local`.",
)
@hub_option
def install(
    dry_run: bool,
    temporal: bool,
    hub: bool,
    namespace: str,
    deliver_to_hub: bool,
    hub_kubeconfig: Path | None,
) -> None:
    """Prepare a hub cluster (and Temporal) for lateen; running it again changes nothing.

    The hub gets kinds, namespaces and the worker's rights. Kinds that KubeVela installed stay as
    they are.
    """
    if dry_run:
        from lateen.hub.installing import manifests

        planned = manifests(namespace=namespace, deliver_to_hub=deliver_to_hub)
        _print_plan(planned if hub else [], temporal=temporal)
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
            asyncio.run(_register())
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


async def _register() -> None:
    from lateen.cli.registering import register_search_attributes

    for attribute in await register_search_attributes():
        done = "registered" if attribute.added else "unchanged"
        result(f"SearchAttribute {attribute.name} ({attribute.type}) {done}")
