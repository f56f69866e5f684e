"""What applications take from URLs and charts: wanted once, kept packed, part of the revision."""

from __future__ import annotations

from typing import Any

from lateen.model.fetched import FetchedObjects, url_key
from lateen.model.placement import Placement
from lateen.model.records import Snapshot
from lateen.planning.fetched_objects import Fetch, fetches
from lateen.planning.resolving import Resolved, snapshot_digest
from lateen.rendering.registry import builtin

Json = dict[str, Any]

URL = "https://example.com/a.yaml"
CHART = {"source": "shop", "repoURL": "https://charts.example"}
CONFIG: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def application(*components: Json, topologies: tuple[Json, ...] = (), **more: Any) -> Json:
    policies = [
        {"name": f"t{index}", "type": "topology", "properties": properties}
        for index, properties in enumerate(topologies)
    ]
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"components": list(components), "policies": policies, **more},
    }


def component(kind: str = "ref-objects", name: str = "a", **properties: Any) -> Json:
    return {"name": name, "type": kind, "properties": properties}


def wanted(content: Json) -> list[Fetch]:
    resolved = Resolved(Snapshot(application=content), builtin())
    steps = resolved.deploy_steps
    deliveries = [(resolved.components(step), resolved.namespaces(step)) for step in steps]
    return fetches(resolved.application, deliveries, builtin())


def test_each_url_is_wanted_once() -> None:
    content = application(component(urls=[URL, URL + "?x"]), component(name="b", urls=[URL]))
    assert [(each.path, each.url) for each in wanted(content)] == [
        ("spec.components[0].properties.urls[0]", URL),
        ("spec.components[0].properties.urls[1]", URL + "?x"),
    ]


def test_a_chart_is_rendered_for_each_namespace_that_it_goes_to() -> None:
    topologies = ({"namespace": "prod"}, {"clusters": ["local"]}, {"namespace": "prod"})
    content = application(component("helmchart", chart=CHART), topologies=topologies)
    charts = [each.chart for each in wanted(content) if each.chart is not None]
    assert [each.namespace for each in charts] == ["prod", "shop"]
    fixed = component("helmchart", chart=CHART, release={"namespace": "there"})
    (one,) = wanted(application(fixed, topologies=topologies))
    assert one.chart is not None
    assert (one.path, one.chart.namespace) == ("spec.components[0].properties.chart", "there")


def test_invalid_properties_want_nothing() -> None:
    assert wanted(application(component("helmchart"), component(name="b", urls=[1]))) == []


def snapshot(*objects: Json, level: int = 9) -> Snapshot:
    fetched = FetchedObjects.of(url_key(URL), objects, origin=URL, warnings=["mind the gap"])
    return Snapshot(application=application(component(urls=[URL])), fetched=[fetched])


def test_what_was_fetched_is_part_of_the_revision() -> None:
    one = snapshot(CONFIG)
    read_back = Snapshot.model_validate(one.to_json())
    assert read_back.fetched[0].objects == [CONFIG]
    assert snapshot_digest(read_back) == snapshot_digest(one)
    other = snapshot({**CONFIG, "data": {"k": "1"}})
    none = Snapshot(application=one.application)
    assert len({snapshot_digest(each) for each in (none, one, other)}) == 3
    resolved = Resolved(read_back, builtin())
    (step,) = resolved.deploy_steps
    (made,) = resolved.manifests(step, Placement(cluster="east", namespace="x"), revision="v1")
    assert (made["kind"], made["metadata"]["namespace"]) == ("ConfigMap", "x")
    assert "mind the gap" in resolved.warnings


def test_large_charts_are_kept_small() -> None:
    many = [{**CONFIG, "metadata": {"name": f"a{index}"}} for index in range(2000)]
    packed = FetchedObjects.of("k", many, origin="o")
    assert len(packed.packed) < 40_000
    assert packed.objects == many
