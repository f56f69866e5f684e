"""``lateen dry-run``: what would be sent where, without sending it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lateen.cli import codes
from lateen.cli.options import (
    allow_url_option,
    hub_option,
    namespace_option,
    output_option,
    registry_option,
)
from lateen.cli.output import print_document, print_structured, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.cli.gathering import Documents
    from lateen.cli.preview import Preview
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
@click.option(
    "--server",
    is_flag=True,
    help="Ask the API servers, by a dry run, what they would store or refuse.",
)
@allow_url_option
@output_option("yaml", "json")
@hub_option
@registry_option
def dry_run(
    files: tuple[Path, ...],
    namespace: str,
    offline: bool,
    declared: tuple[str, ...],
    server: bool,
    allowed_urls: tuple[str, ...],
    output: str,
    **hub: Any,
) -> None:
    """Show what each cluster would be sent: overrides applied, one YAML document an object.

    Policies, Workflows and definitions in the files count as if they were in the hub. Nothing is written
    anywhere. With --server the objects are shown as they would be stored, contents of Secrets masked;
    the exit code is 1 if a server would refuse any, or can't be asked.
    """
    from lateen.cli.gathering import read_files
    from lateen.cli.preview import preview_all

    if declared and not offline:
        raise click.UsageError(
            "--cluster goes with --offline; otherwise the hub knows the clusters"
        )
    if server and offline:
        raise click.UsageError("--server asks the clusters, --offline nobody: give one of them")
    documents = read_files(files, namespace=namespace)
    if offline:
        previews = preview_all(documents, clusters=_clusters(declared), offline=True)
    else:
        previews = asyncio.run(_online(documents, server=server, allowed_urls=allowed_urls, **hub))
    if output == "json":
        print_structured([preview.to_json() for preview in previews], "json")
    else:
        _print(previews)
    for preview in previews:
        for warning in preview.warnings:
            say(f"{preview.application}: warning: {warning}")
    refused = sum(
        len(placement.refused)
        for preview in previews
        for step in preview.steps
        for placement in step.placements
    )
    if refused:
        say(f"refused: {refused} (each is a comment beside what would be stored)")
        sys.exit(codes.ERROR)


async def _online(
    documents: Documents,
    *,
    server: bool,
    allowed_urls: tuple[str, ...],
    hub_kubeconfig: Path | None,
    registry_namespace: str,
) -> list[Preview]:
    from lateen.cli.connecting import open_registry
    from lateen.cli.preview import preview_all
    from lateen.cli.snapshots import Snapshots
    from lateen.policies.topology import ClusterInfo

    given = [document.to_json() for document in documents.external]
    async with open_registry(hub_kubeconfig, registry_namespace) as registry:
        known = [
            ClusterInfo(name=each.name, labels=each.labels, git_version=each.version)
            for each in await registry.list()
        ]
        stored = Snapshots(registry, given=given, allowed_urls=allowed_urls)
        snapshots = [await stored.read(each) for each in documents.applications]
        previews = preview_all(documents, clusters=known, snapshots=snapshots)
        if server:
            from lateen.cli.answering import answer_all

            previews = await answer_all(previews, documents.applications, clusters=registry)
    return previews


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
    from lateen.cli.verdicts import reason

    for preview in previews:
        for step in preview.steps:
            heading = f"{preview.application}: step {step.name} ({step.type})"
            if step.note:
                heading += f": {step.note}"
            comments = [heading]
            for placement in step.placements:
                where = f"{placement.cluster}/{placement.namespace}"
                for manifest in placement.manifests:
                    component = _component(manifest)
                    inputs = placement.inputs.get(component, [])
                    print_document(manifest, comments=[*comments, f"{where} {component}", *inputs])
                    comments = []
                told = [
                    f"{where} refused: {reason(line, at=placement.cluster)}"
                    for line in placement.refused
                ]
                told += [f"{where} not asked: {line}" for line in placement.unasked]
                if told:
                    print_document(None, comments=[*comments, *told])
                    comments = []
            if comments:
                print_document(None, comments=comments)


def _component(manifest: dict[str, Any]) -> str:
    from lateen.model.labels import APP_COMPONENT

    metadata = manifest["metadata"]
    labels: dict[str, str] = metadata.get("labels") or {}
    return labels.get(APP_COMPONENT, "")
