"""``lateen dry-run``: what would be sent where, without sending it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lateen.cli.options import hub_option, namespace_option, output_option, registry_option
from lateen.cli.output import print_document, print_structured, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.cli.gathering import Documents
    from lateen.cli.preview import Preview
    from lateen.model.records import Snapshot
    from lateen.policies.topology import ClusterInfo


@click.command("dry-run")
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
    "--offline", is_flag=True, help="Ask no hub: clusters that are named are taken to exist."
)
@click.option(
    "--cluster",
    "declared",
    multiple=True,
    metavar="NAME[:K=V,...]",
    help="With --offline: a cluster and its labels, for selectors.",
)
@output_option("yaml", "json")
@hub_option
@registry_option
def dry_run(
    files: tuple[Path, ...],
    namespace: str,
    offline: bool,
    declared: tuple[str, ...],
    output: str,
    hub_kubeconfig: Path | None,
    registry_namespace: str,
) -> None:
    """Show what each cluster would be sent: overrides applied, one YAML document an object.

    Policies, Workflows and definitions in the files count as if they were in the hub. Nothing is written
    anywhere.
    """
    from lateen.cli.gathering import read_files
    from lateen.cli.preview import preview_all

    if declared and not offline:
        raise click.UsageError(
            "--cluster goes with --offline; otherwise the hub knows the clusters"
        )
    documents = read_files(files, namespace=namespace)
    if offline:
        previews = preview_all(documents, clusters=_clusters(declared), offline=True)
    else:
        previews = asyncio.run(_online(documents, hub_kubeconfig, registry_namespace))
    if output == "json":
        print_structured([preview.to_json() for preview in previews], "json")
    else:
        _print(previews)
    for preview in previews:
        for warning in preview.warnings:
            say(f"{preview.application}: warning: {warning}")


async def _online(
    documents: Documents, hub_kubeconfig: Path | None, registry_namespace: str
) -> list[Preview]:
    from lateen.cli.connecting import open_hub
    from lateen.cli.preview import preview_all
    from lateen.hub.applications import Applications
    from lateen.hub.clusters import ClusterRegistry
    from lateen.hub.definitions import Definitions
    from lateen.policies.topology import ClusterInfo
    from lateen.rendering.plugins import installed

    given = [document.to_json() for document in documents.external]
    async with open_hub(hub_kubeconfig) as hub:
        registry = ClusterRegistry(hub, registry_namespace)
        try:
            known = [ClusterInfo(name=c.name, labels=c.labels) for c in await registry.list()]
        finally:
            await registry.close()
        stored = Applications(hub)
        definitions = Definitions(hub, system_namespace=registry_namespace)
        snapshots: list[Snapshot] = []
        for application in documents.applications:
            snapshot = await stored.snapshot(application, given=given)
            completed = await definitions.complete(snapshot, installed(), given=given)
            snapshots.append(completed.snapshot)
    return preview_all(documents, clusters=known, snapshots=snapshots)


def _clusters(declared: Iterable[str]) -> list[ClusterInfo]:
    """Read ``NAME[:K=V,...]``; ``local`` is always there."""
    from lateen.cli.arguments import parse_labels
    from lateen.model.labels import LOCAL
    from lateen.policies.topology import ClusterInfo

    found = {LOCAL: ClusterInfo(name=LOCAL)}
    for text in declared:
        name, _, labels = text.partition(":")
        if not name:
            raise click.UsageError(f"invalid cluster {text!r}: expected NAME or NAME:KEY=VALUE,...")
        found[name] = ClusterInfo(name=name, labels=parse_labels((labels,)) if labels else {})
    return list(found.values())


def _print(previews: Sequence[Preview]) -> None:
    """Print one stream of YAML documents; comments before each say where it goes."""
    for preview in previews:
        for step in preview.steps:
            heading = f"{preview.application}: step {step.name} ({step.type})"
            if step.note:
                heading += f": {step.note}"
            comments = [heading]
            for placement in step.placements:
                where = f"{placement.cluster}/{placement.namespace}"
                for manifest in placement.manifests:
                    print_document(
                        manifest, comments=[*comments, f"{where} {_component(manifest)}"]
                    )
                    comments = []
            if comments:
                print_document(None, comments=comments)


def _component(manifest: dict[str, Any]) -> str:
    from lateen.model.labels import APP_COMPONENT

    metadata = manifest["metadata"]
    labels: dict[str, str] = metadata.get("labels") or {}
    return labels.get(APP_COMPONENT, "")
