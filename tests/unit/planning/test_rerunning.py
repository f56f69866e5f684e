"""Which steps run again from a step on, in order and as a DAG, inside groups and out of them."""

from __future__ import annotations

import pytest

from lateen.model.errors import InvalidApplication
from lateen.planning.plan import PlannedStep, StepMode
from lateen.planning.rerunning import steps_from


def step(
    name: str, *after: str, subs: tuple[PlannedStep, ...] = (), mode: StepMode = "DAG"
) -> PlannedStep:
    kind = "step-group" if subs else "deploy"
    return PlannedStep(name=name, type=kind, depends_on=after, sub_steps=subs, mode=mode)


IN_ORDER = (
    step("a"),
    step("g", subs=(step("x"), step("y", "x"), step("z")), mode="DAG"),
    step("h", subs=(step("p"), step("q")), mode="StepByStep"),
    step("b"),
)
GRAPH = (step("a"), step("b", "a"), step("c", "b"), step("d"), step("e", "d", "c"))


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("a", "a x y z p q b"),
        ("g", "x y z p q b"),
        ("x", "x y p q b"),
        ("z", "z p q b"),
        ("p", "p q b"),
        ("q", "q b"),
        ("b", "b"),
    ],
)
def test_in_order_all_that_follows_runs_again(name: str, again: str) -> None:
    assert steps_from(IN_ORDER, mode="StepByStep", name=name) == set(again.split())


@pytest.mark.parametrize(
    ("name", "again"), [("a", "a b c e"), ("b", "b c e"), ("d", "d e"), ("e", "e")]
)
def test_in_a_dag_what_depends_on_it_runs_again(name: str, again: str) -> None:
    assert steps_from(GRAPH, mode="DAG", name=name) == set(again.split())


def test_an_unknown_step_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidApplication) as refused:
        steps_from(GRAPH, mode="DAG", name="aa")
    (problem,) = refused.value.problems
    assert (problem.path, problem.value) == ("resume.step", "aa")
    assert "did you mean 'a'?" in problem.hint
