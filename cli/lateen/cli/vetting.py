"""``lateen vet``: whether documents are right, without changing anything."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lateen.cli.options import (
    allow_url_option,
    hub_option,
    inline_secrets_option,
    namespace_option,
    output_option,
    registry_option,
)
from lateen.cli.output import print_structured, result, say, verdict_line
from lateen.model.errors import InvalidApplication, InvalidManifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.cli.vets import HubView, Vetted
    from lateen.client.documents import Reading
    from lateen.model.records import Snapshot


@click.command()
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, allow_dash=True),
    help="File, directory, or `-` for standard input; may be given several times.",
)
@namespace_option
@click.option(
    "--offline", is_flag=True, help="Ask no hub: clusters and what the hub stores are not checked."
)
@inline_secrets_option
@allow_url_option
@output_option("text", "json")
@hub_option
@registry_option
def vet(
    files: tuple[Path, ...],
    namespace: str,
    offline: bool,
    allow_inline_secrets: bool,
    allowed_urls: tuple[str, ...],
    output: str,
    hub_kubeconfig: Path | None,
    registry_namespace: str,
) -> None:
    """Check Applications, Policies and Workflows against everything known; change nothing.

    All that is wrong with all documents is told at once. Policies and Workflows in the files count as
    if they were in the hub. The exit code is 1 if anything is wrong.
    """
    from lateen.cli.vets import vet_all
    from lateen.rendering.plugins import installed

    readings = list(_read(files, namespace))
    if not readings:
        listed = ", ".join(str(path) for path in files)
        raise InvalidManifest(f"{listed}: no Application, Policy, Workflow or definition here")
    registry = installed()
    hub = None
    if not offline:
        look = _look(
            readings,
            hub_kubeconfig,
            registry_namespace,
            allowed_urls=allowed_urls,
            allow_secrets=allow_inline_secrets,
        )
        hub = asyncio.run(look)
    found = vet_all(readings, registry, hub=hub, allow_inline_secrets=allow_inline_secrets)
    if output == "json":
        valid = not any(vetted.problems for vetted in found)
        shown = [vetted.model_dump(by_alias=True, mode="json") for vetted in found]
        print_structured({"valid": valid, "documents": shown}, "json")
    else:
        print_vetted(found)
    if any(vetted.problems for vetted in found):
        raise click.exceptions.Exit(1)


def _read(files: Iterable[Path], namespace: str) -> Iterable[Reading]:
    from lateen.client.documents import LARGEST, inspect_documents, inspect_path

    for path in files:
        if str(path) == "-":
            text = sys.stdin.buffer.read(LARGEST + 1)
            yield from inspect_documents(text, source="standard input", default_namespace=namespace)
        else:
            yield from inspect_path(path, default_namespace=namespace)


async def _look(
    readings: Sequence[Reading],
    hub_kubeconfig: Path | None,
    registry_namespace: str,
    *,
    allowed_urls: tuple[str, ...],
    allow_secrets: bool,
) -> HubView:
    """Ask the hub for its clusters, and for what the applications refer to."""
    from lateen.cli.connecting import open_hub
    from lateen.cli.snapshots import Snapshots
    from lateen.cli.vets import HubView
    from lateen.hub.clusters import ClusterRegistry
    from lateen.model.application import Application
    from lateen.policies.topology import ClusterInfo

    documents = [each.document for each in readings if each.document is not None]
    given = [each.to_json() for each in documents if not isinstance(each, Application)]
    snapshots: dict[str, Snapshot | InvalidApplication] = {}
    async with open_hub(hub_kubeconfig) as hub:
        registry = ClusterRegistry(hub, registry_namespace)
        try:
            clusters = [ClusterInfo(name=c.name, labels=c.labels) for c in await registry.list()]
            stored = Snapshots(
                registry, given=given, allowed_urls=allowed_urls, allow_secrets=allow_secrets
            )
            for application in documents:
                if isinstance(application, Application):
                    try:
                        snapshots[application.id] = await stored.read(application)
                    except InvalidApplication as error:
                        snapshots[application.id] = error
        finally:
            await registry.close()
    return HubView(clusters, snapshots)


def print_vetted(found: Sequence[Vetted]) -> None:
    """Print a verdict for each document."""
    for vetted in found:
        good = not vetted.problems
        title = f"{vetted.place}: {vetted.title}".removesuffix(": ")
        summary = f" ({vetted.summary})" if vetted.summary else ""
        verdict_line(
            f"{'OK' if good else 'INVALID'}  {title}{summary}", tone="good" if good else "bad"
        )
        for problem in vetted.problems:
            result(f"  {problem}")
        for warning in vetted.warnings:
            result(f"  warning: {warning}")
        if vetted.note:
            result(f"  note: {vetted.note}")
    wrong = sum(bool(vetted.problems) for vetted in found)
    if wrong:
        say(f"{wrong} of {len(found)} documents are invalid")
