"""``lateen worker``: run the process that delivers."""

from __future__ import annotations

from typing import Any

import click

from lateen.cli.options import hub_option, inline_secrets_option, registry_option


@click.command()
@click.option("--task-queue", default="lateen", show_default=True, help="Temporal task queue.")
@hub_option
@registry_option
@click.option(
    "--deadline", default="10m", show_default=True, help="How long one placement may take."
)
@click.option(
    "--allow-cross-namespace-resource",
    "allow_cross_namespace",
    type=bool,
    default=True,
    show_default=True,
    help="Whether applications may deliver outside their own namespace.",
)
@click.option(
    "--allow-cross-namespace-references",
    "allow_foreign_references",
    is_flag=True,
    help="Let ref-objects copy from other namespaces than the application's, and cluster-scoped kinds.",
)
@click.option(
    "--require-attributed-approvals",
    is_flag=True,
    help="Refuse approvals that do not say who approves, such as a bare signal.",
)
@inline_secrets_option
@click.option(
    "--allow-insecure",
    multiple=True,
    metavar="CLUSTER",
    help="Reach this cluster without verifying TLS; '*' for all.",
)
@click.option(
    "--allow-exec",
    "allowed_exec",
    multiple=True,
    metavar="COMMAND",
    help="Let cluster credentials run this command.",
)
@click.option("--build-id", default="", help="Version of this worker; unversioned without it.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def worker(*, deadline: str, verbose: bool, **options: Any) -> None:
    """Run a worker until it is told to stop (SIGTERM or Ctrl-C)."""
    from lateen.model.durations import parse_duration
    from lateen.worker.process import main
    from lateen.worker.settings import WorkerSettings

    try:
        limit = parse_duration(deadline)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--deadline") from error
    main(WorkerSettings(deadline_seconds=limit.total_seconds(), **options), verbose=verbose)
