"""What users are told when a component or trait is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.application import Component
from lateen.rendering.checking import check_component
from lateen.rendering.registry import Registry, builtin


def problems(
    *traits: dict[str, Any], kind: str = "webservice", properties: dict[str, Any] | None = None
) -> list[str]:
    component = Component.model_validate(
        {
            "name": "web",
            "type": kind,
            "properties": {"image": "nginx"} if properties is None else properties,
            "traits": list(traits),
        }
    )
    return [str(each) for each in check_component(component, builtin(), path="spec.components[0]")]


def trait(kind: str, **properties: Any) -> dict[str, Any]:
    return {"type": kind, "properties": properties}


def test_a_valid_component_has_no_problems() -> None:
    assert problems(trait("scaler", replicas=0), trait("expose", port=[80])) == []


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({}, "properties.image: is required"),
        ({"image": ""}, "properties.image: must not be empty (got '')"),
        (
            {"image": "x", "ports": [{"port": 80, "prot": "TCP"}]},
            "properties.ports[0].prot: unknown key (got 'TCP'); did you mean 'port'?",
        ),
        (
            {"image": "x", "ports": [{"port": 70000}]},
            "properties.ports[0].port: must be at most 65535 (got 70000)",
        ),
        (
            {"image": "x", "image_pull_policy": "Always"},
            (
                "properties.image_pull_policy: unknown key (got 'Always'); "
                "did you mean 'imagePullPolicy'?"
            ),
        ),
        (
            {"image": "x", "exposeType": "Nodeport"},
            (
                "properties.exposeType: expected 'ClusterIP', 'NodePort' or 'LoadBalancer' "
                "(got 'Nodeport'); did you mean 'NodePort'?"
            ),
        ),
        (
            {"image": "x", "cpu": "lots"},
            "properties.cpu: expected a quantity such as 500m, 0.5 or 512Mi (got 'lots')",
        ),
        (
            {"image": "x", "volumes": [{"name": "v", "mountPath": "/v", "type": "pvc"}]},
            "properties.volumes[0].claimName: is required",
        ),
        (
            {"image": "x", "livenessProbe": {"tcpSocket": {"port": 1}, "exec": {"command": []}}},
            "properties.livenessProbe: needs exactly one of exec, httpGet and tcpSocket",
        ),
    ],
)
def test_wrong_properties_are_told_with_path_and_way_out(
    properties: dict[str, Any], told: str
) -> None:
    assert problems(properties=properties) == [f"spec.components[0].{told}"]


def test_the_value_of_a_variable_is_never_repeated() -> None:
    (told,) = problems(properties={"image": "x", "env": [{"name": "TOKEN", "valeu": "hunter2"}]})
    assert "valeu: unknown key; did you mean 'value'?" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (trait("scalar"), "type: unknown trait type (got 'scalar'); did you mean 'scaler'?"),
        (
            trait("scaler", replica=2),
            "properties.replica: unknown key (got 2); did you mean 'replicas'?",
        ),
        (
            trait("env", containerName="wep", env={}),
            "properties.containerName: no such container (got 'wep'); did you mean 'web'?",
        ),
        (
            trait("env", env={}, containers=[]),
            "properties.containers: excludes all other parameters; leave out env",
        ),
        (
            trait("env", containers=[{"env": {}}]),
            "properties.containers[0].containerName: is required",
        ),
        (
            trait("sidecar", name="web", image="x"),
            "properties.name: is the name of another container (got 'web'); choose another name",
        ),
        (
            trait("labels", a=1),
            "properties.a: expected a string (got 1); write it in quotes: '1'",
        ),
        (
            trait("json-patch", operations=[{"op": "remove", "path": "/spec/nothing"}]),
            "properties.operations[0]: there is no 'nothing' (got '/spec/nothing')",
        ),
        (
            {"type": "json-merge-patch", "properties": {"kind": None}},
            "trait 'json-merge-patch' leaves an invalid object: kind is required",
        ),
        (
            trait("k8s-update-strategy", targetKind="StatefulSet"),
            (
                "properties.targetKind: the workload is a Deployment (got 'StatefulSet'); "
                "write Deployment or leave it out"
            ),
        ),
        (trait("hpa", min=5, max=2), "properties.min: must be at most max, 2 (got 5)"),
        (trait("container-image"), "properties.image: is required"),
        (
            trait("startup-probe"),
            "trait 'startup-probe' needs one of exec, httpGet, grpc and tcpSocket",
        ),
    ],
)
def test_wrong_traits_are_told_with_path_and_way_out(written: dict[str, Any], told: str) -> None:
    separator = ": " if told.startswith("trait ") else "."
    assert problems(written) == [f"spec.components[0].traits[0]{separator}{told}"]


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("daemon", "scaler", "trait 'scaler' doesn't fit a DaemonSet: it has no replicas"),
        ("task", "hpa", "trait 'hpa' doesn't fit a Job: it has no replicas"),
        ("task", "k8s-update-strategy", "doesn't fit a Job: it has no update strategy"),
    ],
)
def test_traits_that_a_workload_can_not_take_are_refused(kind: str, name: str, told: str) -> None:
    (found,) = problems(trait(name), kind=kind)
    assert found.startswith("spec.components[0].traits[0]: ")
    assert told in found


def test_traits_for_pods_do_not_fit_objects_without_pods() -> None:
    written = {"objects": [{"apiVersion": "v1", "kind": "ConfigMap"}]}
    (found,) = problems(trait("hostalias", hostAliases=[]), kind="k8s-objects", properties=written)
    assert found.endswith("trait 'hostalias' doesn't fit a ConfigMap: it has no pod template")


def test_an_object_needs_its_kind() -> None:
    written = {"objects": [{"apiVersion": "v1", "metadata": {"labels": {"a": 1}}}]}
    assert problems(kind="k8s-objects", properties=written) == [
        "spec.components[0].properties.objects[0].kind: is required",
        (
            "spec.components[0].properties.objects[0].metadata.labels.a: expected a string (got 1); "
            "write it in quotes: '1'"
        ),
    ]


def test_all_problems_are_told_at_once() -> None:
    assert len(problems(trait("nope"), trait("scaler", replicas="2"), properties={})) == 3


def test_every_parameter_of_every_type_is_described() -> None:
    registry = builtin()
    types: list[Any] = [*registry.components, *registry.traits]
    missing = [
        f"{each.type}.{name}"
        for each in types
        for name, field in each.parameters.model_fields.items()
        if not field.description
    ]
    assert missing == []
    assert all(each.__doc__ and each.parameters.__doc__ for each in types)


def test_a_plug_in_neither_shadows_a_built_in_nor_changes_the_shared_registry() -> None:
    own = builtin().copy()
    with pytest.raises(ValueError, match="'scaler' is registered already"):
        own.register(builtin().trait("scaler"))
    fresh = Registry().register(builtin().trait("scaler"))
    assert [each.type for each in fresh.traits] == ["scaler"]


@pytest.mark.parametrize(
    ("containers", "told"),
    [
        (None, "no such container (got 'web')"),
        ("x", "needs a list of objects under containers; the workload has none"),
        ([1], "needs a list of objects under containers; the workload has none"),
        ([{"name": "web", "env": "x"}], "needs a list of objects under env; the workload has none"),
    ],
)
def test_malformed_objects_are_told_not_stumbled_over(containers: Any, told: str) -> None:
    written = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    (found,) = problems(
        trait("env", env={"A": "1"}), kind="k8s-objects", properties={"objects": [written]}
    )
    assert told in found


@pytest.mark.parametrize("kind", ["webservice", "webservice@v1"])
def test_the_only_version_may_be_pinned(kind: str) -> None:
    assert problems(trait("scaler@v1", replicas=2), kind=kind) == []


def test_another_version_is_refused_with_the_one_there_is() -> None:
    assert problems(trait("scaler@v2"), kind="webservice@v3") == [
        (
            "spec.components[0].type: unknown version of component type 'webservice' "
            "(got 'webservice@v3'); write 'webservice'; its only version is v1"
        ),
        (
            "spec.components[0].traits[0].type: unknown version of trait type 'scaler' "
            "(got 'scaler@v2'); write 'scaler'; its only version is v1"
        ),
    ]


def test_what_only_kubevela_has_is_not_called_unknown() -> None:
    assert problems(trait("rollout")) == [
        (
            "spec.components[0].traits[0].type: this trait type is not supported yet "
            "(got 'rollout'); use k8s-update-strategy"
        ),
    ]
