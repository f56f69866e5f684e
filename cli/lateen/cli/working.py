"""``lateen worker``: run the process that delivers, and choose the build that is current."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import click
from click.core import ParameterSource

from lateen.cli.arguments import parse_address
from lateen.cli.options import (
    allow_url_option,
    hub_option,
    inline_secrets_option,
    registry_option,
    task_queue_option,
)
from lateen.cli.output import result

_LEVELS = ("debug", "info", "warning", "error")

_deployment_option = click.option(
    "--deployment",
    default="lateen",
    envvar="LATEEN_WORKER_DEPLOYMENT",
    show_default=True,
    help="Name of the worker deployment that the build belongs to.",
)


@click.group(invoke_without_command=True)
@task_queue_option
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
@allow_url_option
@click.option(
    "--drift",
    type=click.Choice(("report", "repair", "off")),
    default="report",
    show_default=True,
    help="What checks for drift do with applications that do not say it.",
)
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
@_deployment_option
@click.option(
    "--pinned", is_flag=True, help="With --build-id: runs stay with the build that began them."
)
@click.option(
    "--health-address", default="", metavar="HOST:PORT", help="Serve /livez and /readyz here."
)
@click.option(
    "--metrics-address", default="", metavar="HOST:PORT", help="Serve /metrics for Prometheus here."
)
@click.option(
    "--otlp-endpoint",
    default="",
    envvar="OTEL_EXPORTER_OTLP_ENDPOINT",
    show_envvar=True,
    metavar="URL",
    help="Send traces, and metrics unless they are served, to this collector (gRPC).",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write logs, to stderr.",
)
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS),
    default="info",
    show_default=True,
    help="Leave out what is less important.",
)
@click.option("-v", "--verbose", is_flag=True, help="As --log-level debug.")
@click.pass_context
def worker(
    context: click.Context,
    /,
    *,
    log_format: Any,
    log_level: str,
    verbose: bool,
    **options: Any,
) -> None:
    """Run a worker until it is told to stop (SIGTERM or Ctrl-C).

    Every option can be given as a variable, too: LATEEN_WORKER_DEADLINE, LATEEN_WORKER_LOG_FORMAT.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    from lateen.worker.process import main

    level = logging.DEBUG if verbose else logging.getLevelNamesMapping()[log_level.upper()]
    main(_settings(**options), log_format=log_format, level=level)


def _settings(*, deadline: str, health_address: str, metrics_address: str, **options: Any) -> Any:
    from lateen.model.durations import parse_duration
    from lateen.worker.settings import WorkerSettings

    try:
        limit = parse_duration(deadline)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--deadline") from error
    if options["pinned"] and not options["build_id"]:
        raise click.UsageError("--pinned needs --build-id: an unversioned worker has no builds")
    health = parse_address(health_address, option="--health-address") if health_address else None
    if metrics_address:
        parse_address(metrics_address, option="--metrics-address")
    return WorkerSettings(
        deadline_seconds=limit.total_seconds(),
        health_address=health,
        metrics_address=metrics_address,
        **options,
    )


def _refuse_options(context: click.Context) -> None:
    """Refuse options of the worker before a subcommand, which would not see them."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{parameter.opts[-1]} is for running a worker; give"
                f" {context.invoked_subcommand} its own options after its name"
            )


@worker.command()
@click.option("--build-id", required=True, help="The build that new runs, and waiting ones, go to.")
@_deployment_option
def promote(build_id: str, deployment: str) -> None:
    """Make a build current: new runs begin with it, and runs that are not pinned go on with it.

    Start workers with this --build-id first. Keep the old ones until they have nothing left to do.
    """
    from lateen.cli.promoting import promote_build

    done = asyncio.run(promote_build(build_id, deployment=deployment))
    before = f", instead of {done.before}" if done.before else ""
    if done.before == build_id:
        result(f"Build {build_id} of {deployment} is current already.")
    else:
        result(f"Build {build_id} of {deployment} is current now{before}.")
