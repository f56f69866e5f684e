"""`lateen dry-run --offline`: what would be sent where, without any cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from lateen.cli.main import cli
from lateen.client.documents import write_yaml
from lateen.model.errors import InvalidApplication
from support.applications import application, deploy, suspend

OVERRIDE = {
    "name": "more",
    "type": "override",
    "properties": {"components": [{"name": "web", "properties": {"image": "nginx:9"}}]},
}


def dry_run(tmp_path: Path, *documents: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
    file = tmp_path / "documents.yaml"
    file.write_text(write_yaml(documents))
    arguments = ["dry-run", "--offline", "-f", str(file), *options]
    result = CliRunner().invoke(cli, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def manifests(result: Result) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(result.stdout) if document]


def comments(result: Result) -> list[str]:
    return [line[2:] for line in result.stdout.splitlines() if line.startswith("# ")]


def test_each_placement_gets_its_own_documents_with_overrides(tmp_path: Path) -> None:
    app = application("shop", topologies={"t": ["a", "b"]}, steps=[deploy("ship", "t", "more")])
    app["spec"]["policies"].append(OVERRIDE)
    result = dry_run(tmp_path, app)
    found = manifests(result)
    assert [m["metadata"]["labels"]["app.oam.dev/cluster"] for m in found] == ["a", "b"]
    images = {m["spec"]["template"]["spec"]["containers"][0]["image"] for m in found}
    assert images == {"nginx:9"}
    assert comments(result) == [
        "default/shop: step ship (deploy)",
        "a/default web",
        "b/default web",
    ]


def test_approvals_and_empty_steps_are_shown(tmp_path: Path) -> None:
    steps = [suspend("look"), deploy("ship", "t", auto=False), deploy("nowhere", "more")]
    app = application("shop", topologies={"t": ["a"]}, steps=steps)
    app["spec"]["policies"].append(OVERRIDE)
    assert comments(dry_run(tmp_path, app)) == [
        "default/shop: step look (suspend): waits for approval",
        "default/shop: step ship (deploy): waits for approval",
        "a/default web",
        "default/shop: step nowhere (deploy): delivers to no cluster",
    ]


def selecting() -> dict[str, Any]:
    app = application("shop", topologies={"t": []})
    app["spec"]["policies"][0]["properties"] = {"clusterLabelSelector": {"region": "north"}}
    return app


def test_a_selector_stands_for_itself(tmp_path: Path) -> None:
    result = dry_run(tmp_path, selecting())
    assert comments(result)[1] == "<clusters with region=north>/default web"
    assert "declare some with --cluster" in comments(result)[0]


def test_declared_clusters_are_selected(tmp_path: Path) -> None:
    declared = ("--cluster", "a:region=north,tier=1", "--cluster", "b:region=south")
    result = dry_run(tmp_path, selecting(), options=declared)
    assert comments(result) == ["default/shop: step deploy-t (deploy)", "a/default web"]


def test_external_documents_in_the_files_count(tmp_path: Path) -> None:
    app = application("shop", topologies={})
    app["spec"]["workflow"] = {"ref": "release"}
    del app["spec"]["policies"]
    policy = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": "north", "namespace": "default"},
        "type": "topology",
        "properties": {"clusters": ["a"]},
    }
    workflow = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "release", "namespace": "default"},
        "steps": [deploy("ship", "north")],
    }
    assert comments(dry_run(tmp_path, app, policy, workflow))[1] == "a/default web"
    with pytest.raises(InvalidApplication, match=r"shop is invalid: spec\.workflow\.ref"):
        dry_run(tmp_path, app, policy)
    with pytest.raises(InvalidApplication, match=r"no Policy of this name.*'north'"):
        dry_run(tmp_path, app, workflow)


def test_json_is_one_document(tmp_path: Path) -> None:
    app = application("shop", topologies={"t": ["a"]})
    found = json.loads(dry_run(tmp_path, app, options=("-o", "json")).stdout)
    placement = found[0]["steps"][0]["placements"][0]
    assert (found[0]["application"], placement["cluster"]) == ("default/shop", "a")
    assert placement["manifests"][0]["kind"] == "Deployment"


def test_clusters_are_declared_offline_only(tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(write_yaml([application("shop")]))
    result = CliRunner().invoke(cli, ["dry-run", "-f", str(file), "--cluster", "a"])
    assert (result.exit_code, "--offline" in result.stderr) == (2, True)
    bad = CliRunner().invoke(cli, ["dry-run", "--offline", "-f", str(file), "--cluster", ":a=b"])
    assert (bad.exit_code, "expected NAME" in bad.stderr) == (2, True)


def linked(parameter: str, value_from: str = "output.metadata.name") -> dict[str, Any]:
    app = application("shop", topologies={"t": ["a"]})
    app["spec"]["components"] += [
        {
            "name": "db",
            "type": "webservice",
            "properties": {"image": "postgres"},
            "outputs": [{"name": "host", "valueFrom": value_from}],
        }
    ]
    app["spec"]["components"][0]["inputs"] = [{"from": "host", "parameterKey": parameter}]
    return app


@pytest.mark.parametrize(("parameter", "shown"), [("image", "<input host>"), ("port", 1)])
def test_values_that_inputs_supply_are_shown_as_such(
    tmp_path: Path, parameter: str, shown: Any
) -> None:
    result = dry_run(tmp_path, linked(parameter))
    container = manifests(result)[-1]["spec"]["template"]["spec"]["containers"][0]
    assert shown in (container["image"], *(p["containerPort"] for p in container.get("ports", ())))
    said = f"{parameter} is input 'host': output.metadata.name of component 'db'"
    assert comments(result).count(said) == 1


def test_an_output_that_its_component_does_not_make_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidApplication, match="has no output object of this name"):
        dry_run(tmp_path, linked("image", "outputs.service.spec.clusterIP"))


def test_what_is_only_looked_at_is_not_sent(tmp_path: Path) -> None:
    app = application("shop", topologies={"t": ["a"]})
    app["spec"]["components"][0]["traits"] = [{"type": "expose", "properties": {"port": [80]}}]
    rule = {"selector": {"traitTypes": ["expose"]}}
    app["spec"]["policies"].append({"type": "read-only", "properties": {"rules": [rule]}})
    assert [m["kind"] for m in manifests(dry_run(tmp_path, app))] == ["Deployment"]
