"""``lateen revision``: what was submitted before, and is kept."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lateen.cli import codes
from lateen.cli.comparing import trouble_is_no_difference
from lateen.cli.options import (
    app_argument,
    hub_option,
    name_alone,
    namespace_option,
    output_option,
    registry_option,
    task_queue_option,
)
from lateen.cli.output import print_structured, print_table, print_toned, say
from lateen.model.errors import LateenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.cli.comparison_text import Line
    from lateen.client.results import RevisionRow, Revisions
    from lateen.hub.clusters import ClusterRegistry
    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json
    from lateen.model.records import RevisionRef, Snapshot
    from lateen.planning.differences import ApplicationDifference, FieldDifference

_COLUMNS = ("REVISION", "NUMBER", "PUBLISH-VERSION", "STATE", "BY", "CREATED-TIME", "DIGEST")

_EPILOG = """\b
Exit codes, those of diff:
  0    no differences
  1    the revisions are different
  2    error, or wrong usage
  130  interrupted
"""


class UnknownRevision(LateenError):
    """The hub keeps no revision of that name."""


@click.group("revision")
def revision() -> None:
    """List, show and compare what was submitted before."""


@revision.command("list")
@app_argument
@namespace_option
@click.option("--limit", type=click.IntRange(min=1), help="Show only so many, the newest.")
@output_option("table", "json", "yaml")
@task_queue_option
def list_revisions(
    app: str, namespace: str, limit: int | None, output: str, task_queue: str
) -> None:
    """List the revisions of APP that are kept, the newest first.

    The state says which one was delivered last (and which ever were), and which one a delivery began with
    last: the same, unless that delivery is not over or failed.
    """
    found = asyncio.run(_list(namespace, app, task_queue=task_queue))
    rows = found.revisions[:limit]
    if output != "table":
        shown = found.model_copy(update={"revisions": rows}).to_json()
        print_structured(shown, output)
    elif rows:
        print_table(_COLUMNS, map(_cells, rows))
    else:
        say(f"no revision of {found.application} is kept")


@revision.command("show", short_help="Show what a revision of APP holds.")
@click.argument("name", metavar="APP|REVISION", callback=name_alone)
@namespace_option
@output_option("yaml", "json")
@hub_option
def show(name: str, namespace: str, output: str, hub_kubeconfig: Path | None) -> None:
    """Show what a revision holds: application, policies, workflow, definitions, copied objects.

    Of an APP it is the revision that a delivery began with last. Contents of Secrets are never shown.
    """
    found = asyncio.run(_show(namespace, name, hub_kubeconfig=hub_kubeconfig))
    print_structured(found, output)


@revision.command(
    "diff", short_help="Show what is different between two revisions.", epilog=_EPILOG
)
@app_argument
@click.argument("before", metavar="R1")
@click.argument("after", metavar="[R2]", required=False)
@namespace_option
@click.option(
    "--rendered", is_flag=True, help="Also compare what each placement gets; reads the clusters."
)
@output_option("text", "json")
@hub_option
@registry_option
def diff(
    app: str,
    before: str,
    after: str | None,
    namespace: str,
    rendered: bool,
    output: str,
    hub_kubeconfig: Path | None,
    registry_namespace: str,
) -> None:
    """Show what is different between two revisions of APP, from R1 to R2.

    Without R2 it is the revision that a delivery began with last. Compared is what was written and what
    was frozen with it: policies, workflow, definitions, copied objects. Contents of Secrets are only said
    to be different.
    """
    with trouble_is_no_difference():
        compared = asyncio.run(
            _diff(
                f"{namespace}/{app}",
                before,
                after,
                rendered=rendered,
                hub_kubeconfig=hub_kubeconfig,
                registry_namespace=registry_namespace,
            )
        )
        compared.print(output)
    if compared.rendered is not None and compared.rendered.failed:
        sys.exit(codes.TROUBLE)
    sys.exit(codes.DIFFERENT if compared.changed else codes.SAME)


async def _list(namespace: str, app: str, *, task_queue: str) -> Revisions:
    from lateen.client.lateen import connect

    lateen = await connect(task_queue=task_queue)
    return await lateen.revisions(namespace, app)


def _cells(row: RevisionRow) -> tuple[str | int, ...]:
    from lateen.cli.times import shown_time

    states = [
        "delivered" if row.delivered else "was delivered" if row.succeeded else "",
        "current" if row.current else "",
    ]
    state = ", ".join(filter(None, states))
    created = shown_time(row.created_at)
    return row.name, row.number, row.publish_version, state, row.actor, created, row.digest


async def _show(namespace: str, name: str, *, hub_kubeconfig: Path | None) -> Json:
    from lateen.cli.connecting import open_hub
    from lateen.hub.audits import Audits
    from lateen.hub.revisions import Revisions
    from lateen.planning.revision_differences import shown

    async with open_hub(hub_kubeconfig) as hub:
        audit = await Audits(hub).read(namespace, name)
        found = await Revisions(hub).find(namespace, audit.revision or name)
    if found is None:
        raise UnknownRevision(
            f"the hub keeps no revision {audit.revision or name!r} in namespace {namespace!r};"
            " `lateen revision list APP` lists those of an application"
        )
    ref, snapshot = found
    head = {"name": ref.name, "number": ref.number, "digest": ref.digest}
    return {"revision": head, **shown(snapshot)}


class _Compared:
    """Two revisions and what is different."""

    def __init__(
        self,
        application: str,
        revisions: tuple[str, str],
        written: list[FieldDifference],
        rendered: ApplicationDifference | None,
    ) -> None:
        self.application = application
        self.revisions = revisions
        self.written = written
        self.rendered = rendered

    @property
    def changed(self) -> bool:
        return bool(self.written) or (self.rendered is not None and self.rendered.changed)

    def print(self, output: str) -> None:
        if output == "text":
            print_toned(self._lines())
            return
        found: Json = {
            "application": self.application,
            "revisions": list(self.revisions),
            "changed": self.changed,
            "written": [each.model_dump(by_alias=True, mode="json") for each in self.written],
        }
        if self.rendered is not None:
            found["rendered"] = self.rendered.model_dump(by_alias=True, mode="json")
        print_structured(found, "json")

    def _lines(self) -> Iterator[Line]:
        from lateen.cli.comparison_text import comparison_lines, field_lines

        count = len(self.written)
        fields = "no differences" if not count else f"{count} field{'s' if count > 1 else ''}"
        before, after = self.revisions
        yield "title", f"{self.application}: {before} -> {after}: {fields}"
        for each in self.written:
            yield from field_lines(each)
        if self.rendered is not None:
            yield from comparison_lines(self.rendered)


async def _diff(
    application: str,
    before: str,
    after: str | None,
    *,
    rendered: bool,
    hub_kubeconfig: Path | None,
    registry_namespace: str,
) -> _Compared:
    from lateen.cli.connecting import open_registry
    from lateen.planning.revision_differences import written_differences

    async with open_registry(hub_kubeconfig, registry_namespace) as registry:
        pair = await _pair(registry.hub, application, before, after)
        placed = await _rendered(registry, application, pair) if rendered else None
    (old, written), (new, wanted) = pair
    return _Compared(
        application, (old.name, new.name), written_differences(written, wanted), placed
    )


_Kept = tuple["RevisionRef", "Snapshot"]


async def _pair(
    hub: Cluster, application: str, before: str, after: str | None
) -> tuple[_Kept, _Kept]:
    """Read two revisions of an application. Raises ``UnknownRevision`` with those that there are."""
    from lateen.hub.audits import Audits
    from lateen.hub.revisions import Revisions
    from lateen.planning.rolling_back import not_kept

    namespace, _, name = application.partition("/")
    revisions = Revisions(hub)
    audit, kept = await asyncio.gather(
        Audits(hub).read(namespace, name), revisions.kept(namespace, name)
    )
    if not kept:
        raise UnknownRevision(f"the hub keeps no revision of {application}")

    async def one(wanted: str) -> _Kept:
        found = None
        if any(each.name == wanted for each in kept):
            found = await revisions.find(namespace, wanted)
        if found is None:
            latest = audit.latest_revision
            error = not_kept(wanted, application=name, latest=latest, kept=kept)
            raise UnknownRevision(str(error.problems[0]))
        return found

    return await one(before), await one(after or audit.revision)


async def _rendered(
    registry: ClusterRegistry, application: str, pair: tuple[_Kept, _Kept]
) -> ApplicationDifference:
    from lateen.activities.rooms import DeliverySettings, Rooms
    from lateen.planning.resolving import Resolved
    from lateen.planning.revision_differences import Rendered, rendered, rendered_differences
    from lateen.rendering.plugins import installed

    rooms = Rooms(
        hub=registry.hub, clusters=registry, types=installed(), settings=DeliverySettings()
    )
    clusters = await rooms.cluster_infos()
    made: list[Rendered] = []
    for ref, snapshot in pair:
        resolved = Resolved(snapshot, rooms.registry(snapshot))
        await rooms.introduce(resolved, clusters)
        made.append(rendered(resolved, clusters, revision=ref.name))
    return rendered_differences(application, made[0], made[1])
