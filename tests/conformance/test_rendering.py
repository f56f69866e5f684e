"""Rendering against what KubeVela really did, case by case (see ``data``).

``applied.yaml`` is what its controller applied and the truth where it exists; ``expected.yaml`` is
its dry-run. Reasoned differences stand in ``differences.toml`` and nowhere else.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.normalising import normalised
from lateen.model.application import Application
from lateen.model.errors import InvalidApplication
from lateen.rendering.context import RenderContext
from lateen.rendering.registry import builtin
from lateen.rendering.render import place, render

HERE = Path(__file__).parent
CASES = sorted((HERE / "data" / "render").iterdir())
DIFFERENCES: dict[str, Any] = tomllib.loads((HERE / "differences.toml").read_text())

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


def load(case: Path) -> Application:
    return Application.model_validate(yaml.safe_load((case / "app.yaml").read_text()))


def types_of(application: Application) -> set[str]:
    found: set[str] = set()
    for component in application.spec.components:
        found.add(component.type)
        found.update(trait.type for trait in component.trait_list)
    return found


def known_types() -> set[str]:
    return {each.type for each in (*builtin().components, *builtin().traits)}


def recorded(case: Path) -> list[dict[str, Any]] | None:
    for name in ("applied.yaml", "expected.yaml"):
        if (case / name).exists():
            return [each for each in yaml.safe_load_all((case / name).read_text()) if each]
    return None


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
"""Types of the recorded cases that lateen doesn't have (yet): shrinks with each built-in."""


def test_the_unsupported_types_are_exactly_those_listed() -> None:
    used: set[str] = set()
    for case in RENDERING:
        if not case.name.startswith("err-"):
            used |= types_of(load(case))
    assert used - known_types() == UNSUPPORTED_TYPES


@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.name)
def test_manifests_are_those_of_kubevela(case: Path) -> None:
    theirs = recorded(case)
    assert theirs is not None
    for manifest in theirs:
        for label, rule in DIFFERENCES["labels"].items():
            labels = manifest["metadata"]["labels"]
            if labels.get(label, "") == rule["kubevela"]:
                labels[label] = rule["lateen"]
    assert normalised(rendered(load(case))) == normalised(theirs)


def refusal(case: Path) -> InvalidApplication:
    with pytest.raises(InvalidApplication) as caught:
        rendered(load(case))
    return caught.value


@pytest.mark.parametrize("name", sorted(DIFFERENCES["refused"]))
def test_what_kubevela_lets_through_is_refused_with_the_way_out(name: str) -> None:
    path, message = DIFFERENCES["refused"][name]
    (problem,) = refusal(HERE / "data" / "render" / name).problems
    assert (problem.path, problem.message) == (path, message)
    assert problem.hint


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "err-unknown-type",
            "spec.components[0].type: unknown component type (got 'nosuchtype')",
        ),
        (
            "err-unknown-trait",
            "spec.components[0].traits[0].type: unknown trait type (got 'nosuchtrait')",
        ),
        (
            "err-wrong-type",
            "spec.components[0].properties.image: expected a string (got 5); write it in quotes",
        ),
        (
            "ws-cpu-number",
            "spec.components[0].properties.cpu: expected a string (got 1); write it in quotes",
        ),
    ],
)
def test_errors_of_kubevela_are_told_with_path_value_and_hint(name: str, told: str) -> None:
    (problem,) = refusal(HERE / "data" / "render" / name).problems
    assert str(problem).startswith(told)
    assert problem.hint
