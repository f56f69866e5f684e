"""`lateen vet` finds everything that is wrong with all documents, and changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from lateen.cli.connecting import HubUnreachable
from lateen.cli.main import cli
from support.applications import application, deploy
from support.hub_server import CLUSTERS, OAM, cluster_secret, items, serving

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["vet", *arguments], input=stdin)


def written(folder: Path, *documents: Any, name: str = "app.yaml") -> str:
    path = folder / name
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def external(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "core.oam.dev/v1alpha1", "kind": kind, "metadata": metadata, **fields}


def topology(name: str, **properties: Any) -> dict[str, Any]:
    return external("Policy", name, type="topology", properties=properties)


def offline(folder: Path, *documents: Any) -> list[str]:
    return run("--offline", "-f", written(folder, *documents)).stdout.splitlines()


def test_the_examples_are_all_right_without_a_hub() -> None:
    answer = run("--offline", "-f", str(EXAMPLES))
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert all(line.startswith("OK  ") for line in lines)
    first = f"OK  {EXAMPLES}/01-basic-topology.yaml: Application examples/basic-topology (1 step)"
    assert first in lines


def test_everything_that_is_wrong_anywhere_is_told_at_once(tmp_path: Path) -> None:
    wrong = application("shop")
    web = wrong["spec"]["components"][0]
    web["properties"] = {"imag": "nginx"}
    web["traits"] = [{"type": "scalr"}]
    patch = {"name": "x", "type": "webservc", "traits": [{"type": "scalr"}]}
    override = external("Policy", "o", type="override", properties={"components": [patch]})
    steps = [
        {"name": "a", "type": "deploi"},
        {"name": "b", "type": "deploy", "properties": {"polices": []}},
        {"name": "c", "type": "deploy2env", "properties": {"env": "prod"}},
    ]
    path = written(
        tmp_path,
        wrong,
        topology("t", cluster=["a"]),
        override,
        external("Workflow", "w", steps=steps),
        {"kind": "Nonsense"},
        application("good"),
    )
    answer = run("--offline", "-f", path)
    assert answer.exit_code == 1
    text = re.sub(r"\(line \d+\)", "(line N)", answer.stdout.replace(path, "FILE"))
    told = text.splitlines()
    assert [line for line in told if not line.startswith("  ")] == [
        "INVALID  FILE, document 1 (line N): Application default/shop",
        "INVALID  FILE, document 2 (line N): Policy default/t",
        "INVALID  FILE, document 3 (line N): Policy default/o",
        "INVALID  FILE, document 4 (line N): Workflow default/w",
        "INVALID  FILE, document 5 (line N)",
        "OK  FILE, document 6 (line N): Application default/good (1 step)",
    ]
    assert [line.strip() for line in told if line.startswith("  ")][:8] == [
        "spec.components[0].properties.image: is required",
        ("spec.components[0].properties.imag: unknown key (got 'nginx'); did you mean 'image'?"),
        (
            "spec.components[0].traits[0].type: unknown trait type (got 'scalr'); "
            "did you mean 'scaler'?"
        ),
        "properties.cluster: unknown key; did you mean 'clusters'?",
        (
            "properties.components[0].type: unknown component type (got 'webservc'); "
            "did you mean 'webservice'?"
        ),
        (
            "properties.components[0].traits[0].type: unknown trait type (got 'scalr'); "
            "did you mean 'scaler'?"
        ),
        "steps[0].type: unknown step type (got 'deploi'); did you mean 'deploy'?",
        "steps[1].properties.polices: unknown key; did you mean 'policies'?",
    ]
    assert answer.stderr == "5 of 6 documents are invalid\n"


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    written(tmp_path, application("good"), name="b.yaml")
    (tmp_path / "a.yaml").write_text("a: [")
    lines = run("--offline", "-f", str(tmp_path)).stdout.splitlines()
    assert lines == [
        f"INVALID  {tmp_path}/a.yaml",
        "  line 2, column 1: did not find expected node content",
        f"OK  {tmp_path}/b.yaml: Application default/good (1 step)",
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    answer = run("--offline", "-f", str(tmp_path / "none.yaml"))
    assert answer.exit_code == 1
    assert "can't be read: No such file or directory" in answer.stdout


def test_files_without_documents_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("---\n")
    answer = run("--offline", "-f", str(tmp_path))
    assert str(answer.exception).endswith("no Application, Policy, Workflow or definition here")


def test_standard_input_and_the_namespace_option(tmp_path: Path) -> None:
    document = application("shop")
    del document["metadata"]["namespace"]
    answer = run("--offline", "-n", "prod", "-f", "-", stdin=yaml.safe_dump(document))
    assert answer.stdout == "OK  standard input: Application prod/shop (1 step)\n"


def test_a_document_given_twice(tmp_path: Path) -> None:
    lines = offline(tmp_path, application("shop"), application("shop"), topology("shop"))
    assert [line.split(" ", 1)[0] for line in lines if line[0] != " "] == ["OK", "INVALID", "OK"]
    assert any("this Application is given twice (got 'shop'); see" in line for line in lines)


def test_documents_refer_to_each_other(tmp_path: Path) -> None:
    uses = application("shop", topologies={}, steps=[deploy("go", "elsewhere")])
    (line,) = offline(tmp_path, uses)[1:]
    assert line == "  note: not looked at without a hub: elsewhere"
    given = topology("elsewhere", clusters=["local"])
    assert [each[:2] for each in offline(tmp_path, uses, given)] == ["OK", "OK"]
    patch = {"name": "web", "properties": {"image": 5}}
    supplied = external("Policy", "elsewhere", type="override", properties={"components": [patch]})
    assert offline(tmp_path, uses, supplied)[1] == (
        "  spec.components[0].properties.image: expected a string (got 5); write it in quotes: '5'"
    )


def test_warnings_do_not_make_a_document_invalid(tmp_path: Path) -> None:
    unused = application("shop", topologies={"a": ["local"], "b": ["local"]})
    unused["spec"]["workflow"] = {"steps": [deploy("go", "a")]}
    lines = offline(tmp_path, unused)
    assert lines[0].startswith("OK")
    assert lines[1] == "  warning: policy 'b' is not used by any deploy step"


def test_json_has_file_path_value_and_hint(tmp_path: Path) -> None:
    wrong = application("shop")
    wrong["spec"]["components"][0]["type"] = "webservce"
    path = written(tmp_path, wrong)
    answer = run("--offline", "-f", path, "-o", "json")
    assert answer.exit_code == 1
    found = json.loads(answer.stdout)
    assert found["valid"] is False
    (document,) = found["documents"]
    assert (document["file"], document["kind"], document["name"]) == (path, "Application", "shop")
    assert document["problems"] == [
        {
            "path": "spec.components[0].type",
            "message": "unknown component type",
            "value": "webservce",
            "hint": "did you mean 'webservice'?",
        }
    ]


def test_without_a_hub_that_answers(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "hub"
    with serving({}, kubeconfig):
        pass
    path = written(tmp_path, application("shop"))
    error = run("-f", path, "--hub-kubeconfig", str(kubeconfig)).exception
    assert isinstance(error, HubUnreachable)


def online(folder: Path, answers: dict[str, Any], *documents: Any) -> tuple[list[str], list[str]]:
    """Return what vet says with a hub, and what it asked."""
    kubeconfig = folder / "hub"
    clusters = items(cluster_secret("east", region="hangzhou"), cluster_secret("west"))
    with serving({CLUSTERS: clusters, **answers}, kubeconfig) as seen:
        answer = run("-f", written(folder, *documents), "--hub-kubeconfig", str(kubeconfig))
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer.stdout.splitlines(), seen


def test_the_hub_knows_clusters_and_labels(tmp_path: Path) -> None:
    labelled = application("shop")
    selector = {"clusterLabelSelector": {"region": "hangzhou"}}
    labelled["spec"]["policies"] = [{"name": "h", "type": "topology", "properties": selector}]
    named = application("named", topologies={"both": ["east", "west", "local"]})
    lines, asked = online(tmp_path, {}, labelled, named)
    assert [line.partition(": ")[2] for line in lines] == [
        "Application default/shop (1 step, 1 placement)",
        "Application default/named (1 step, 3 placements)",
    ]
    assert {request.partition(" ")[0] for request in asked} == {"GET"}


@pytest.mark.parametrize(
    ("topologies", "told"),
    [
        (
            {"a": ["eastt"]},
            (
                "  spec.policies[0].properties.clusters[0]: no such cluster (got 'eastt'); "
                "did you mean 'east'?"
            ),
        ),
        (
            {"a": ["east"], "b": ["local", "wwest"]},
            (
                "  spec.policies[1].properties.clusters[1]: no such cluster (got 'wwest'); "
                "did you mean 'west'?"
            ),
        ),
    ],
)
def test_clusters_that_nobody_joined(
    topologies: dict[str, Sequence[str]], told: str, tmp_path: Path
) -> None:
    lines, _ = online(tmp_path, {}, application("shop", topologies=topologies))
    assert lines[0].startswith("INVALID")
    assert lines[1].startswith(told)


def test_what_the_hub_stores_counts(tmp_path: Path) -> None:
    stored = topology("elsewhere", clusters=["east"])
    policies = f"{OAM}/namespaces/default/policies"
    answers = {f"{policies}/elsewhere": stored, policies: items(stored)}
    uses = application("shop", topologies={}, steps=[deploy("go", "elsewhere")])
    lines, _ = online(tmp_path, answers, uses)
    assert lines[0].endswith("Application default/shop (1 step, 1 placement)")
    near = application("shop", topologies={}, steps=[deploy("go", "elsewere")])
    lines, _ = online(tmp_path, answers, near)
    assert lines[0].startswith("INVALID")
    assert lines[1].endswith("(got 'elsewere'); did you mean 'elsewhere'?")


def test_a_rule_policy_of_its_own_is_of_no_use(tmp_path: Path) -> None:
    rules = {"rules": [{"selector": {"resourceTypes": ["Job"]}}]}
    lines = offline(tmp_path, external("Policy", "mine", type="take-over", properties=rules))
    assert lines[0].startswith("OK")
    assert "acts inside an application only" in lines[1]
