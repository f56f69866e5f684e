"""What people want to know of deliveries: the part of ``Lateen`` that looks and changes nothing."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.service import RPCError

from lateen.client import histories
from lateen.client.errors import NotFound, NoWorker
from lateen.client.failures import is_missing, translated
from lateen.client.histories import History
from lateen.client.inspecting import ask_worker
from lateen.client.listing import list_applications
from lateen.client.observing import observe
from lateen.client.overview import OverviewReader
from lateen.client.pending import list_approvals
from lateen.client.refreshing import StatusView
from lateen.client.results import (
    ApplicationStatus,
    Listing,
    PendingApprovals,
    Progress,
    Revisions,
)
from lateen.contracts import identifiers
from lateen.contracts.messages import Inspect


class Readable:
    """Says how applications and their deliveries are and were."""

    client: Client
    task_queue: str

    async def revisions(self, namespace: str, name: str) -> Revisions:
        """List the revisions that the hub keeps of an application. Raises ``NotFound``."""
        request = Inspect(namespace=namespace, name=name, live=False, revisions=True)
        with translated(self.client):
            inspected, note = await ask_worker(self.client, request, task_queue=self.task_queue)
        if note:
            raise NoWorker(note)
        if not inspected.get("known"):
            raise NotFound(f"no application {name!r} in namespace {namespace!r} was ever delivered")
        return Revisions.model_validate(
            {**inspected, "application": identifiers.workflow_id(namespace, name)}
        )

    async def progress(self, namespace: str, name: str) -> Progress:
        """Read how far the latest run is. Raises ``NotFound`` when there is none."""
        application = identifiers.workflow_id(namespace, name)
        with translated(self.client):
            try:
                return await observe(self.client, application)
            except RPCError as error:
                if is_missing(error):
                    raise NotFound(f"no run of application {application} is known") from error
                raise

    async def status(
        self,
        namespace: str,
        name: str,
        *,
        live: bool = True,
        resources: bool = False,
        pods: bool = False,
        endpoints: bool = False,
        details: bool = False,
    ) -> ApplicationStatus:
        """Say everything that is known of an application; with ``live`` also how its services are now.

        ``resources``, ``pods`` and ``endpoints`` are listed if asked for; ``details`` adds conditions and
        events to resources. What can't be found out (no worker) stands in ``note``. Raises ``NotFound``.
        """
        view = self.status_view(
            Inspect(
                namespace=namespace,
                name=name,
                live=live,
                resources=resources or details,
                pods=pods,
                endpoints=endpoints,
                details=details,
            )
        )
        return await view.refresh()

    def status_view(self, request: Inspect) -> StatusView:
        """Return what reads the status of one application as often as somebody wants to see it."""
        return StatusView(self.client, request, task_queue=self.task_queue)

    async def approvals(
        self, namespace: str | None = None, name: str = "", *, forecast: bool | None = None
    ) -> PendingApprovals:
        """List what waits for an approval: of one application, a namespace, or all.

        With ``forecast`` a worker asks the clusters what each approval would create and change; by default
        only while few wait. No cluster is asked otherwise.
        """
        with translated(self.client):
            return await list_approvals(
                self.client, namespace, name, task_queue=self.task_queue, forecast=forecast
            )

    def overview(self, namespace: str | None = None) -> OverviewReader:
        """Return what reads all deliveries (of a namespace) as often as somebody wants to see them."""
        return OverviewReader(self.client, namespace, task_queue=self.task_queue)

    async def history(self, namespace: str, name: str) -> History:
        """Return every delivery that is kept: who asked, who decided and why, how it ended, what changed where.

        The hub keeps that, whatever Temporal forgets, also of an application that was deleted. Raises
        ``NotFound``.
        """
        application = identifiers.workflow_id(namespace, name)
        request = Inspect(namespace=namespace, name=name, live=False)
        with translated(self.client):
            inspected, note = await ask_worker(self.client, request, task_queue=self.task_queue)
            if note:
                raise NoWorker(note)
            if not inspected.get("known"):
                raise NotFound(f"nothing is recorded of an application {name!r} in {namespace!r}")
            run_id = histories.open_run(inspected)
            run = (
                await histories.look_at(self.client, application, run_id=run_id) if run_id else None
            )
        return histories.history_of(application, inspected, run=run)

    async def list(self, namespace: str | None = None) -> Listing:
        """List the applications of a namespace, or of all."""
        with translated(self.client):
            return await list_applications(self.client, namespace, task_queue=self.task_queue)
