"""Behaviour of traits and components beyond the recorded cases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lateen.model.application import Component
from lateen.rendering.context import RenderContext
from lateen.rendering.registry import builtin
from lateen.rendering.render import render


def rendered(
    *traits: dict[str, Any], kind: str = "webservice", **properties: Any
) -> list[dict[str, Any]]:
    component = Component.model_validate(
        {
            "name": "web",
            "type": kind,
            "properties": {"image": "nginx", **properties},
            "traits": list(traits),
        }
    )
    context = RenderContext("shop", "examples")
    return [each.manifest for each in render([component], context, builtin())]


def trait(kind: str, **properties: Any) -> dict[str, Any]:
    return {"type": kind, "properties": properties}


def pod(*traits: dict[str, Any], **properties: Any) -> dict[str, Any]:
    found: dict[str, Any] = rendered(*traits, **properties)[0]["spec"]["template"]["spec"]
    return found


def container(*traits: dict[str, Any], **properties: Any) -> dict[str, Any]:
    found: dict[str, Any] = pod(*traits, **properties)["containers"][0]
    return found


def test_labels_of_null_are_removed_from_the_pods() -> None:
    workload = rendered(trait("labels", a=None, b="2"), labels={"a": "1"})[0]
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert "a" not in labels
    assert labels["b"] == "2"


def test_annotations_reach_the_pods_of_a_cron_task() -> None:
    (workload,) = rendered(trait("annotations", n="1"), kind="cron-task", schedule="* * * * *")
    job = workload["spec"]["jobTemplate"]
    assert job["metadata"]["annotations"] == {"n": "1"}
    assert job["spec"]["template"]["metadata"]["annotations"] == {"n": "1"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"unset": ["A"]}, [{"name": "B", "value": "2"}]),
        ({"replace": True, "env": {"C": "3"}}, [{"name": "C", "value": "3"}]),
        ({"env": {"B": "9"}}, [{"name": "A", "value": "1"}, {"name": "B", "value": "9"}]),
    ],
)
def test_variables_are_merged_replaced_and_unset(given: dict[str, Any], expected: Any) -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert container(trait("env", **given), env=env)["env"] == expected


def test_traits_on_pods_fit_cron_tasks_too() -> None:
    (workload,) = rendered(trait("env", env={"A": "1"}), kind="cron-task", schedule="* * * * *")
    spec = workload["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert spec["containers"][0]["env"] == [{"name": "A", "value": "1"}]


def test_one_of_cpu_and_memory_is_enough() -> None:
    assert container(trait("resource", cpu="500m"))["resources"] == {
        "requests": {"cpu": "500m"},
        "limits": {"cpu": "500m"},
    }


def test_an_autoscaler_aims_at_the_kind_that_is_there() -> None:
    autoscaler = rendered(trait("hpa"), kind="statefulset")[1]
    assert autoscaler["spec"]["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": "web",
    }


def test_two_paths_to_one_port_make_one_port_of_the_service() -> None:
    _, service, ingress = rendered(trait("gateway", http={"/a": 80, "/b": 80}))
    assert [port["port"] for port in service["spec"]["ports"]] == [80]
    assert len(ingress["spec"]["rules"][0]["http"]["paths"]) == 2


def test_a_daemon_surges_by_nothing_unless_told() -> None:
    strategy = trait("k8s-update-strategy")
    workload = rendered(strategy, kind="daemon")[0]
    assert workload["spec"]["updateStrategy"]["rollingUpdate"] == {
        "maxSurge": 0,
        "maxUnavailable": "25%",
    }


def test_ports_are_bound_to_the_node_without_losing_their_name() -> None:
    binding = trait(
        "container-ports",
        ports=[{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81, "hostIP": "::1"}],
    )
    assert container(binding, ports=[{"port": 80, "name": "http"}])["ports"] == [
        {"containerPort": 80, "name": "http", "protocol": "TCP", "hostPort": 8080},
        {"containerPort": 81, "protocol": "TCP", "hostIP": "::1"},
    ]


@pytest.mark.parametrize(
    ("operation", "args"),
    [
        ({"op": "add", "path": "/-", "value": "c"}, ["a", "b", "c"]),
        ({"op": "add", "path": "/0", "value": "c"}, ["c", "a", "b"]),
        ({"op": "remove", "path": "/0"}, ["b"]),
        ({"op": "replace", "path": "/1", "value": "c"}, ["a", "c"]),
        ({"op": "copy", "from": "/1", "path": "/0"}, ["b", "a", "b"]),
        ({"op": "move", "from": "/1", "path": "/0"}, ["b", "a"]),
        ({"op": "test", "path": "/0", "value": "a"}, ["a", "b"]),
    ],
)
def test_operations_of_rfc_6902(operation: dict[str, Any], args: list[str]) -> None:
    base = "/spec/template/spec/containers/0/args"
    moved = {
        key: base + value if key in ("path", "from") else value for key, value in operation.items()
    }
    assert container(trait("json-patch", operations=[moved]), args=["a", "b"])["args"] == args


def test_pointers_are_unescaped() -> None:
    operation = {"op": "add", "path": "/metadata/annotations", "value": {"a/b~c": "1"}}
    removal = {"op": "remove", "path": "/metadata/annotations/a~1b~0c"}
    (workload,) = rendered(trait("json-patch", operations=[operation, removal]))
    assert "annotations" not in workload["metadata"]


def test_the_users_own_patch_is_not_shared_with_the_result() -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}}
    rendered(trait("json-merge-patch", **patch), trait("container-image", image="x"))
    assert patch["spec"]["template"]["spec"]["containers"] == [{"name": "web"}]


def test_an_account_with_privileges_gets_roles_in_both_scopes() -> None:
    privileges = [
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["get"], "nonResourceURLs": ["/metrics"], "scope": "cluster"},
    ]
    made = rendered(trait("service-account", name="sa", create=True, privileges=privileges))
    assert made[0]["spec"]["template"]["spec"]["serviceAccountName"] == "sa"
    assert [(each["kind"], each["metadata"]["name"]) for each in made[1:]] == [
        ("ServiceAccount", "sa"),
        ("ClusterRole", "examples:sa"),
        ("ClusterRoleBinding", "examples:sa"),
        ("Role", "sa"),
        ("RoleBinding", "sa"),
    ]
    assert made[2]["rules"] == [{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}]


def test_affinity_rules_are_spelled_out() -> None:
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}
    spec = pod(
        trait(
            "affinity",
            podAntiAffinity={"required": [term]},
            nodeAffinity={
                "preferred": [
                    {
                        "weight": 5,
                        "preference": {"matchExpressions": [{"key": "k", "values": ["v"]}]},
                    }
                ]
            },
            tolerations=[{"key": "t", "value": "v"}],
        ),
        trait("affinity", tolerations=[{"operator": "Exists"}]),
    )
    assert spec["affinity"]["podAntiAffinity"] == {
        "requiredDuringSchedulingIgnoredDuringExecution": [term]
    }
    (wish,) = spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert wish["preference"]["matchExpressions"][0]["operator"] == "In"
    assert spec["tolerations"] == [
        {"key": "t", "operator": "Equal", "value": "v"},
        {"operator": "Exists"},
    ]


def test_a_secret_replaces_the_variable_of_the_same_name() -> None:
    binding = trait("service-binding", envMappings={"A": {"secret": "s"}})
    assert container(binding, env=[{"name": "A", "value": "1"}])["env"] == [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "A"}}}
    ]


def test_deprecated_volumes_are_added_without_mounts() -> None:
    volumes = [{"name": "v"}, {"name": "c", "type": "pvc", "claimName": "x"}]
    spec = pod(trait("volumes", volumes=volumes))
    assert spec["volumes"] == [
        {"name": "v", "emptyDir": {"medium": ""}},
        {"name": "c", "persistentVolumeClaim": {"claimName": "x"}},
    ]
    assert "volumeMounts" not in spec["containers"][0]


def test_the_pods_security_is_non_root_by_default() -> None:
    assert pod(trait("podsecuritycontext", fsGroup=5))["securityContext"] == {
        "fsGroup": 5,
        "runAsNonRoot": True,
    }


@pytest.mark.parametrize("kind", ["ingress", "ingress-1-20"])
def test_deprecated_ingresses_use_the_present_api(kind: str) -> None:
    made = rendered(trait(kind, domain="d", http={"/": 80}))
    assert [(each["apiVersion"], each["kind"]) for each in made[1:]] == [
        ("v1", "Service"),
        ("networking.k8s.io/v1", "Ingress"),
    ]


def test_a_block_claim_is_a_device_and_no_mount() -> None:
    claim = trait(
        "pvc",
        claimName="c",
        accessModes=["ReadWriteOnce"],
        volumeMode="Block",
        resources={"requests": {"storage": "1Gi"}},
        volumesToMount=[{"name": "v", "devicePath": "/dev/x"}],
    )
    made = container(claim)
    assert made["volumeDevices"] == [{"name": "v", "devicePath": "/dev/x"}]
    assert "volumeMounts" not in made


def test_mounts_of_the_nodes_paths_can_be_read_only() -> None:
    mount = {"name": "h", "mountPath": "/h", "path": "/var", "readOnly": True}
    (workload,) = rendered(kind="daemon", volumeMounts={"hostPath": [mount]})
    (mounted,) = workload["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert mounted == {"name": "h", "mountPath": "/h", "readOnly": True}


def test_what_a_trait_adds_replaces_what_has_the_same_name() -> None:
    storage = trait(
        "storage",
        secret=[
            {
                "name": "s",
                "mountPath": "/s",
                "mountOnly": True,
                "mountToEnv": {"envName": "A", "secretKey": "k"},
            }
        ],
    )
    assert container(storage, env=[{"name": "A", "value": "1"}])["env"] == [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    ]


def test_nocalhost_configures_itself_from_annotations() -> None:
    workload, made = rendered(
        trait("nocalhost", port=8080, image="go", env=[{"name": "A", "value": "1"}])
    )
    annotations = workload["metadata"]["annotations"]
    assert annotations["dev.nocalhost/application-name"] == "shop"
    assert annotations["dev.nocalhost/application-namespace"] == "examples"
    assert "annotations" not in workload["spec"]["template"]["metadata"]
    configuration = json.loads(annotations["dev.nocalhost"])
    (dev,) = [each["dev"] for each in configuration["containers"]]
    assert configuration["name"] == "web"
    assert configuration["serviceType"] == "deployment"
    assert dev == {
        "image": "nocalhost-docker.pkg.coding.net/nocalhost/dev-images/golang:latest",
        "shell": "bash",
        "workDir": "/home/nocalhost-dev",
        "resources": {
            "limits": {"memory": "2Gi", "cpu": "2"},
            "requests": {"memory": "512Mi", "cpu": "0.5"},
        },
        "command": {"run": ["sh", "run.sh"], "debug": ["sh", "debug.sh"]},
        "hotReload": True,
        "sync": {
            "type": "send",
            "filePattern": ["./"],
            "ignoreFilePattern": [".git", ".vscode", ".idea", ".gradle", "build"],
        },
        "env": [{"name": "A", "value": "1"}],
        "portForward": ["8080:8080"],
    }
    assert made["metadata"]["name"] == "web"
    assert made["spec"] == {
        "selector": {"app.oam.dev/component": "web"},
        "ports": [{"port": 8080, "targetPort": 8080}],
        "type": "ClusterIP",
    }


def test_nocalhost_takes_any_image() -> None:
    workload = rendered(
        trait("nocalhost", port=1, image="my/dev:1", portForward=["2:1"], gitUrl="g")
    )[0]
    text = workload["metadata"]["annotations"]["dev.nocalhost"]
    (dev,) = [each["dev"] for each in json.loads(text)["containers"]]
    assert (dev["image"], dev["portForward"], dev["gitUrl"]) == ("my/dev:1", ["2:1"], "g")


def test_lifecycle_is_about_containers_that_later_traits_add_too() -> None:
    hooks = {"preStop": {"exec": {"command": ["sleep", "5"]}}}
    sidecar = trait("sidecar", name="proxy", image="envoy")
    for order in (
        [trait("lifecycle", **hooks), sidecar],
        [sidecar, trait("lifecycle", **hooks)],
    ):
        assert [each["lifecycle"] for each in pod(*order)["containers"]] == [hooks, hooks]


def test_an_address_has_one_entry_with_all_its_names() -> None:
    aliases = [{"ip": "10.0.0.1", "hostnames": [name]} for name in ("a", "b", "a")]
    expected = [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}]
    assert pod(trait("hostalias", hostAliases=aliases))["hostAliases"] == expected
    assert pod(hostAliases=aliases)["hostAliases"] == expected


def test_ports_of_a_daemon_are_named_by_number_and_told_apart_by_protocol() -> None:
    ports = [{"port": 53}, {"port": 53, "protocol": "UDP"}, {"port": 80, "protocol": "UDP"}]
    (workload,) = rendered(kind="daemon", ports=ports)
    listed = workload["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert [port["name"] for port in listed] == ["port-53", "port-53-udp", "port-80"]


def test_routes_do_not_depend_on_the_order_in_which_they_are_written() -> None:
    one, other = (
        rendered(trait("gateway", domain="shop.example", http=http))[1:]
        for http in ({"/": 80, "/api": 8080}, {"/api": 8080, "/": 80})
    )
    assert one == other


@pytest.mark.parametrize(
    ("http", "names"),
    [({"/": 80}, [None]), ({"/": 80, "/api": 8080}, ["port-80", "port-8080"])],
    ids=["one port", "several ports"],
)
def test_a_service_names_its_ports_where_there_are_several(
    http: dict[str, int], names: list[str | None]
) -> None:
    service = rendered(trait("ingress-1-20", domain="shop.example", http=http))[1]
    assert [port.get("name") for port in service["spec"]["ports"]] == names
