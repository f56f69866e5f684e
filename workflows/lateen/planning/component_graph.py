"""What each component of a placement waits for, and where its inputs come from.

Components wait for each other inside one placement. What the step does not deliver itself must have been
delivered by an earlier step, or nothing may begin: waiting for it would never end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lateen.model.errors import InvalidApplication, Problem
from lateen.model.placement import Placement
from lateen.planning.step_graph import Copy

if TYPE_CHECKING:
    from lateen.planning.component_links import Input, Output
    from lateen.planning.plan import PlannedStep, WorkflowPlan
    from lateen.planning.resolving import Resolved

_SHOWN = 5


@dataclass(frozen=True)
class Location:
    """Where a copy of a component was delivered, and by which step."""

    step: str
    placement: Placement
    copy: Copy

    def __str__(self) -> str:
        return f"component {self.copy} on {self.placement} (step {self.step!r})"


@dataclass(frozen=True)
class Supply:
    """An input, the output that it is, and where that is read. ``here``: in the consumer's own placement."""

    input: Input
    output: Output
    source: Location
    here: bool


@dataclass(frozen=True)
class PlacementGraph:
    """For the copies of one placement: what each waits for.

    ``before`` is what earlier steps delivered to the placement and has to be healthy first.
    """

    after: Mapping[Copy, tuple[Copy, ...]] = field(default_factory=dict[Copy, tuple[Copy, ...]])
    before: tuple[Location, ...] = ()
    supplies: Mapping[Copy, tuple[Supply, ...]] = field(
        default_factory=dict[Copy, tuple[Supply, ...]]
    )


def earlier_steps(plan: WorkflowPlan, name: str) -> tuple[str, ...]:
    """Return the steps that are certain to have ended when a step begins, in the order written."""
    found: list[str] = []
    for position, step in enumerate(plan.steps):
        inside = [sub.name for sub in step.sub_steps]
        if name != step.name and name not in inside:
            continue
        found += _leaves(_preceding(plan.steps, position, plan.mode))
        if name in inside:
            found += _leaves(_preceding(step.sub_steps, inside.index(name), step.mode))
    return tuple(found)


def _preceding(steps: Sequence[PlannedStep], position: int, mode: str) -> Iterable[PlannedStep]:
    if mode == "StepByStep":
        return steps[:position]
    by_name = {step.name: step for step in steps}
    needed: set[str] = set()
    pending = [*steps[position].depends_on]
    while pending:
        name = pending.pop()
        if name in by_name and name not in needed:
            needed.add(name)
            pending += by_name[name].depends_on
    return [step for step in steps if step.name in needed]


def _leaves(steps: Iterable[PlannedStep]) -> Iterator[str]:
    for step in steps:
        yield from (sub.name for sub in step.sub_steps or (step,))


def placement_graph(
    resolved: Resolved,
    step: PlannedStep,
    placement: Placement,
    selections: Mapping[str, Sequence[Placement]],
) -> PlacementGraph:
    """Return what waits for what in a placement; ``selections`` are where earlier steps deliver, by name.

    Raises ``InvalidApplication`` for what would be waited for in vain.
    """
    tracing = _Tracing(resolved, step, placement, selections)
    graph = tracing.trace()
    if tracing.problems:
        raise InvalidApplication(tracing.problems)
    return graph


def graph_findings(
    resolved: Resolved, selections: Mapping[str, Sequence[Placement]], *, steps: Iterable[str] = ()
) -> tuple[list[Problem], list[str]]:
    """Return problems and warnings of all steps that ``selections`` know, or only of some of them."""
    problems: dict[str, Problem] = {}
    warnings: dict[str, None] = {}
    chosen = {*steps} or selections.keys()
    for step in resolved.deploy_steps:
        if step.name not in chosen or not resolved.graph(step).links:
            continue
        for placement in selections.get(step.name, ()):
            tracing = _Tracing(resolved, step, placement, selections)
            tracing.trace()
            problems |= {str(problem): problem for problem in tracing.problems}
            warnings |= dict.fromkeys(tracing.warnings)
    return list(problems.values()), list(warnings)


class _Tracing:
    """Follows the links of one placement to where they lead."""

    def __init__(
        self,
        resolved: Resolved,
        step: PlannedStep,
        placement: Placement,
        selections: Mapping[str, Sequence[Placement]],
    ) -> None:
        self._resolved = resolved
        self._step = step
        self._placement = placement
        self._selections = selections
        self._graph = resolved.graph(step)
        self._earlier = [
            each
            for each in map(resolved.find_step, earlier_steps(resolved.plan, step.name))
            if each is not None
        ]
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def trace(self) -> PlacementGraph:
        after: dict[Copy, tuple[Copy, ...]] = {}
        before: dict[Location, None] = {}
        supplies: dict[Copy, tuple[Supply, ...]] = {}
        links = self._graph.links
        for component in self._graph.components:
            name = component.name
            for copy in self._graph.copies(name):
                needed: dict[Copy, None] = {}
                for index, other in enumerate(component.depends_on or ()):
                    path = f"{links.paths.get(name, name)}.dependsOn[{index}]"
                    needed |= dict.fromkeys(self._graph.matching(other, copy.key))
                    if not self._graph.copies(other):
                        before |= dict.fromkeys(self._before(copy, other, path=path))
                found = [self._supply(copy, each) for each in links.inputs.get(name, ())]
                supplies[copy] = tuple(each for each in found if each is not None)
                needed |= {each.source.copy: None for each in supplies[copy] if each.here}
                after[copy] = tuple(needed)
        return PlacementGraph(after, tuple(before), supplies)

    def _before(self, copy: Copy, other: str, *, path: str) -> list[Location]:
        """Find a dependency that the step leaves out in what earlier steps delivered."""
        everywhere = self._delivered(other)
        here = [each for each in everywhere if each[1] == self._placement]
        if here:
            step, placement = here[-1]
            matching = self._resolved.graph(step).matching(other, copy.key)
            return [Location(step.name, placement, each) for each in matching]
        if everywhere:
            places = _listed(str(placement) for _, placement in everywhere)
            self.warnings.append(
                f"component {copy.component!r} depends on {other!r}, which an earlier step delivers to "
                f"{places} and none to {self._placement}: only the order of the steps counts there"
            )
        else:
            self._refuse(path, *self._nowhere(other, "the component"), value=other)
        return []

    def _supply(self, copy: Copy, each: Input) -> Supply | None:
        output = self._graph.links.outputs.get(each.name)
        if output is not None:
            sources = [
                Location(self._step.name, self._placement, other)
                for other in self._graph.matching(output.component, copy.key)
            ]
            return self._only(sources, each, output, here=True)
        return self._earlier_supply(copy, each)

    def _earlier_supply(self, copy: Copy, each: Input) -> Supply | None:
        """Find who produced an input in an earlier step: here, or else in the only other place."""
        places: dict[Placement, tuple[PlannedStep, Output]] = {}
        for step in self._earlier:
            output = self._resolved.graph(step).links.outputs.get(each.name)
            if output is not None:
                for placement in self._selections.get(step.name, ()):
                    places[placement] = (step, output)
        if not places:
            self._refuse(f"{each.path}.from", *self._nowhere_made(each.name), value=each.name)
            return None
        if self._placement not in places and len(places) > 1:
            listed = _listed(map(str, places))
            self._refuse(
                f"{each.path}.from",
                f"several placements produce this input, and none of them is its own: {listed}",
                "let one step deliver both components, so that each cluster takes its own value",
                value=each.name,
            )
            return None
        placement = self._placement if self._placement in places else next(iter(places))
        step, output = places[placement]
        graph = self._resolved.graph(step)
        sources = [
            Location(step.name, placement, other)
            for other in graph.matching(output.component, copy.key)
        ]
        return self._only(sources, each, output, here=False)

    def _only(
        self, sources: Sequence[Location], each: Input, output: Output, *, here: bool
    ) -> Supply | None:
        if len(sources) == 1:
            self._check_objects(sources[0], output)
            return Supply(each, output, sources[0], here)
        copies = _listed(str(source.copy) for source in sources)
        self._refuse(
            f"{each.path}.from",
            f"each of several copies produces this input: {copies}",
            "replicate the component that takes it with the same keys",
            value=each.name,
        )
        return None

    def _check_objects(self, source: Location, output: Output) -> None:
        """Make sure that the producer makes the objects that are read."""
        step = self._resolved.step(source.step)
        made = self._resolved.outputs_of(step, source.placement, source.copy)
        for name in sorted(output.objects - made.keys()):
            known = ", ".join(sorted(made.keys() - {""}))
            hint = f"it has: {known}" if known else "it has none; output is its workload"
            message = f"component {output.component!r} has no output object of this name"
            self._refuse(f"{output.path}.valueFrom", message, hint, value=name)

    def _delivered(self, component: str) -> list[tuple[PlannedStep, Placement]]:
        """Return which earlier steps delivered a component where, in their order."""
        return [
            (step, placement)
            for step in self._earlier
            if self._resolved.graph(step).copies(component)
            for placement in self._selections.get(step.name, ())
        ]

    def _nowhere(self, name: str, what: str) -> tuple[str, str]:
        others = [
            step.name
            for step in self._resolved.deploy_steps
            if step.name != self._step.name and self._resolved.graph(step).copies(name)
        ]
        return self._way_out(what, others)

    def _nowhere_made(self, name: str) -> tuple[str, str]:
        others = [
            step.name
            for step in self._resolved.deploy_steps
            if step.name != self._step.name and name in self._resolved.graph(step).links.outputs
        ]
        return self._way_out("the component that produces it", others)

    def _way_out(self, what: str, others: Sequence[str]) -> tuple[str, str]:
        own = self._step.name
        if others:
            listed = _listed(map(repr, others))
            return (
                f"in step {own!r}, {what} is delivered only by step {listed}, which does not come before it",
                "put it into an earlier step, or let one step with a topology that covers both deliver it",
            )
        return (
            f"in step {own!r}, {what} is delivered neither by the step nor by an earlier one",
            "add it to the override's selector, or remove the dependency",
        )

    def _refuse(self, path: str, message: str, hint: str, *, value: str) -> None:
        self.problems.append(Problem(path, message, value, hint))


def _listed(names: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - _SHOWN
    return ", ".join(distinct[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
