"""Rendering against what KubeVela really did, case by case (see ``data``).

``applied.yaml`` is what its controller applied and the truth where it exists; ``expected.yaml`` is
its dry-run. Reasoned differences stand in ``differences.toml`` and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.normalising import normalised
from conformance.recordings import DIFFERENCES, RENDER, load, recorded
from lateen.model.application import Application
from lateen.model.errors import InvalidApplication
from lateen.rendering.context import RenderContext
from lateen.rendering.registry import builtin
from lateen.rendering.render import place, render

CASES = sorted(RENDER.iterdir())

OTHER_ROOMS = {
    "err-no-match-label": "policies",
    "err-topology-badkey": "policies",
    "err-unknown-cluster": "policies",
    "err-unknown-policy": "planning",
    "pol-override-change-type": "policies",
    "pol-override-regex": "policies",
    "pol-replication": "policies",
    "pol-two-topologies-default": "policies",
    "multi-inputs": "planning",
}
"""Cases that are about another room's work; their components alone say nothing."""


def types_of(application: Application) -> set[str]:
    found: set[str] = set()
    for component in application.spec.components:
        found.add(component.type)
        found.update(trait.type for trait in component.trait_list)
    return found


def known_types() -> set[str]:
    registry = builtin()
    return {each.type for each in registry.components} | {each.type for each in registry.traits}


def rendered(application: Application) -> list[dict[str, Any]]:
    objects = render(application.spec.components, RenderContext.of(application), builtin())
    return place(objects, cluster="local", namespace="", revision=f"{application.metadata.name}-v1")


RENDERING = [case for case in CASES if case.name not in OTHER_ROOMS]
SUPPORTED = [
    case
    for case in RENDERING
    if types_of(load(case)) <= known_types() and not case.name.startswith("err-")
]
COMPARED = [
    case for case in SUPPORTED if recorded(case) and case.name not in DIFFERENCES["refused"]
]

UNSUPPORTED_TYPES: set[str] = set()
"""Types of the recorded cases that lateen doesn't have (yet)."""


def test_the_unsupported_types_are_exactly_those_listed() -> None:
    used: set[str] = set()
    for case in RENDERING:
        if not case.name.startswith("err-"):
            used |= types_of(load(case))
    assert used - known_types() == UNSUPPORTED_TYPES


def test_every_case_is_accounted_for() -> None:
    names = {case.name for case in CASES}
    compared = {case.name for case in COMPARED}
    elsewhere = {*OTHER_ROOMS, *DIFFERENCES["repaired"], *DIFFERENCES["refused"], *TOLD}
    assert compared | elsewhere == names
    assert not compared & elsewhere
    assert DIFFERENCES["cases"].keys() <= compared


def changed(manifests: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Apply the reasoned differences to what KubeVela made."""
    for kind, path, *value in DIFFERENCES["cases"].get(name, {}).get("change", []):
        target: Any
        (target,) = [each for each in manifests if each["kind"] == kind]
        *parents, last = [int(key) if key.isdecimal() else key for key in path.split(".")]
        for key in parents:
            target = target[key]
        if value:
            target[last] = value[0]
        else:
            del target[last]
    return manifests


@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.name)
def test_manifests_are_those_of_kubevela(case: Path) -> None:
    theirs = recorded(case)
    assert theirs is not None
    assert normalised(rendered(load(case))) == normalised(changed(theirs, case.name))


def container(name: str, index: int = 0) -> dict[str, Any]:
    workload = rendered(load(RENDER / name))[0]
    found: dict[str, Any] = workload["spec"]["template"]["spec"]["containers"][index]
    return found


def test_an_init_container_fits_a_component_with_mounts() -> None:
    mounts = container("tr-init-extra")["volumeMounts"]
    assert {(mount["name"], mount["mountPath"]) for mount in mounts} == {
        ("own", "/own"),
        ("workdir", "/usr/share"),
    }


def test_resources_go_to_the_component_not_to_its_sidecar() -> None:
    assert container("tr-stack-10")["resources"]["limits"] == {"cpu": 1, "memory": "1Gi"}
    assert "resources" not in container("tr-stack-10", 1)


def test_startup_probes_reach_each_container() -> None:
    own, side = container("tr-startup-probe-many"), container("tr-startup-probe-many", 1)
    assert own["startupProbe"]["tcpSocket"] == {"port": 80}
    assert side["startupProbe"]["exec"] == {"command": ["x"]}


def refusal(name: str) -> InvalidApplication:
    with pytest.raises(InvalidApplication) as caught:
        rendered(load(RENDER / name))
    return caught.value


@pytest.mark.parametrize("name", sorted(DIFFERENCES["refused"]))
def test_what_kubevela_lets_through_is_refused_with_the_way_out(name: str) -> None:
    path, message = DIFFERENCES["refused"][name]
    (problem,) = refusal(name).problems
    assert (problem.path, problem.message) == (path, message)
    assert problem.hint


TOLD = {
    "err-unknown-type": "type: unknown component type (got 'nosuchtype'); known: cron-task, daemon",
    "err-unknown-trait": "traits[0].type: unknown trait type (got 'nosuchtrait'); known: affinity",
    "err-wrong-type": ("properties.image: expected a string (got 5); write it in quotes: '5'"),
    "ws-cpu-number": ("properties.cpu: expected a string (got 1); write it in quotes: '1'"),
    "err-bad-memory": (
        "traits[0].properties.memory: expected an amount with its unit, such as 512Mi (got 'lots')"
    ),
    "err-command-both": ("traits[0].properties.addArgs: can't be used with args; leave one out"),
}


@pytest.mark.parametrize("name", sorted(TOLD))
def test_errors_of_kubevela_are_told_with_path_value_and_way_out(name: str) -> None:
    (problem,) = refusal(name).problems
    assert str(problem).startswith(f"spec.components[0].{TOLD[name]}")
