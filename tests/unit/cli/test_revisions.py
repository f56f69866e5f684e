"""`lateen revision show` and `diff`, against a hub that answers with what it keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lateen.cli import codes
from lateen.cli.main import cli
from support.applications import application
from support.hub_server import CLUSTERS, cluster_secret, items, serving

LATEEN = "/apis/lateen.dev/v1alpha1"
HERE = f"{LATEEN}/namespaces/default"


def revision(number: int, app: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "lateen.dev/v1alpha1",
        "kind": "Revision",
        "metadata": {"name": f"web-v{number}", "namespace": "default"},
        "spec": {"application": app, "number": number, "digest": f"d{number}"},
    }


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Path]:
    """The kubeconfig of a hub that keeps two revisions of ``web``."""
    kinds = [
        {"name": "revisions", "kind": "Revision", "namespaced": True, "verbs": ["get", "list"]},
        {"name": "audits", "kind": "Audit", "namespaced": True, "verbs": ["get", "list"]},
    ]
    first = application("web", topologies={"t": ["local", "a"]})
    second = application("web", topologies={"t": ["a"]}, image="nginx:2")
    for app, secret in ((first, "hunter2"), (second, "hunter3")):
        properties = app["spec"]["components"][0]["properties"]
        properties["env"] = [{"name": "API_TOKEN", "value": secret}]
    kept = [revision(1, first), revision(2, second)]
    audit = {
        "apiVersion": "lateen.dev/v1alpha1",
        "kind": "Audit",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"revision": "web-v2", "latestRevision": 2, "revisionDigest": "d2"},
    }
    answers = {
        LATEEN: {"kind": "APIResourceList", "resources": kinds},
        f"{HERE}/revisions": items(*kept),
        f"{HERE}/revisions/web-v1": kept[0],
        f"{HERE}/revisions/web-v2": kept[1],
        f"{HERE}/audits/web": audit,
        CLUSTERS: items(cluster_secret("a")),
    }
    kubeconfig = tmp_path / "hub"
    with serving(answers, kubeconfig):
        yield kubeconfig


def run(hub: Path, *arguments: str) -> Result:
    return CliRunner(env={"LATEEN_HUB_KUBECONFIG": str(hub)}).invoke(cli, ["revision", *arguments])


def test_show_of_an_application_is_its_current_revision(hub: Path) -> None:
    shown = run(hub, "show", "web", "-o", "json")
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    assert found["revision"] == {"name": "web-v2", "number": 2, "digest": "d2"}
    assert list(found) == ["revision", "application"]
    assert found["application"]["spec"]["components"][0]["properties"]["image"] == "nginx:2"


def test_show_is_yaml_without_secrets(hub: Path) -> None:
    shown = run(hub, "show", "web-v1")
    assert "image: nginx:1" in shown.stdout
    assert "name: API_TOKEN" in shown.stdout
    assert "hunter" not in shown.stdout


def test_show_of_what_is_not_there(hub: Path) -> None:
    shown = run(hub, "show", "nosuch")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "the hub keeps no revision 'nosuch' in namespace 'default'" in str(shown.exception)


def test_diff_tells_what_was_written_from_the_first_to_the_second(hub: Path) -> None:
    compared = run(hub, "diff", "web", "web-v2", "web-v1")
    assert compared.exit_code == codes.DIFFERENT, compared.output
    assert compared.stdout.splitlines() == [
        "default/web: web-v2 -> web-v1: 3 fields",
        '      ~ application.components[web].properties.image: "nginx:2" -> "nginx:1"',
        "      ~ application.components[web].properties.env[API_TOKEN].value: changed (not shown)",
        '      ~ application.policies[t].properties.clusters: ["a"] -> ["local", "a"]',
    ]


def test_diff_compares_with_the_current_one(hub: Path) -> None:
    assert run(hub, "diff", "web", "web-v2").exit_code == codes.SAME
    assert run(hub, "diff", "web", "web-v1").stdout.startswith("default/web: web-v1 -> web-v2:")


def test_diff_as_json_with_what_is_rendered(hub: Path) -> None:
    compared = run(hub, "diff", "web", "web-v1", "--rendered", "-o", "json")
    assert compared.exit_code == codes.DIFFERENT, compared.output
    found = json.loads(compared.stdout)
    assert (found["application"], found["revisions"]) == ("default/web", ["web-v1", "web-v2"])
    assert len(found["written"]) == 3
    counts = [
        (each["cluster"], each["create"], each["change"], each["delete"])
        for each in found["rendered"]["placements"]
    ]
    assert counts == [("local", 0, 0, 1), ("a", 0, 1, 0)]
    assert "hunter" not in compared.stdout


@pytest.mark.parametrize("app", ["web", "nosuch"])
def test_diff_of_what_is_not_there_is_trouble(hub: Path, app: str) -> None:
    compared = run(hub, "diff", app, "web-v7")
    assert (compared.exit_code, compared.stdout) == (codes.TROUBLE, "")
    assert ("kept are: web-v1, web-v2" if app == "web" else "no revision") in compared.stderr
