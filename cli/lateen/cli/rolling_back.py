"""``lateen workflow rollback``, and what ``lateen up --revision`` does."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from lateen.cli.actors import actor_option
from lateen.cli.options import (
    app_argument,
    confirm_removal_option,
    duration_option,
    given,
    namespace_option,
    queue_option,
    task_queue_option,
    unchanged_ok_option,
    wait_option,
)
from lateen.cli.submitting import CODES, Wish, exit_code, submit_one, uninterrupted

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from lateen.client.lateen import Lateen
    from lateen.client.results import Submitted


@click.command(epilog=CODES)
@app_argument
@click.option(
    "--revision",
    "--to",
    callback=given,
    show_default="the one delivered before the current one",
    metavar="REVISION",
    help="A kept revision; see `lateen revision list APP`.",
)
@namespace_option
@wait_option
@duration_option("--timeout", help="How long to wait; the rollback goes on after it.")
@queue_option
@confirm_removal_option
@unchanged_ok_option
@actor_option
@task_queue_option
def rollback(  # noqa: PLR0913, PLR0917 - click passes one argument an option
    app: str,
    revision: str | None,
    namespace: str,
    wait: bool,
    timeout: timedelta | None,
    queue: bool,
    confirm_removal: tuple[str, ...],
    unchanged_ok: bool,
    actor: str,
    task_queue: str,
) -> None:
    """Deliver an older revision of APP again, exactly as it was kept.

    It stays in place until something newer is submitted. Its approvals are asked for anew; what only newer
    revisions have is deleted in the end.
    """
    wish = Wish(actor, wait, timeout, task_queue, queue=queue, confirm_removal=confirm_removal)
    sys.exit(roll_back(app, revision, namespace=namespace, wish=wish, same_is_fine=unchanged_ok))


def roll_back(
    app: str, revision: str | None, *, namespace: str, wish: Wish, same_is_fine: bool
) -> int:
    """Go back to a revision and follow that; return the exit code.

    ``same_is_fine`` makes 0 of the code that says that it is delivered already.
    """

    def submit(lateen: Lateen) -> Coroutine[Any, Any, Submitted]:
        return lateen.rollback(
            namespace,
            app,
            revision=revision,
            actor=wish.actor,
            queue=wish.queue,
            confirm_removal=wish.confirm_removal,
        )

    verdicts = uninterrupted(submit_one(f"{namespace}/{app}", submit, wish=wish), wish=wish)
    return exit_code(verdicts, same_is_fine=same_is_fine)
