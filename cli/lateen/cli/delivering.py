"""``lateen up`` and ``lateen delete``."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lateen.cli import codes
from lateen.cli.actors import actor_option
from lateen.cli.options import (
    app_argument,
    confirm_removal_option,
    duration_option,
    given,
    hub_option,
    inline_secrets_option,
    namespace_option,
    optional_app_argument,
    queue_option,
    task_queue_option,
    unchanged_ok_option,
    wait_option,
)
from lateen.cli.output import say
from lateen.cli.rolling_back import roll_back
from lateen.cli.submitting import (
    CODES,
    Wish,
    exit_code,
    follow,
    submit_one,
    told,
    uninterrupted,
)
from lateen.model.labels import CREATE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from lateen.cli.gathering import Documents
    from lateen.cli.verdicts import Verdict
    from lateen.cli.watching import Watch
    from lateen.client.lateen import Lateen
    from lateen.client.results import Submitted
    from lateen.model.application import Application

_AT_ONCE = 20
"""Applications in delivery at the same time; the worker has its own limits."""

_EPILOG = f"""{CODES}
Of several applications the first that applies: 1, 5, 6, 8, 7, 4; otherwise 0 if
anything was delivered, and 3 if nothing had to be.
"""

_DELETE_EPILOG = """\b
Exit codes:
  0    deleted everywhere
  1    error, or no such application
  2    wrong usage
  5    failed, cancelled or terminated
  7    superseded: someone delivers it again
  8    not finished within --timeout; the deletion goes on
  130  interrupted; the deletion goes on
"""


@click.command(epilog=_EPILOG)
@optional_app_argument
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, allow_dash=True),
    help="File, directory, or `-` for standard input; may be given several times.",
)
@namespace_option
@wait_option
@duration_option("--timeout", help="How long to wait; the delivery goes on after it.")
@queue_option
@click.option(
    "--create-namespace", is_flag=True, help="Create namespaces that are missing on a target."
)
@confirm_removal_option
@click.option(
    "--revision",
    callback=given,
    metavar="REVISION",
    help="Deliver APP as this kept revision holds it; see `lateen revision list APP`.",
)
@inline_secrets_option
@unchanged_ok_option
@actor_option
@task_queue_option
@hub_option
def up(  # noqa: PLR0913, PLR0917 - click passes one argument an option
    app: str | None,
    files: tuple[Path, ...],
    namespace: str,
    wait: bool,
    timeout: timedelta | None,
    queue: bool,
    create_namespace: bool,
    confirm_removal: tuple[str, ...],
    revision: str | None,
    allow_inline_secrets: bool,
    unchanged_ok: bool,
    actor: str,
    task_queue: str,
    hub_kubeconfig: Path | None,
) -> None:
    """Deliver applications: those in files, or APP as the hub stores it.

    Everything is checked before anything is submitted. Policies, Workflows and definitions in the files
    are written to the hub first, with your own kubeconfig. Where an approval is needed, `up` ends and
    says how to give it.
    """
    if (app is None) == (not files):
        raise click.UsageError("give either files with -f or the name of an application in the hub")
    if revision is not None and (app is None or create_namespace):
        other = "-f" if app is None else "--create-namespace"
        raise click.UsageError(f"--revision delivers what APP's revision holds; leave out {other}")
    wish = Wish(
        actor,
        wait,
        timeout,
        task_queue,
        queue=queue,
        confirm_removal=confirm_removal,
        allow_inline_secrets=allow_inline_secrets,
    )

    if app is not None and revision is not None:
        sys.exit(
            roll_back(app, revision, namespace=namespace, wish=wish, same_is_fine=unchanged_ok)
        )

    async def run() -> list[Verdict]:
        documents = await _documents(app, files, namespace=namespace, hub_kubeconfig=hub_kubeconfig)
        applications = documents.applications
        if create_namespace:
            applications = [_creating_namespaces(each) for each in applications]
        return await _up(applications, documents, wish=wish, hub_kubeconfig=hub_kubeconfig)

    verdicts = uninterrupted(run(), wish=wish)
    sys.exit(exit_code(verdicts, same_is_fine=unchanged_ok))


@click.command(epilog=_DELETE_EPILOG)
@app_argument
@namespace_option
@wait_option
@duration_option("--timeout", help="How long to wait; the deletion goes on after it.")
@click.option("--orphan", is_flag=True, help="Leave the objects in the clusters; only forget them.")
@click.option(
    "--abandon",
    multiple=True,
    metavar="CLUSTER",
    help="Give up on this cluster if it can't be reached: what is there stays.",
)
@click.option("-y", "--yes", is_flag=True, help="Don't ask, also on a terminal.")
@actor_option
@task_queue_option
def delete(  # noqa: PLR0913, PLR0917 - click passes one argument an option
    app: str,
    namespace: str,
    wait: bool,
    timeout: timedelta | None,
    orphan: bool,
    abandon: tuple[str, ...],
    yes: bool,
    actor: str,
    task_queue: str,
) -> None:
    """Delete APP from every cluster, then its record in the hub (the audit stays).

    A cluster that can't be reached is owed its deletion: the deletion stays open until it returns,
    or until somebody gives it up with --abandon.
    """
    if not yes and sys.stdin.isatty():
        verb = "Forget" if orphan else "Delete"
        click.confirm(f"{verb} application {namespace}/{app} everywhere?", abort=True, err=True)
    wish = Wish(actor, wait, timeout, task_queue, deleting=True)

    def submit(lateen: Lateen) -> Coroutine[Any, Any, Submitted]:
        return lateen.delete(namespace, app, orphan=orphan, abandon=abandon, actor=wish.actor)

    verdicts = uninterrupted(submit_one(f"{namespace}/{app}", submit, wish=wish), wish=wish)
    sys.exit(codes.worst(verdict.code for verdict in verdicts))


async def _documents(
    app: str | None, files: tuple[Path, ...], *, namespace: str, hub_kubeconfig: Path | None
) -> Documents:
    from lateen.cli.gathering import read_files, read_stored, refuse_unknown_types

    if app is not None:
        return await read_stored(app, namespace=namespace, hub_kubeconfig=hub_kubeconfig)
    documents = read_files(files, namespace=namespace)
    await refuse_unknown_types(documents, hub_kubeconfig=hub_kubeconfig)
    return documents


async def _up(
    applications: Sequence[Application],
    documents: Documents,
    *,
    wish: Wish,
    hub_kubeconfig: Path | None,
) -> list[Verdict]:
    from lateen.cli.gathering import credential_warnings, refuse_secrets
    from lateen.cli.watching import watch
    from lateen.client.lateen import connect

    lateen: Lateen | None = None
    if applications:
        # Before the hub is touched: without Temporal or a worker nothing of it would take effect.
        lateen = await connect(task_queue=wish.task_queue)
        await lateen.require_worker()
    if not (wish.allow_inline_secrets or (lateen is not None and lateen.encrypts)):
        refuse_secrets(documents)
    for warning in credential_warnings(applications):
        say(f"warning: {warning}")
    if documents.external:
        await _apply_external(documents, hub_kubeconfig=hub_kubeconfig)
    if lateen is None:
        if not documents.external:
            say("nothing to deliver: no Application, Policy, Workflow or definition was found")
        return []
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(application: Application, display: Watch) -> Verdict:
        async with slots:
            return await _deliver(lateen, application, wish=wish, display=display)

    with watch() as display:
        verdicts = await asyncio.gather(*(one(each, display) for each in applications))
    return [told(verdict) for verdict in verdicts]


async def _apply_external(documents: Documents, *, hub_kubeconfig: Path | None) -> None:
    from lateen.cli.connecting import open_hub
    from lateen.hub.documents import apply_external

    async with open_hub(hub_kubeconfig) as hub:
        for document in documents.external:
            await apply_external(hub, document)
            metadata = document.metadata
            say(f"{document.kind} {metadata.namespace}/{metadata.name} written to the hub")


async def _deliver(
    lateen: Lateen, application: Application, *, wish: Wish, display: Watch
) -> Verdict:
    """Deliver one application; what goes wrong with it stops no other."""
    from lateen.cli import verdicts
    from lateen.cli.patience import impatiently
    from lateen.client.results import Progress
    from lateen.model.errors import LateenError

    wish.begun.append(application.id)
    silence = Progress(application=application.id, note="no worker answers yet")
    try:
        submitted = await impatiently(
            lateen.apply(
                application,
                actor=wish.actor,
                queue=wish.queue,
                confirm_removal=wish.confirm_removal,
                allow_inline_secrets=wish.allow_inline_secrets,
            ),
            tell=lambda: display.show(silence),
        )
        return await follow(lateen, submitted, wish=wish, display=display)
    except LateenError as error:
        return verdicts.of_error(application.id, error)


def _creating_namespaces(application: Application) -> Application:
    metadata = application.metadata
    annotations = {**metadata.annotations, CREATE_NAMESPACE: "true"}
    changed = metadata.model_copy(update={"annotations": annotations})
    return application.model_copy(update={"metadata": changed})
