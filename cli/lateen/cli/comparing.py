"""``lateen diff``: what a delivery would change, before anything is delivered."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lateen.cli import codes
from lateen.cli.options import (
    allow_url_option,
    hub_option,
    namespace_option,
    optional_app_argument,
    output_option,
    registry_option,
)
from lateen.cli.output import print_structured, print_toned, say
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lateen.planning.differences import ApplicationDifference

_EPILOG = """\b
Exit codes, those of diff:
  0    no differences
  1    a delivery would create, change or delete something
  2    error: something could not be compared, or would be refused; wrong usage
  130  interrupted
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
@click.option(
    "--confirm-removal",
    multiple=True,
    metavar="CLUSTER",
    help="Compare as if the removal from this cluster were confirmed.",
)
@allow_url_option
@output_option("text", "json")
@hub_option
@registry_option
def diff(
    app: str | None,
    files: tuple[Path, ...],
    namespace: str,
    confirm_removal: tuple[str, ...],
    allowed_urls: tuple[str, ...],
    output: str,
    hub_kubeconfig: Path | None,
    registry_namespace: str,
) -> None:
    """Show what delivering would change: applications in files, or APP as the hub stores it.

    Each object is compared with what its API server says an apply would make of it, so defaults are no
    differences. What would be deleted in the end is shown too. Contents of Secrets are never shown.
    Policies and Workflows in the files count as if they were in the hub. Nothing is written.
    """
    if (app is None) == (not files):
        raise click.UsageError("give either files with -f or the name of an application in the hub")
    with trouble_is_no_difference():
        found = asyncio.run(
            _compare(
                app,
                files,
                namespace=namespace,
                confirmed=confirm_removal,
                allowed_urls=allowed_urls,
                hub_kubeconfig=hub_kubeconfig,
                registry_namespace=registry_namespace,
            )
        )
        _print(found, output)
    if any(each.failed for each in found):
        sys.exit(codes.TROUBLE)
    sys.exit(codes.DIFFERENT if any(each.changed for each in found) else codes.SAME)


@contextmanager
def trouble_is_no_difference() -> Generator[None]:
    """End with the code for trouble whatever happens: 1, Python's own, means differences here."""
    try:
        yield
    except LateenError as error:
        say(f"Error: {error}")
        sys.exit(codes.TROUBLE)
    except KeyboardInterrupt:
        say("\ninterrupted")
        sys.exit(codes.INTERRUPTED)
    except Exception:  # noqa: BLE001 - a bug is told in full, but not by the code 1
        traceback.print_exc()
        sys.exit(codes.TROUBLE)


async def _compare(
    app: str | None,
    files: tuple[Path, ...],
    *,
    namespace: str,
    confirmed: Sequence[str],
    allowed_urls: tuple[str, ...],
    hub_kubeconfig: Path | None,
    registry_namespace: str,
) -> list[ApplicationDifference]:
    from lateen.activities.comparing import Comparer
    from lateen.activities.rooms import DeliverySettings, Rooms
    from lateen.cli.connecting import open_registry
    from lateen.cli.gathering import read_files, read_stored
    from lateen.rendering.plugins import installed

    if app is not None:
        documents = await read_stored(app, namespace=namespace, hub_kubeconfig=hub_kubeconfig)
    else:
        documents = read_files(files, namespace=namespace)
    async with open_registry(hub_kubeconfig, registry_namespace) as registry:
        settings = DeliverySettings(  # With the caller's own rights.
            allow_foreign_references=True, allow_inline_secrets=True, allowed_urls=allowed_urls
        )
        rooms = Rooms(hub=registry.hub, clusters=registry, types=installed(), settings=settings)
        comparer = Comparer(rooms)
        given = [document.to_json() for document in documents.external]

        comparisons = (
            comparer.compare(application, given=given, confirmed=confirmed)
            for application in documents.applications
        )
        return list(await asyncio.gather(*comparisons))


def _print(found: Sequence[ApplicationDifference], output: str) -> None:
    from lateen.cli.comparison_text import comparison_lines

    if output == "json":
        print_structured(
            {
                "changed": any(each.changed for each in found),
                "failed": any(each.failed for each in found),
                "applications": [each.model_dump(by_alias=True, mode="json") for each in found],
            },
            "json",
        )
        return
    for each in found:
        print_toned(comparison_lines(each))
    if not found:
        say("nothing to compare: no Application was found")
