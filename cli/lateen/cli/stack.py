"""``lateen local``: the local stack on this machine."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from lateen.cli.options import output_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lateen.local.stack import Part, Stack

_state_dir = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="LATEEN_STATE_DIR",
    show_envvar=True,
    help="Where the stack lives; two directories are two stacks.",
)
_clusters = click.option(
    "--cluster", "clusters", multiple=True, metavar="NAME", help="Only this cluster; repeatable."
)


@click.group()
def local() -> None:
    """Run the local stack: Temporal, a hub cluster and clusters to deliver to.

    Real API servers and a real Temporal on this machine, no Docker needed. Programs are taken from
    PATH, from the cache (LATEEN_CACHE_DIR), prebuilt from the network, or built from source with
    Go: the first time takes minutes. LATEEN_TOOL_<NAME> (LATEEN_TOOL_KUBE_APISERVER=/path) names
    one yourself; LATEEN_DOWNLOADS=never builds rather than downloads.
    """


@local.command()
@_state_dir
@_clusters
@click.option(
    "--provider",
    type=click.Choice(["kwok", "kind"]),
    help="Who makes the clusters: kwok (the default, simulated nodes) or kind (needs Docker).",
)
@click.option("--worker", is_flag=True, help="Run a worker in the background, too.")
def up(
    state_dir: Path | None,
    clusters: Sequence[str],
    provider: Literal["kwok", "kind"] | None,
    *,
    worker: bool,
) -> None:
    """Make and start what is missing, and wait until it can be used.

    Without --cluster: the hub `local`, cluster-beijing, cluster-hangzhou-1 and cluster-hangzhou-2.
    The hub and Temporal are always part of the stack. Nothing happens to what runs already.
    """
    from lateen.local.settings import CLUSTERS

    stack = _stack(state_dir, provider=provider)
    stack.up(clusters or CLUSTERS, worker=worker)
    _show(stack.status())
    chosen = "" if state_dir is None else f" --state-dir {shlex.quote(str(state_dir))}"
    click.echo(f'\nPoint your shell to it: eval "$(lateen local env{chosen})"', err=True)


@local.command()
@_state_dir
def demo(state_dir: Path | None) -> None:
    """Bring the stack up and deliver the example applications to it.

    One of them is left waiting for an approval. Running it again is quick and changes nothing that
    is there already.
    """
    from lateen.cli.demonstrating import demonstrate

    demonstrate(_stack(state_dir))


@local.command()
@_state_dir
@_clusters
@click.option("--delete", is_flag=True, help="Remove the data, too.")
def down(state_dir: Path | None, clusters: Sequence[str], *, delete: bool) -> None:
    """Stop the stack, or only some clusters; the data stays unless --delete is given."""
    _stack(state_dir).down(clusters or None, delete=delete)


@local.command()
@_state_dir
@output_option("table", "json")
def status(state_dir: Path | None, output: str) -> None:
    """Show the parts of the stack; exit code 1 if one of them does not run."""
    parts = _stack(state_dir).status()
    if output == "json":
        click.echo(json.dumps([asdict(part) for part in parts], indent=2))
    else:
        _show(parts)
    if not parts or any(part.state != "running" for part in parts):
        raise SystemExit(1)


@local.command()
@_state_dir
def env(state_dir: Path | None) -> None:
    """Print what points a shell to the stack: eval "$(lateen local env)"."""
    for name, value in _stack(state_dir).environment().items():
        click.echo(f"export {name}={shlex.quote(value)}")


@local.command()
@click.option(
    "--provider",
    type=click.Choice(["kwok", "kind"]),
    default="kwok",
    show_default=True,
    help="Whose programs: those that make kwok clusters, or kind clusters.",
)
def tools(provider: str) -> None:
    """Find or build every program that the stack runs, and show where each comes from."""
    from lateen.local.building import Cache
    from lateen.local.finding import Toolbox
    from lateen.local.progress import Spoken
    from lateen.local.settings import cache_directory
    from lateen.local.toolsets import CUE, HELM, KIND, KWOK_CLUSTERS, TEMPORAL

    toolbox = Toolbox(Cache(cache_directory()), progress=Spoken())
    for toolset in ((KIND,) if provider == "kind" else KWOK_CLUSTERS) + (TEMPORAL, CUE, HELM):
        found = toolbox.find(toolset)
        for program in toolset.programs:
            path = found.paths.get(program, "(kwokctl downloads it)")
            click.echo(f"{program:<25} {found.source:<12} {path}")


def _stack(state_dir: Path | None, *, provider: Literal["kwok", "kind"] | None = None) -> Stack:
    from lateen.local.progress import Spoken
    from lateen.local.stack import Stack

    return Stack(state_dir, provider=provider, progress=Spoken())


def _show(parts: Sequence[Part]) -> None:
    if not parts:
        click.echo("There is no stack here; start one with `lateen local up`.", err=True)
    for part in parts:
        click.echo(f"{part.name:<22} {part.state:<9} {part.address}")
