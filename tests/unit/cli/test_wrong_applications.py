"""Wrong applications: each is refused before anything is applied, with path, value and the way out.

The table goes through ``lateen vet --offline`` as users do, so that reading, parsing and checking are one. What
KubeVela lets through, or stumbles over while it delivers, is part of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lateen.cli.gathering import InvalidDocuments, read_files
from lateen.cli.main import cli
from support.hub_server import CLUSTERS, OAM, cluster_secret, items, serving

CONFORMANCE = Path(__file__).parents[2] / "conformance" / "data" / "render"

HEAD = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: default}
"""
WEB = "{name: web, type: webservice, properties: {image: nginx}}"
TOPOLOGY = "{name: t, type: topology, properties: {clusters: [local]}}"


def components(*written: str) -> str:
    return f"{HEAD}spec:\n  components:\n" + "".join(f"    - {each}\n" for each in written)


def web(properties: str) -> str:
    return components(
        f"{{name: web, type: webservice, properties: {{image: nginx, {properties}}}}}"
    )


def trait(written: str) -> str:
    return components(f"{WEB[:-1]}, traits: [{written}]}}")


def policies(*written: str) -> str:
    return f"{components(WEB)}  policies: [{', '.join(written)}]\n"


def override(entry: str) -> str:
    written = f"{{name: o, type: override, properties: {{components: [{entry}]}}}}"
    return policies(written, TOPOLOGY)


def steps(*written: str, mode: str = "", before: str = "") -> str:
    head = f"mode: {{steps: {mode}}}, " if mode else ""
    return f"{components(WEB)}{before}  workflow: {{{head}steps: [{', '.join(written)}]}}\n"


def metadata(written: str) -> str:
    return components(WEB).replace("{name: shop, namespace: default}", written)


def bomb() -> str:
    levels = "".join(
        f"  {chr(98 + level)}: &{chr(98 + level)} [{','.join([f'*{chr(97 + level)}'] * 10)}]\n"
        for level in range(7)
    )
    return f"{HEAD}spec:\n  a: &a [{','.join('x' * 10)}]\n{levels}"


ENVS = """\
  policies:
    - name: e
      type: env-binding
      properties: {envs: [{name: prod, placement: {clusterSelector: {name: local}}}]}
"""

WRONG: dict[str, tuple[str, list[str]]] = {
    # Components.
    "component type": (
        components("{name: web, type: webservise, properties: {image: nginx}}"),
        ["spec.components[0].type", "'webservise'", "did you mean 'webservice'?"],
    ),
    "component parameter": (
        web("imagePolicy: Always"),
        ["spec.components[0].properties.imagePolicy", "'Always'", "'imagePullPolicy'"],
    ),
    "nested parameter": (
        web("ports: [{port: 80, expos: true}]"),
        ["spec.components[0].properties.ports[0].expos", "True", "did you mean 'expose'?"],
    ),
    "missing parameter": (
        components("{name: web, type: webservice}"),
        ["spec.components[0].properties.image", "is required"],
    ),
    "component key": (
        components("{name: web, type: webservice, propertis: {image: nginx}}"),
        ["spec.components[0].propertis", "did you mean 'properties'?"],
    ),
    "component name": (
        components("{name: Web_1, type: webservice, properties: {image: nginx}}"),
        ["spec.components[0].name", "'Web_1'", "lower-case letters, digits and '-'"],
    ),
    "two components of a name": (
        components(WEB, "{name: web, type: worker, properties: {image: nginx}}"),
        ["spec.components[1].name", "'web'", "see spec.components[0]"],
    ),
    "component dependsOn": (
        components("{name: web, type: webservice, dependsOn: [db], properties: {image: nginx}}"),
        ["spec.components[0].dependsOn[0]", "no such component", "'db'"],
    ),
    "a number for a text": (
        components("{name: web, type: webservice, properties: {image: 5}}"),
        ["spec.components[0].properties.image", "got 5", "write it in quotes: '5'"],
    ),
    "a fraction for a quantity": (
        web("cpu: 0.5"),
        ["spec.components[0].properties.cpu", "got 0.5", "write it in quotes: '0.5'"],
    ),
    "no quantity": (
        web("memory: lots"),
        ["spec.components[0].properties.memory", "'lots'", "512Mi"],
    ),
    "port in quotes": (
        web('ports: [{port: "80"}]'),
        ["spec.components[0].properties.ports[0].port", "'80'", "write 80 without quotes"],
    ),
    "port out of range": (
        web("ports: [{port: 99999}]"),
        ["spec.components[0].properties.ports[0].port", "99999", "at most 65535"],
    ),
    "choice": (
        web("imagePullPolicy: always"),
        ["spec.components[0].properties.imagePullPolicy", "'always'", "did you mean 'Always'?"],
    ),
    # Traits.
    "trait type": (
        trait("{type: scalr}"),
        ["spec.components[0].traits[0].type", "'scalr'", "did you mean 'scaler'?"],
    ),
    "replicas in quotes": (
        trait('{type: scaler, properties: {replicas: "3"}}'),
        ["spec.components[0].traits[0].properties.replicas", "'3'", "write 3 without quotes"],
    ),
    "replicas below zero": (
        trait("{type: scaler, properties: {replicas: -1}}"),
        ["spec.components[0].traits[0].properties.replicas", "-1", "at least 0"],
    ),
    "replicas beyond 64 bits": (
        trait("{type: scaler, properties: {replicas: 99999999999999999999}}"),
        ["spec.components[0].traits[0].properties.replicas", "an integer"],
    ),
    "parameters that exclude each other": (
        trait("{type: command, properties: {args: [a], addArgs: [b]}}"),
        ["spec.components[0].traits[0].properties.addArgs", "args", "leave one out"],
    ),
    # Overrides.
    "override of no component": (
        override("{name: wbe, properties: {image: x}}"),
        ["spec.policies[0].properties.components[0].name", "'wbe'", "did you mean 'web'?"],
    ),
    "override of a component type": (
        override("{type: webservce}"),
        ["spec.policies[0].properties.components[0].type", "'webservce'", "'webservice'?"],
    ),
    "override of a trait type": (
        override("{name: web, traits: [{type: scalr}]}"),
        ["spec.policies[0].properties.components[0].traits[0].type", "'scalr'", "'scaler'?"],
    ),
    "override that spoils a parameter": (
        override("{name: web, traits: [{type: scaler, properties: {replica: 3}}]}"),
        ["spec.components[0].traits[0].properties.replica", "3", "changed by 'o'", "'replicas'?"],
    ),
    "override key": (
        policies("{name: o, type: override, properties: {component: []}}"),
        ["spec.policies[0].properties.component", "did you mean 'components'?"],
    ),
    # Topologies and other policies.
    "topology key": (
        policies("{name: t, type: topology, properties: {cluster: [local]}}"),
        ["spec.policies[0].properties.cluster", "did you mean 'clusters'?"],
    ),
    "clusters as a text": (
        policies("{name: t, type: topology, properties: {clusters: local}}"),
        ["spec.policies[0].properties.clusters", "'local'", "put it in brackets"],
    ),
    "namespace of a topology": (
        policies("{name: t, type: topology, properties: {clusters: [local], namespace: My_NS}}"),
        ["spec.policies[0].properties.namespace", "'My_NS'", "lower-case"],
    ),
    "policy type": (
        policies("{name: t, type: toplogy, properties: {clusters: [local]}}"),
        ["spec.policies[0].type", "'toplogy'", "did you mean 'topology'?"],
    ),
    "two policies of a name": (
        policies(TOPOLOGY, "{name: t, type: override, properties: {}}"),
        ["spec.policies[1].name", "'t'", "see spec.policies[0]"],
    ),
    "replication key": (
        policies("{name: r, type: replication, properties: {key: [a], selector: [web]}}"),
        ["spec.policies[0].properties.key", "did you mean 'keys'?"],
    ),
    "env": (
        steps("{name: d, type: deploy2env, properties: {policy: e, env: prd}}", before=ENVS),
        ["spec.workflow.steps[0].properties.env", "'prd'", "did you mean 'prod'?"],
    ),
    "place of an env": (
        policies(
            "{name: e, type: env-binding, properties: {envs: [{name: p, placement: "
            "{clusterSelecter: {name: local}}}]}}"
        ),
        [
            "spec.policies[0].properties.envs[0].placement.clusterSelecter",
            "did you mean 'clusterSelector'?",
        ],
    ),
    # Workflows.
    "step type": (
        steps("{name: d, type: deplo}"),
        ["spec.workflow.steps[0].type", "'deplo'", "did you mean 'deploy'?"],
    ),
    "step property": (
        steps("{name: d, type: deploy, properties: {polices: []}}"),
        ["spec.workflow.steps[0].properties.polices", "did you mean 'policies'?"],
    ),
    "auto as a text": (
        steps('{name: d, type: deploy, properties: {auto: "false"}}'),
        ["spec.workflow.steps[0].properties.auto", "'false'", "write false without quotes"],
    ),
    "no parallelism": (
        steps("{name: d, type: deploy, properties: {parallelism: 0}}"),
        ["spec.workflow.steps[0].properties.parallelism", "0", "at least 1"],
    ),
    "two steps of a name": (
        steps("{name: d, type: deploy}", "{name: d, type: suspend}"),
        ["spec.workflow.steps[1].name", "'d'", "see spec.workflow.steps[0]"],
    ),
    "steps in a circle": (
        steps(
            "{name: a, type: deploy, dependsOn: [b]}",
            "{name: b, type: deploy, dependsOn: [a]}",
            mode="DAG",
        ),
        ["spec.workflow.steps", "a -> b -> a", "remove one of the dependsOn"],
    ),
    "a step that waits for itself": (
        steps("{name: a, type: deploy, dependsOn: [a]}", mode="DAG"),
        ["spec.workflow.steps[0].dependsOn[0]", "'a'", "can't wait for itself"],
    ),
    "a step that waits for a later one": (
        steps("{name: a, type: deploy, dependsOn: [b]}", "{name: b, type: deploy}"),
        ["spec.workflow.steps[0].dependsOn[0]", "'b'", "move it up"],
    ),
    "a step that waits for none": (
        steps("{name: ship, type: deploy}", "{name: b, type: deploy, dependsOn: [shp]}"),
        ["spec.workflow.steps[1].dependsOn[0]", "'shp'", "did you mean 'ship'?"],
    ),
    "timeout": (
        steps("{name: a, type: deploy, timeout: 5 minutes}"),
        ["spec.workflow.steps[0].timeout", "'5 minutes'", "such as 30s, 5m or 1h30m"],
    ),
    "duration": (
        steps("{name: a, type: suspend, properties: {duration: 1x}}"),
        ["spec.workflow.steps[0].properties.duration", "'1x'", "such as 30s"],
    ),
    "group in a group": (
        steps(
            "{name: g, type: step-group, subSteps: [{name: h, type: step-group, subSteps: "
            "[{name: x, type: deploy}]}]}"
        ),
        ["spec.workflow.steps[0].subSteps[0].type", "'h'", "into the outer group"],
    ),
    "empty group": (
        steps("{name: g, type: step-group}"),
        ["spec.workflow.steps[0].subSteps", "must not be empty", "remove the group"],
    ),
    "sub-steps of no group": (
        steps("{name: g, type: deploy, subSteps: [{name: x, type: deploy}]}"),
        ["spec.workflow.steps[0].subSteps", "'deploy'", "make it a step-group"],
    ),
    "mode": (
        steps("{name: g, type: deploy}", mode="dag"),
        ["spec.workflow.mode.steps", "'dag'", "'DAG' or 'StepByStep'"],
    ),
    "steps and a ref": (
        f"{components(WEB)}  workflow: {{ref: w, steps: [{{name: g, type: deploy}}]}}\n",
        ["spec.workflow", "'w'", "remove one of them"],
    ),
    # Names, labels, and the document itself.
    "application name": (
        metadata("{name: Shop_A, namespace: default}"),
        ["metadata.name", "'Shop_A'", "lower-case letters"],
    ),
    "long application name": (
        metadata(f"{{name: {'s' * 80}, namespace: default}}"),
        ["metadata.name", "at most 56", "…"],
    ),
    "application namespace": (
        metadata("{name: shop, namespace: a/b}"),
        ["metadata.namespace", "'a/b'", "lower-case letters"],
    ),
    "label that is no text": (
        metadata("{name: shop, labels: {tier: 1}}"),
        ["metadata.labels.tier", "got 1", "write it in quotes: '1'"],
    ),
    "label value": (
        metadata('{name: shop, labels: {tier: "x y"}}'),
        ["metadata.labels.tier", "'x y'", "at most 63 letters, digits, '-', '_' and '.'"],
    ),
    "label key": (
        metadata('{name: shop, labels: {"a b": x}}'),
        ['metadata.labels["a b"]', "expected prefix/name"],
    ),
    "annotation that is no text": (
        metadata("{name: shop, annotations: {lateen.dev/create-namespace: true}}"),
        ['metadata.annotations["lateen.dev/create-namespace"]', "write it in quotes: 'true'"],
    ),
    "apiVersion": (
        components(WEB).replace("v1beta1", "v1beta2"),
        ["apiVersion", "'core.oam.dev/v1beta2'", "expected 'core.oam.dev/v1beta1'"],
    ),
    "kind": (
        components(WEB).replace("Application", "Aplication"),
        ["kind", "'Aplication'", "did you mean 'Application'?"],
    ),
    "key of the spec": (
        f"{components(WEB)}  polices: []\n",
        ["spec.polices", "did you mean 'policies'?"],
    ),
    "no components": (
        f"{HEAD}spec: {{components: []}}\n",
        ["spec.components", "must not be empty", "add at least one component"],
    ),
    "components as a map": (
        f"{HEAD}spec: {{components: {{web: {{}}}}}}\n",
        ["spec.components", "expected a list", "behind a '-'"],
    ),
    # What YAML does behind one's back.
    "yes for a text": (
        web("cmd: [echo, y]"),
        ["spec.components[0].properties.cmd[1]", "got True", "write it in quotes: 'true'"],
    ),
    "yes for a variable": (
        web("env: [{name: A, value: y}]"),
        ["spec.components[0].properties.env[0].value", "expected a string; put it in quotes"],
    ),
    "octal for a variable": (
        web("env: [{name: A, value: 0777}]"),
        ["spec.components[0].properties.env[0].value", "expected a string; put it in quotes"],
    ),
    "yes for a key": (
        web("labels: {on: x}"),
        ["line 6", "a key must be a string, not 'true'", "put it in quotes"],
    ),
    "key given twice": (web("cmd: [a], cmd: [b]"), ["line 6", "'cmd' is already on line 6"]),
    "tabs": (f"{HEAD}spec:\n\tcomponents: []\n", ["line 5, column 1", "tabs", "use spaces"]),
    "alias bomb": (bomb(), ["line 10", "aliases expand to more than 4,194,304 characters"]),
    "tag": (web("cmd: [!!python/object:os.system x]"), ["line 6", "python/object", "JSON's types"]),
    "not a number": (
        trait("{type: scaler, properties: {replicas: .nan}}"),
        ["line 6", ".nan can't be written in JSON"],
    ),
    "depth": (web(f"cmd: {'[' * 120}{']' * 120}"), ["line 6", "nested deeper than 100 levels"]),
    "huge file": (f"# {'x' * 2_100_000}\n", ["larger than 2,097,152 bytes", "split it"]),
    # Secrets.
    "secret of storage": (
        trait(
            "{type: storage, properties: {secret: [{name: s, mountPath: /s, stringData: {p: geheim}}]}}"
        ),
        [
            "spec.components[0].traits[0].properties.secret[0].stringData",
            "refer to it by name, or allow it with --allow-inline-secrets",
        ],
    ),
}


def vet(text: str) -> Result:
    return CliRunner().invoke(cli, ["vet", "--offline", "-f", "-"], input=text)


@pytest.mark.parametrize("case", WRONG)
def test_it_is_refused_with_path_value_and_the_way_out(case: str) -> None:
    text, words = WRONG[case]
    answer = vet(text)
    assert answer.exit_code == 1, answer.output
    told = [line for line in answer.stdout.splitlines() if line.startswith("  ")]
    assert any(all(word in line for word in words) for line in told), answer.stdout
    assert len(answer.stdout) < 2_000
    assert "geheim" not in answer.stdout


NOT_IN_FILES = (
    "secret of storage",  # Whether that is allowed is known later.
    "component type",  # The hub may have a definition of it.
    "trait type",
    "override of a component type",
    "override of a trait type",
)


@pytest.mark.parametrize("case", [name for name in WRONG if name not in NOT_IN_FILES])
def test_what_vet_refuses_nobody_submits(case: str, tmp_path: Path) -> None:
    """`up`, `dry-run` and `diff` read files by the same checks, before they connect to anything."""
    file = tmp_path / "app.yaml"
    file.write_text(WRONG[case][0])
    with pytest.raises(InvalidDocuments):
        read_files([file], namespace="default")


def test_the_builders_of_the_table_are_sound() -> None:
    """A mistake in them would make every case wrong for a reason of its own."""
    for text in (
        web("cmd: [a]"),
        trait("{type: scaler}"),
        override("{name: web}"),
        policies(TOPOLOGY),
    ):
        assert vet(text).exit_code == 0, text
    assert vet(steps("{name: d, type: deploy}", mode="DAG")).exit_code == 0
    assert vet(metadata("{name: shop, labels: {a: b}}")).exit_code == 0


BETTER = {
    "err-bad-memory": ["spec.components[0].traits[0].properties.memory", "'lots'", "512Mi"],
    "err-command-both": ["spec.components[0].traits[0].properties.addArgs", "args", "leave one"],
    "err-dup-name": ["spec.components[1].name", "'err-dup'", "see spec.components[0]"],
    "err-topology-badkey": ["spec.policies[0].properties.cluster", "did you mean 'clusters'?"],
    "err-unknown-param": ["spec.components[0].properties.bogus", "got 1", "known: "],
    "err-unknown-trait": ["spec.components[0].traits[0].type", "'nosuchtrait'", "known: "],
    "err-unknown-type": ["spec.components[0].type", "'nosuchtype'", "known: "],
    "err-wrong-type": ["spec.components[0].properties.image", "got 5", "in quotes: '5'"],
}
"""What KubeVela accepts, or retries for a minute before it fails. Three more need a hub."""


@pytest.mark.parametrize("case", BETTER)
def test_it_does_better_than_kubevela(case: str) -> None:
    answer = vet((CONFORMANCE / case / "app.yaml").read_text())
    assert answer.exit_code == 1, answer.output
    assert any(all(word in line for word in BETTER[case]) for line in answer.stdout.splitlines()), (
        answer.stdout
    )


HUB_BETTER = {
    "err-no-match-label": ["spec.policies[0].properties.clusterLabelSelector", "region=nope"],
    "err-unknown-cluster": ["spec.policies[0].properties.clusters[0]", "'nope'", "known: "],
    "err-unknown-policy": ["spec.workflow", "'nope'", "there is no Policy in namespace 'examples'"],
}
"""What only a hub can know; KubeVela tells two of them after it began to deliver."""


@pytest.mark.parametrize("case", HUB_BETTER)
def test_with_a_hub_it_does_better_than_kubevela(case: str, tmp_path: Path) -> None:
    answers = {
        CLUSTERS: items(cluster_secret("east", region="hangzhou")),
        f"{OAM}/namespaces/examples/policies": items(),
    }
    hub = tmp_path / "hub"
    file = str(CONFORMANCE / case / "app.yaml")
    with serving(answers, hub):
        answer = CliRunner().invoke(cli, ["vet", "-f", file, "--hub-kubeconfig", str(hub)])
    assert answer.exit_code == 1, answer.output
    lines = answer.stdout.splitlines()
    assert any(all(word in line for word in HUB_BETTER[case]) for line in lines), answer.stdout
