"""Charts: pulled from repositories, registries and URLs, looked into, and rendered by the real helm."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lateen.model.fetched import ChartRequest
from lateen.programs.finding import find_program
from lateen.sources.addresses import Allowed, InvalidAddress, NotAllowed
from lateen.sources.archives import UnusableArchive, read_archive
from lateen.sources.charts import Charts, RenderedChart, UnusableChart, merged
from lateen.sources.fetching import Fetcher, FetchFailed
from lateen.sources.helm import HelmMissing, RenderFailed, Rendering, render_chart
from lateen.sources.versions import InvalidRange
from support.charts import (
    CRD,
    HOOK,
    RANDOM,
    TEST_HOOK,
    Web,
    chart,
    packed,
    web_server,
)

HELM = find_program("helm")
needs_helm = pytest.mark.skipif(
    HELM is None, reason="needs the program helm: run `lateen local tools`"
)
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


def request(source: str = "shop", *, url: str = "", **more: Any) -> ChartRequest:
    given = {"release": "web", "namespace": "team", "repo_url": url, **more}
    return ChartRequest(source=source, **given)


def charts(*prefixes: str, **more: Any) -> Charts:
    return Charts(Fetcher(Allowed(prefixes)), **more)


# Pulling.


async def test_a_repository_has_versions(web: Web) -> None:
    web.publish(chart("1.0.0"), chart("1.2.0"), chart("2.0.0-rc.1"))
    reader = charts(f"{web.url}/charts/")
    for wanted, found in (("latest", "1.2.0"), ("~1.0", "1.0.0"), ("2.0.0-rc.1", "2.0.0-rc.1")):
        pulled = await reader.pull(request(url=f"{web.url}/charts/", version=wanted))
        assert (pulled.name, pulled.version) == ("shop", found)
    with pytest.raises(FetchFailed, match=r"has no version '7' of chart 'shop', but: 1\.0\.0"):
        await reader.pull(request(url=f"{web.url}/charts", version="7"))
    with pytest.raises(FetchFailed, match=r"has no chart 'shp'; did you mean 'shop'\?"):
        await reader.pull(request("shp", url=f"{web.url}/charts"))
    with pytest.raises(InvalidRange):
        await reader.pull(request(url=f"{web.url}/charts", version="newest"))


async def test_a_repository_that_lies_is_not_believed(web: Web) -> None:
    web.publish(chart())
    reader = charts(f"{web.url}/charts/")
    web.files["/charts/shop-1.0.0.tgz"] = chart("6.6.6")
    with pytest.raises(FetchFailed, match="has not the digest"):
        await reader.pull(request(url=f"{web.url}/charts"))
    entry = {"version": "1.0.0", "urls": ["http://169.254.169.254/a.tgz"]}
    web.files["/charts/index.yaml"] = json.dumps({"entries": {"shop": [entry]}})
    with pytest.raises(NotAllowed, match=r"169\.254\.169\.254/a.tgz may not be fetched"):
        await reader.pull(request(url=f"{web.url}/charts"))
    entry["urls"] = ["../../etc/passwd"]
    web.files["/charts/index.yaml"] = json.dumps({"entries": {"shop": [entry]}})
    with pytest.raises(InvalidAddress):
        await reader.pull(request(url=f"{web.url}/charts"))
    web.files["/charts/index.yaml"] = "<html>"
    with pytest.raises(FetchFailed, match="is no index of a Helm repository"):
        await reader.pull(request(url=f"{web.url}/charts"))


async def test_an_archive_may_have_a_url_of_its_own(web: Web) -> None:
    web.files["/a/shop.tgz"] = chart("3.1.0")
    pulled = await charts(f"{web.url}/a/").pull(request(f"{web.url}/a/shop.tgz"))
    assert pulled.version == "3.1.0"


def push(web: Web, *archives: tuple[str, bytes], realm: str = "") -> str:
    """Put charts into a registry that wants an anonymous token."""
    base = "/v2/acme/shop"
    for tag, archive in archives:
        digest = f"sha256:{hashlib.sha256(archive).hexdigest()}"
        layers = [{"mediaType": CHART_LAYER, "digest": digest}]
        web.files[f"{base}/manifests/{tag}"] = json.dumps({"layers": layers})
        web.files[f"{base}/blobs/{digest}"] = archive
    web.files[f"{base}/tags/list"] = json.dumps({"tags": [tag for tag, _ in archives]})
    return web.url.replace("http://", "oci://") + "/acme/shop"


async def test_a_registry_has_charts_too(web: Web) -> None:
    reference = push(web, ("1.0.0", chart("1.0.0")), ("1.1.0_b", chart("1.1.0+b")))
    reader = charts(reference)
    assert (await reader.pull(request(reference))).version == "1.1.0+b"
    assert (await reader.pull(request(reference, version="1.0.0"))).version == "1.0.0"
    with pytest.raises(FetchFailed, match=r"has no version '9\.x', but: 1\.0\.0"):
        await reader.pull(request(reference, version="9.x"))
    with pytest.raises(NotAllowed):
        await charts("oci://ghcr.io/").pull(request(reference))


async def test_a_registry_tells_its_tags_page_by_page(web: Web) -> None:
    reference = push(web, ("1.0.0", chart("1.0.0")), ("1.1.0", chart("1.1.0")))

    def page(query: str) -> tuple[int, dict[str, str], bytes]:
        if "last=" in query:
            return 200, {}, b'{"tags": ["1.1.0"]}'
        link = '</v2/acme/shop/tags/list?last=1.0.0&n=1000>; rel="next"'
        return 200, {"Link": link}, b'{"tags": ["1.0.0"]}'

    web.files["/v2/acme/shop/tags/list"] = page
    assert (await charts(reference).pull(request(reference))).version == "1.1.0"


async def test_a_registry_that_wants_a_token_gets_an_anonymous_one(web: Web) -> None:
    reference = push(web, ("1.0.0", chart()))
    challenge = f'Bearer realm="{web.url}/token",service="reg"'
    web.files["/v2/acme/shop/manifests/1.0.0"] = (401, {"WWW-Authenticate": challenge}, b"")
    web.files["/token"] = json.dumps({"token": "anonymous"})
    with pytest.raises(FetchFailed, match="wants credentials, which lateen does not send"):
        await charts(reference).pull(request(reference, version="1.0.0"))
    asked = [path for path in web.paths if path.startswith("/token")]
    assert asked == ["/token?service=reg&scope=repository%3Aacme%2Fshop%3Apull"]
    assert web.asked[-1][1]["Authorization"] == "Bearer anonymous"
    del web.files["/token"]
    elsewhere = 'Bearer realm="http://169.254.169.254/token"'
    web.files["/v2/acme/shop/manifests/1.0.0"] = (401, {"WWW-Authenticate": elsewhere}, b"")
    with pytest.raises(NotAllowed):
        await charts(reference).pull(request(reference, version="1.0.0"))


async def test_a_registry_that_lies_is_not_believed(web: Web) -> None:
    reference = push(web, ("1.0.0", chart()))
    blob = next(path for path in web.files if "/blobs/" in path)
    web.files[blob] = chart("6.6.6")
    with pytest.raises(FetchFailed, match="another digest"):
        await charts(reference).pull(request(reference, version="1.0.0"))
    web.files[blob] = (307, {"Location": "http://169.254.169.254/x?sig=hunter2"}, b"")
    with pytest.raises(NotAllowed) as caught:
        await charts(reference).pull(request(reference, version="1.0.0"))
    assert "hunter2" not in str(caught.value)


# Looking into archives.


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", r"no archive of a chart \(\.tgz\)"),
        (chart()[:50], "no archive of a chart"),
        (packed({"a/b.txt": "x"}), "it has no Chart.yaml"),
        (packed({"a/Chart.yaml": "name: ["}), "Chart.yaml that is no YAML"),
        (packed({"a/Chart.yaml": "name: a"}), "without name and version"),
        (chart(described="type: library\n"), "is a library chart"),
        (gzip.compress(b"\0" * (65 << 20)), "unpacks to more than"),
        (chart(schema='{"$ref": "http://169.254.169.254/x"}'), "which is not fetched"),
        (chart(schema='{"a": [{"$ref": "file:///etc/passwd"}]}'), "which is not fetched"),
        (chart(schema='{"$id": "http://a/", "p": {"$ref": "b.json"}}'), "which is not fetched"),
        (chart(schema='{"$schema": "http://169.254.169.254/x"}'), "which is not fetched"),
        (chart(schema="{"), "is no JSON"),
    ],
)
def test_archives_that_are_no_use(content: bytes, said: str) -> None:
    with pytest.raises(UnusableArchive, match=said):
        read_archive(content)


@pytest.mark.parametrize("path", ["a/charts/inner.tgz", "a\\charts\\inner.tgz"])
def test_charts_inside_are_looked_into(path: str) -> None:
    inner = chart(name="inner", schema='{"$ref": "http://a/x"}')
    plain = {"a/Chart.yaml": "name: a\nversion: 1.0.0\n"}
    with pytest.raises(UnusableArchive, match="refers to 'http://a/x', which is not fetched"):
        read_archive(packed({**plain, path: inner}))
    assert read_archive(packed({**plain, path: chart(name="inner")})).name == "a"


# Rendering.


async def render(
    archive: bytes, values: dict[str, Any] | None = None, *, private: bool = False, **more: Any
) -> RenderedChart:
    return await charts().render(
        read_archive(archive),
        request(**more),
        values=values or {},
        kube_version="1.31.0",
        private=private,
    )


@needs_helm
async def test_values_release_and_cluster_reach_the_templates() -> None:
    made = await render(chart(), {"replicas": 3, "config": {"k": 'ä "\x7f\n'}}, namespace="prod")
    config, service, deployment = made.objects
    assert config["data"] == {"kube": "v1.31.0", "k": 'ä "\x7f\n'}
    assert (service["metadata"]["name"], service["metadata"]["namespace"]) == ("web", "prod")
    assert deployment["spec"]["replicas"] == 3
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "PEER", "value": "web.prod.svc"}]
    assert made.warnings == []


@needs_helm
async def test_of_keys_that_a_template_repeats_the_last_wins() -> None:
    twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata: {k: a, k: b}\n"
    made = await render(chart(twice=twice))
    (found,) = [each for each in made.objects if each["metadata"]["name"] == "twice"]
    assert found["data"] == {"k": "b"}


@needs_helm
async def test_crds_come_first_or_not_at_all() -> None:
    made = await render(chart(crd=CRD))
    assert made.objects[0]["kind"] == "CustomResourceDefinition"
    assert "namespace" not in made.objects[0]["metadata"]
    made = await render(chart(crd=CRD), include_crds=False)
    assert {each["kind"] for each in made.objects} == {"ConfigMap", "Deployment", "Service"}


@needs_helm
async def test_hooks_are_refused_by_name_or_left_out() -> None:
    made = await render(chart(test=TEST_HOOK))
    assert len(made.objects) == 3
    with pytest.raises(UnusableChart, match="does not run: Job migrate") as caught:
        await render(chart(hook=HOOK, test=TEST_HOOK))
    assert "options.skipHooks: true" in caught.value.hint
    assert len((await render(chart(hook=HOOK), skip_hooks=True)).objects) == 3


@needs_helm
async def test_what_is_made_up_is_told() -> None:
    annotations = "annotations: {helm.sh/resource-policy: keep}"
    kept = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: kept, {annotations}}}"
    made = await render(chart(dice=RANDOM, kept=kept))
    keep, odd = made.warnings
    assert "keep has no effect (ConfigMap kept)" in keep
    assert "renders differently each time (ConfigMap dice)" in odd


@needs_helm
@pytest.mark.parametrize(
    ("archive", "values", "said"),
    [
        (chart(schema='{"required": ["a"]}'), {}, "missing property 'a'"),
        (chart(bad='{{ fail "no such thing" }}'), {}, "no such thing"),
        (chart(described='kubeVersion: ">=1.99"\n'), {}, "incompatible with Kubernetes v1.31.0"),
        (chart(described="dependencies: [{name: x, version: '1'}]\n"), {}, "missing in charts/"),
    ],
)
async def test_what_helm_says_is_told(archive: bytes, values: dict[str, Any], said: str) -> None:
    with pytest.raises(RenderFailed, match=said) as caught:
        await render(archive, values)
    assert "/tmp" not in str(caught.value)


@needs_helm
async def test_values_of_the_hub_are_in_no_error() -> None:
    bad = chart(bad="{{ fail .Values.image }}")
    with pytest.raises(RenderFailed) as caught:
        await render(bad, {"image": "hunter2"}, private=True)
    assert "hunter2" not in str(caught.value)
    assert "at shop/templates/bad.yaml:1:3; what it said is withheld" in str(caught.value)


@needs_helm
async def test_a_cluster_can_not_be_asked() -> None:
    asks = '{{ lookup "v1" "Secret" "kube-system" "" | toYaml }}{{ getHostByName "localhost" }}'
    made = await render(
        chart(asks=f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n# {asks}")
    )
    assert len(made.objects) == 4


async def test_what_was_rendered_once_is_remembered() -> None:
    seen: list[Rendering] = []

    def counting(rendering: Rendering) -> str:
        seen.append(rendering)
        return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}"

    reader = charts(render=counting)
    archive = read_archive(chart())
    for replicas in (1, 1, 2):
        await reader.render(
            archive, request(), values={"replicas": replicas}, kube_version="", private=False
        )
    assert len(seen) == 4  # Twice for each of two questions.


def test_without_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LATEEN_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("LATEEN_TOOL_HELM", raising=False)
    rendering = Rendering(chart(), "web", "team", {}, include_crds=True, kube_version="")
    with pytest.raises(HelmMissing, match="LATEEN_TOOL_HELM"):
        render_chart(rendering)


def test_helm_gets_an_environment_of_its_own(tmp_path: Path) -> None:
    spy = tmp_path / "helm"
    spy.write_text("#!/bin/sh\nenv; ls; exit 3\n")
    spy.chmod(0o755)
    rendering = Rendering(chart(), "web", "team", {}, include_crds=True, kube_version="")
    with pytest.raises(RenderFailed):
        render_chart(rendering, spy)
    spy.write_text("#!/bin/sh\nenv\n")
    names = {line.partition("=")[0] for line in render_chart(rendering, spy).splitlines()}
    assert names <= {
        "HOME", "PATH", "PWD", "_", "SHLVL", "OLDPWD", "LC_CTYPE", "GOMAXPROCS", "GOMEMLIMIT", "KUBECONFIG",
        "HTTP_PROXY", "HTTPS_PROXY", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS",
        "HELM_REPOSITORY_CONFIG",
    }  # fmt: skip


def test_later_values_win() -> None:
    below = {"a": {"x": 1, "y": 1}, "b": [1, 2], "c": {"x": 1}}
    above = {"a": {"y": 2}, "b": [3], "c": None}
    assert merged([below, above]) == {"a": {"x": 1, "y": 2}, "b": [3], "c": None}
    assert below["a"] == {"x": 1, "y": 1}
