"""Fetching for a revision: what may be fetched, what values are, and what a revision never holds."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lateen.hub.clusters import ClusterRegistry
from lateen.hub.references import LARGEST, References
from lateen.hub.sourcing import Sources
from lateen.model.errors import InvalidApplication, Problem
from lateen.model.records import Snapshot
from lateen.planning.resolving import Resolved
from lateen.rendering.registry import builtin
from lateen.sources.addresses import Allowed
from lateen.sources.charts import Charts
from lateen.sources.fetching import Fetcher
from lateen.sources.helm import RenderFailed, Rendering
from support.charts import Web, chart, web_server
from unit.hub.fakes import FakeCluster

Json = dict[str, Any]

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: hunter2}\n"


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        server.publish(chart())
        yield server


@pytest.fixture
def hub() -> FakeCluster:
    return FakeCluster()


class Helm:
    """Stands for the program: makes what it is told to, and notes what it was asked."""

    def __init__(self, text: str = CONFIG) -> None:
        self.text = text
        self.asked: list[Rendering] = []

    def __call__(self, rendering: Rendering) -> str:
        self.asked.append(rendering)
        return self.text


def application(*components: Json, **spec: Any) -> Json:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"components": list(components), **spec},
    }


def urls(*found: str) -> Json:
    return application({"name": "web", "type": "ref-objects", "properties": {"urls": list(found)}})


def charted(web: Web, *, spec: Json | None = None, **properties: Any) -> Json:
    source = {"source": "shop", "repoURL": f"{web.url}/charts"}
    component = {"name": "web", "type": "helmchart", "properties": {"chart": source, **properties}}
    return application(component, **(spec or {}))


async def complete(
    hub: FakeCluster,
    web: Web,
    content: Json,
    *,
    helm: Helm | None = None,
    allowed: tuple[str, ...] | None = None,
    held: Snapshot | None = None,
    **settings: Any,
) -> Snapshot:
    fetcher = Fetcher(Allowed((web.url,) if allowed is None else allowed))
    charts = Charts(fetcher, render=helm or Helm())
    sources = Sources(hub, fetcher=fetcher, charts=charts, **settings)
    snapshot = held or Snapshot(application=content)
    reader = References(ClusterRegistry(hub), sources=sources)
    done, _ = await reader.complete(snapshot, Resolved(snapshot, builtin()), builtin())
    return done


async def refused(hub: FakeCluster, web: Web, content: Json, **more: Any) -> Problem:
    with pytest.raises(InvalidApplication) as caught:
        await complete(hub, web, content, **more)
    (problem,) = caught.value.problems
    return problem


async def test_manifests_of_a_url_are_frozen(hub: FakeCluster, web: Web) -> None:
    web.files["/all.yaml"] = CONFIG
    snapshot = await complete(hub, web, urls(f"{web.url}/all.yaml?key=hunter2"))
    (fetched,) = snapshot.fetched
    assert (fetched.origin, fetched.objects[0]["data"]) == (f"{web.url}/all.yaml", {"k": "v"})
    web.files["/all.yaml"] = CONFIG.replace("k: v", "k: w")
    again = await complete(hub, web, urls(f"{web.url}/all.yaml?key=hunter2"), held=snapshot)
    assert again.fetched == snapshot.fetched  # A stored revision is what it was.


async def test_nothing_is_fetched_that_the_operator_does_not_allow(
    hub: FakeCluster, web: Web
) -> None:
    problem = await refused(hub, web, urls(f"{web.url}/a/all.yaml"), allowed=())
    assert str(problem) == (
        f"spec.components[0].properties.urls[0]: {web.url}/a/all.yaml may not be fetched; allow it with "
        f"--allow-url {web.url}/a/ (an option of lateen worker, adopt, diff, dry-run and vet)"
    )
    problem = await refused(hub, web, charted(web), allowed=("https://charts.example",))
    assert problem.path == "spec.components[0].properties.chart"
    assert f"--allow-url {web.url}/charts/" in problem.hint
    assert web.asked == []


async def test_all_that_is_wrong_is_told_at_once(hub: FakeCluster, web: Web) -> None:
    web.files |= {"/bad": "- x", "/empty": "# nothing", "/binary": b"\xff\xfe"}
    broken = [f"{web.url}/{name}" for name in ("bad", "empty", "binary", "missing")]
    with pytest.raises(InvalidApplication) as caught:
        await complete(hub, web, urls(*broken, "http://me:hunter2@a/b"))
    said = [each.message for each in caught.value.problems]
    assert said == [
        "holds something that is no object, at line 1",
        "holds no objects",
        "is no text in UTF-8",
        f"{web.url}/missing answered 404",
        "must not hold credentials",
    ]


@pytest.mark.parametrize("kind", ["url", "chart"])
async def test_contents_of_secrets_are_in_no_revision(
    hub: FakeCluster, web: Web, kind: str
) -> None:
    web.files["/all.yaml"] = SECRET
    content = urls(f"{web.url}/all.yaml") if kind == "url" else charted(web)
    problem = await refused(hub, web, content, helm=Helm(SECRET))
    assert "makes Secret key with content" in problem.message
    assert "--allow-inline-secrets" in problem.hint
    assert "hunter2" not in str(problem)
    snapshot = await complete(hub, web, content, helm=Helm(SECRET), allow_secrets=True)
    assert snapshot.fetched[0].objects[0]["stringData"] == {"password": "hunter2"}
    empty = SECRET.partition("stringData")[0]
    web.files["/all.yaml"] = empty
    assert (await complete(hub, web, content, helm=Helm(empty))).fetched


async def test_values_are_merged_in_order(hub: FakeCluster, web: Web) -> None:
    for name, text in (("one", "a: 1\nm: {b: 1, c: 1}"), ("two", "m: {c: 2}\nl: [1]")):
        hub.put(config_map(name, **{"values.yaml": text, "other": "a: 9"}))
    helm = Helm()
    sources = [
        {"kind": "ConfigMap", "name": "one"},
        {"kind": "ConfigMap", "name": "two"},
        {"kind": "ConfigMap", "name": "gone", "optional": True},
        {"kind": "ConfigMap", "name": "one", "key": "gone", "optional": True},
    ]
    await complete(
        hub, web, charted(web, valuesFrom=sources, values={"l": [2], "m": {"d": 3}}), helm=helm
    )
    assert helm.asked[0].values == {"a": 1, "m": {"b": 1, "c": 2, "d": 3}, "l": [2]}
    assert helm.asked[0].private
    assert helm.asked[0].kube_version == "1.36.0"


def config_map(name: str, namespace: str = "shop", **data: str) -> Json:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"name": "gone"}, "ConfigMap shop/gone is not in the hub"),
        ({"name": "one", "key": "k"}, "ConfigMap shop/one has no key 'k'"),
        ({"name": "one", "key": "bad"}, "ConfigMap shop/one: is no YAML (line"),
        ({"name": "one", "key": "list"}, "ConfigMap shop/one: holds no values"),
        ({"name": "one", "namespace": "b"}, "ConfigMap b/one is not in the application's own"),
        ({"name": "x", "kind": "Secret"}, "Secret shop/x: the content of a Secret would be kept"),
    ],
)
async def test_values_that_can_not_be_used_are_told_but_not_repeated(
    hub: FakeCluster, web: Web, source: Json, said: str
) -> None:
    hub.put(config_map("one", bad="{hunter2: [", list="[hunter2]"))
    problem = await refused(hub, web, charted(web, valuesFrom=[{"kind": "ConfigMap", **source}]))
    assert problem.path == "spec.components[0].properties.valuesFrom"
    assert said in problem.message
    assert "hunter2" not in str(problem)


async def test_a_secret_may_hold_values_if_the_operator_says_so(hub: FakeCluster, web: Web) -> None:
    data = {"values.yaml": base64.b64encode(b"password: hunter2").decode()}
    hub.put(config_map("x") | {"kind": "Secret", "data": data})
    helm = Helm()
    wanted = charted(web, valuesFrom=[{"kind": "Secret", "name": "x"}])
    await complete(hub, web, wanted, helm=helm, allow_secrets=True)
    assert helm.asked[0].values == {"password": "hunter2"}


async def test_a_chart_is_pulled_once_for_all_namespaces(hub: FakeCluster, web: Web) -> None:
    policies = [
        {"name": name, "type": "topology", "properties": {"namespace": name}}
        for name in ("test", "prod")
    ]
    helm = Helm()
    snapshot = await complete(hub, web, charted(web, spec={"policies": policies}), helm=helm)
    assert web.paths == ["/charts/index.yaml", "/charts/shop-1.0.0.tgz"]
    assert {each.namespace for each in helm.asked} == {"test", "prod"}
    assert [each.objects[0]["metadata"]["namespace"] for each in snapshot.fetched] == [
        "test",
        "prod",
    ]
    assert snapshot.fetched[0].origin.startswith("chart shop 1.0.0 (sha256:")


async def test_a_chart_that_can_not_be_rendered(hub: FakeCluster, web: Web) -> None:
    class Failing(Helm):
        def __call__(self, rendering: Rendering) -> str:
            raise RenderFailed("helm can't render it: no such value")

    problem = await refused(hub, web, charted(web), helm=Failing())
    assert str(problem) == (
        "spec.components[0].properties.chart: helm can't render it: no such value"
    )
    problem = await refused(hub, web, charted(web), helm=Helm("- x"))
    assert "holds something that is no object" in problem.message


async def test_fetching_ends_before_the_attempt_to_open_a_delivery(
    hub: FakeCluster, web: Web
) -> None:
    class Slow(Helm):
        def __call__(self, rendering: Rendering) -> str:
            time.sleep(1)
            return super().__call__(rendering)

    problem = await refused(hub, web, charted(web), helm=Slow(), seconds=0.3)
    assert "could not be fetched and rendered within 0.3 s" in problem.message


async def test_a_chart_that_is_too_large_is_told_with_its_size(hub: FakeCluster, web: Web) -> None:
    noise = "".join(f"{index * 7919 % 104729:x}{index:o}" for index in range(LARGEST // 4))
    problem = await refused(
        hub, web, charted(web), helm=Helm(CONFIG.replace("k: v", f"k: '{noise}'"))
    )
    assert problem.path == "spec.components"
    assert "a revision holds at most 524,288" in problem.message
    assert "chart shop 1.0.0" in problem.hint
    assert "options.includeCRDs: false" in problem.hint


async def test_what_has_no_effect_is_a_warning(hub: FakeCluster, web: Web) -> None:
    snapshot = await complete(hub, web, charted(web, options={"createNamespace": True}))
    (warning,) = Resolved(snapshot, builtin()).warnings
    assert warning.startswith("chart shop 1.0.0: options.createNamespace has no effect")
