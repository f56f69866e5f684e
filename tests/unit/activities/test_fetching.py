"""Opening deliveries that fetch: what workers of other settings say, and what stays in the revision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lateen.activities.opening import digest_now, open_delivery, vet_submission
from lateen.activities.rooms import DeliverySettings, Rooms
from lateen.contracts.messages import OpenDelivery
from lateen.hub.clusters import ClusterRegistry
from lateen.model.errors import InvalidApplication
from lateen.model.parsing import parse_application
from lateen.model.placement import Placement
from lateen.programs.finding import find_program
from lateen.rendering.registry import builtin
from support.charts import RANDOM, Web, chart, web_server
from unit.hub.fakes import FakeCluster

Json = dict[str, Any]

needs_helm = pytest.mark.skipif(
    find_program("helm") is None, reason="needs the program helm: run `lateen local tools`"
)


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        server.publish(chart())
        server.files["/all.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        yield server


def rooms(*allowed: str, hub: FakeCluster | None = None) -> Rooms:
    hub = hub or FakeCluster()
    settings = DeliverySettings(allowed_urls=allowed)
    return Rooms(hub=hub, clusters=ClusterRegistry(hub), types=builtin(), settings=settings)


def wanted(web: Web, **annotations: str) -> Json:
    source = {"source": "shop", "repoURL": f"{web.url}/charts"}
    components = [
        {"name": "web", "type": "helmchart", "properties": {"chart": source}},
        {"name": "more", "type": "ref-objects", "properties": {"urls": [f"{web.url}/all.yaml"]}},
    ]
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "default", "annotations": annotations},
        "spec": {"components": components},
    }


def request(content: Json) -> OpenDelivery:
    return OpenDelivery(application="default/web", content=content)


async def test_a_submission_is_vetted_before_it_supersedes_anything(web: Web) -> None:
    vetted = await vet_submission(rooms(), request(wanted(web)))
    assert not vetted.valid
    assert vetted.message.count("may not be fetched") == 2
    assert web.asked == []


@needs_helm
async def test_what_was_fetched_is_delivered_from_the_revision(web: Web) -> None:
    first = rooms(web.url)
    opened = await open_delivery(first, request(wanted(web)), run_id="r")
    assert not opened.unchanged
    web.files.clear()
    another = rooms(hub=first.hub) if isinstance(first.hub, FakeCluster) else rooms()
    resolved = await another.resolve("default", opened.revision)
    (step,) = resolved.deploy_steps
    here = Placement(cluster="local", namespace="default")
    kinds = [each["kind"] for each in resolved.manifests(step, here, revision="web-v1")]
    assert sorted(kinds) == ["ConfigMap", "ConfigMap", "Deployment", "Service"]


@needs_helm
async def test_a_published_version_is_not_fetched_again(web: Web) -> None:
    """Its revision is delivered as it is stored, whatever has become of its URLs."""
    content = wanted(web, **{"app.oam.dev/publishVersion": "one"})
    worker = rooms(web.url)
    opened = await open_delivery(worker, request(content), run_id="r")
    web.files.clear()
    assert await digest_now(worker, parse_application(content)) == opened.revision.digest
    with pytest.raises(InvalidApplication, match="answered 404"):
        await digest_now(worker, parse_application(wanted(web)))


@needs_helm
async def test_a_chart_that_throws_dice_is_a_warning(web: Web) -> None:
    web.publish(chart(dice=RANDOM))
    opened = await open_delivery(rooms(web.url), request(wanted(web)), run_id="r")
    (warning,) = opened.warnings
    assert "renders differently each time (ConfigMap dice)" in warning
