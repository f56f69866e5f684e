"""``lateen drift``: look now whether clusters still have what was delivered."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from lateen.cli import codes
from lateen.cli.actors import actor_option
from lateen.cli.options import (
    all_namespaces_option,
    namespace_option,
    optional_app_argument,
    output_option,
    task_queue_option,
)
from lateen.cli.output import print_structured, print_toned, say
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from lateen.contracts.drift import DriftSummary

_EPILOG = """\b
Exit codes, those of diff:
  0    everything is as it was delivered
  1    something drifted, or other clusters are selected now
  2    error: something could not be looked at; wrong usage
"""


@click.command(epilog=_EPILOG)
@optional_app_argument
@all_namespaces_option
@namespace_option
@click.option(
    "--repair", is_flag=True, help="Deliver again what drifted, unless an application forbids it."
)
@actor_option
@output_option("text", "json", "yaml")
@task_queue_option
def drift(
    app: str | None,
    all_namespaces: bool,
    namespace: str,
    repair: bool,
    actor: str,
    output: str,
    task_queue: str,
) -> None:
    """Look whether clusters still have what was delivered: APP, or every application of a namespace.

    Clusters are asked by a server-side dry run, so defaults are no drift; fields that an apply-once
    policy names are none either. Clusters that a topology matches since, or no longer matches, are
    shown too. An application that is being delivered, or waits for an approval, is left alone.

    APP is looked at, and repaired if asked, whatever its annotation `lateen.dev/drift` says.
    """
    if app is not None and all_namespaces:
        raise click.UsageError("give either the name of an application or --all-namespaces")
    try:
        found = asyncio.run(
            _check(
                None if all_namespaces else namespace,
                app or "",
                repair=repair,
                actor=actor,
                task_queue=task_queue,
            )
        )
    except LateenError as error:  # Its usual code means drift here.
        say(f"Error: {error}")
        sys.exit(codes.TROUBLE)
    _print(found, output)
    sys.exit(_code(found))


async def _check(
    namespace: str | None, app: str, *, repair: bool, actor: str, task_queue: str
) -> DriftSummary:
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=task_queue)
    return await lateen.check_drift(namespace, app, repair=repair, actor=actor)


def _print(found: DriftSummary, output: str) -> None:
    from lateen.cli.drift_text import summary_lines

    if output == "text":
        print_toned(summary_lines(found))
    else:
        print_structured(found.to_json(), output)


def _code(found: DriftSummary) -> int:
    unseen = any(report.drift is not None and report.drift.unchecked for report in found.reports)
    if unseen or found.counts.get("unchecked") or found.counts.get("unknown"):
        return codes.TROUBLE
    return codes.DIFFERENT if found.counts.get("drifted") else codes.SAME
