"""``lateen cluster``: the clusters that applications can be delivered to."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lateen.cli.arguments import parse_labels, read_member
from lateen.cli.connecting import open_registry
from lateen.cli.options import hub_option, output_option, registry_option
from lateen.cli.output import print_structured, print_table, result, say

if TYPE_CHECKING:
    from lateen.hub.joining import Joined
    from lateen.hub.registrations import RegisteredCluster

_COLUMNS = ("CLUSTER", "ALIAS", "TYPE", "ENDPOINT", "ACCEPTED", "LABELS")


@click.group()
def cluster() -> None:
    """Join, list, label and detach clusters."""


@cluster.command("list")
@output_option("table", "json", "yaml")
@hub_option
@registry_option
def list_clusters(output: str, hub_kubeconfig: Path | None, registry_namespace: str) -> None:
    """List clusters; `local` is the hub."""

    async def run() -> list[RegisteredCluster]:
        async with open_registry(hub_kubeconfig, registry_namespace) as registry:
            return await registry.list()

    clusters = asyncio.run(run())
    if output == "table":
        print_table(_COLUMNS, [row for item in clusters for row in table_rows(item)])
    else:
        print_structured([_shown(item) for item in clusters], output)


@cluster.command()
@click.argument("kubeconfig", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
@click.option("--name", help="The cluster's name; by default that of the context's cluster.")
@click.option("--labels", multiple=True, metavar="K=V,...", help="Labels, for selecting clusters.")
@click.option("--alias", help="A name for people.")
@click.option("--context", help="Context of the kubeconfig; by default the current one.")
@click.option(
    "-y", "--overwrite", is_flag=True, help="Replace the credentials of a cluster that is known."
)
@click.option(
    "--insecure-skip-tls-verify", "insecure", is_flag=True, help="Accept a cluster without its CA."
)
@click.option(
    "--service-account",
    is_flag=True,
    help="Make a ServiceAccount with a role in the cluster, and keep nothing but its token.",
)
@click.option(
    "--allow-exec",
    "allowed_exec",
    multiple=True,
    metavar="COMMAND",
    help="With --service-account: let the kubeconfig run this command, here and now only.",
)
@hub_option
@registry_option
def join(  # noqa: PLR0913, PLR0917 - click passes one argument an option
    kubeconfig: Path,
    name: str | None,
    labels: tuple[str, ...],
    alias: str | None,
    context: str | None,
    overwrite: bool,
    insecure: bool,
    service_account: bool,
    allowed_exec: tuple[str, ...],
    hub_kubeconfig: Path | None,
    registry_namespace: str,
) -> None:
    """Join the cluster of a KUBECONFIG.

    `-` reads standard input. The cluster is asked who it is first. Joining it again replaces its
    credentials and keeps its labels. With --service-account the hub never sees the kubeconfig's
    own credentials; they need the rights that the account gets.
    """
    from lateen.hub.account_joining import join_with_account
    from lateen.hub.cluster_errors import ClusterExists
    from lateen.hub.joining import join as join_cluster

    if allowed_exec and not service_account:
        raise click.UsageError("--allow-exec is for --service-account: other credentials are kept")
    entry = read_member(kubeconfig, context=context, insecure=insecure, allowed_exec=allowed_exec)
    join_by = join_with_account if service_account else join_cluster
    wanted = parse_labels(labels) if labels else None

    async def run(*, replace: bool) -> Joined:
        async with open_registry(hub_kubeconfig, registry_namespace) as registry:
            return await join_by(
                registry,
                entry.cluster_name if name is None else name,
                credentials=entry.credentials,
                labels=wanted,
                alias=alias,
                overwrite=replace,
            )

    try:
        joined = asyncio.run(run(replace=overwrite))
    except ClusterExists as error:
        if str(kubeconfig) == "-" or not sys.stdin.isatty():
            raise
        question = f"Cluster {error.name} already exists, do you want to overwrite it?"
        click.confirm(question, abort=True, err=True)
        joined = asyncio.run(run(replace=True))
    _tell_joined(joined)


@cluster.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Also when applications have objects there.")
@click.option(
    "--revoke", is_flag=True, help="End the token that `join --service-account` made, too."
)
@hub_option
@registry_option
def detach(
    name: str, force: bool, revoke: bool, hub_kubeconfig: Path | None, registry_namespace: str
) -> None:
    """Remove a cluster's registration.

    Nothing else in the cluster itself is touched, also with --force.
    """
    from lateen.hub.detaching import Detached
    from lateen.hub.detaching import detach as detach_cluster

    async def run() -> Detached:
        async with open_registry(hub_kubeconfig, registry_namespace) as registry:
            return await detach_cluster(registry, name, force=force, revoke=revoke)

    detached = asyncio.run(run())
    if detached.left:
        say("Only the registration was removed; these keep their objects in the cluster:")
        for user in detached.left:
            say(f"  {user}")
    result(f"Detach cluster {name} successfully.")
    if detached.revoked:
        say("Its token is revoked; ServiceAccount lateen-system/lateen and its roles stay there.")
    if detached.unrevoked:
        raise click.ClickException(f"its token still works: {detached.unrevoked}")


@cluster.command()
@click.argument("old")
@click.argument("new")
@hub_option
@registry_option
def rename(old: str, new: str, hub_kubeconfig: Path | None, registry_namespace: str) -> None:
    """Rename cluster OLD to NEW.

    Run it again if it was interrupted.
    """
    from lateen.hub.renaming import rename as rename_cluster

    async def run() -> None:
        async with open_registry(hub_kubeconfig, registry_namespace) as registry:
            await rename_cluster(registry, old, new)

    asyncio.run(run())
    result(f"Rename cluster {old} to {new} successfully.")


@cluster.command()
@click.argument("name")
@click.argument("alias")
@hub_option
@registry_option
def alias(name: str, alias: str, hub_kubeconfig: Path | None, registry_namespace: str) -> None:
    """Give a cluster a name for people.

    An empty ALIAS removes it.
    """
    from lateen.hub.membership import set_alias

    async def run() -> None:
        async with open_registry(hub_kubeconfig, registry_namespace) as registry:
            await set_alias(registry, name, alias)

    asyncio.run(run())
    result(f"Alias cluster {name} as {alias}." if alias else f"Cluster {name} has no alias now.")


@cluster.group()
def labels() -> None:
    """Change the labels that select clusters."""


@labels.command("add")
@click.argument("name")
@click.argument("labels", nargs=-1, required=True, metavar="K=V,...")
@hub_option
@registry_option
def add_labels(
    name: str, labels: tuple[str, ...], hub_kubeconfig: Path | None, registry_namespace: str
) -> None:
    """Add labels to a cluster, or give them other values."""
    changes: dict[str, str | None] = {**parse_labels(labels)}
    _change_labels(name, changes, hub_kubeconfig, registry_namespace)


@labels.command("del")
@click.argument("name")
@click.argument("keys", nargs=-1, required=True, metavar="KEY,...")
@hub_option
@registry_option
def delete_labels(
    name: str, keys: tuple[str, ...], hub_kubeconfig: Path | None, registry_namespace: str
) -> None:
    """Remove labels from a cluster; those that it doesn't have are no error."""
    listed = [key.strip() for part in keys for key in part.split(",")]
    _change_labels(name, dict.fromkeys(listed), hub_kubeconfig, registry_namespace)


@cluster.command()
@click.argument("name")
@output_option("text", "json", "yaml")
@hub_option
@registry_option
def probe(name: str, output: str, hub_kubeconfig: Path | None, registry_namespace: str) -> None:
    """Check that a cluster answers.

    Also that it is the one that was joined.
    """
    from lateen.hub.probing import Probe, refuse_mismatch
    from lateen.hub.probing import probe as probe_cluster

    async def run() -> Probe:
        async with open_registry(hub_kubeconfig, registry_namespace) as registry:
            return await probe_cluster(registry, name)

    found = asyncio.run(run())
    if output != "text":
        shown = {
            "name": found.name,
            "health": found.health,
            "latencyMilliseconds": round(found.latency * 1000, 1),
            "version": found.version,
            "uid": found.uid,
            "recordedUid": found.recorded_uid,
            "identity": found.identity,
        }
        print_structured(shown, output)
    refuse_mismatch(found)
    if output == "text":
        result(f"Connect to cluster {found.name} successfully.")
        result(found.health)
        say(
            f"version {found.version}, {found.latency * 1000:.1f} ms, kube-system UID {found.uid}"
            f" ({'as joined' if found.identity == 'match' else 'not recorded at join'})"
        )


def _change_labels(
    name: str, changes: dict[str, str | None], hub_kubeconfig: Path | None, namespace: str
) -> None:
    from lateen.hub.membership import set_labels

    async def run() -> RegisteredCluster:
        async with open_registry(hub_kubeconfig, namespace) as registry:
            return await set_labels(registry, name, changes)

    changed = asyncio.run(run())
    result(f"Successfully update labels for cluster {name} (type: {changed.type}).")
    for key, value in changed.user_labels.items():
        result(f"{key}={value}")
    if not changed.user_labels:
        result("No valid label exists.")


def _tell_joined(joined: Joined) -> None:
    known = joined.cluster
    for note in joined.notes:
        say(f"  {note}")
    match joined.action:
        case "joined":
            result(f"Successfully add cluster {known.name}, endpoint: {known.endpoint}.")
        case "rotated":
            result(f"Successfully update cluster {known.name}, endpoint: {known.endpoint}.")
        case "unchanged":
            result(f"Cluster {known.name} is unchanged, endpoint: {known.endpoint}.")


def table_rows(item: RegisteredCluster) -> list[tuple[str, ...]]:
    """Return a table row, and one more for each label after the first."""
    first, *others = [f"{key}={value}" for key, value in item.user_labels.items()] or [""]
    accepted = "true" if item.accepted else "false"
    head = (item.name, item.alias, item.type, item.endpoint, accepted, first)
    return [head, *(("", "", "", "", "", label) for label in others)]


def _shown(item: RegisteredCluster) -> dict[str, Any]:
    return {**item.to_json(), "labels": item.user_labels}
