"""What spans several values of a document: unique names, labels that an API server takes, bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lateen.model.application import Application, Definition, Policy, Step, Workflow
from lateen.model.errors import Problem
from lateen.model.json_values import join_path, shown

MOST_ITEMS = 1000
"""Components, policies or steps of one application, sub-steps included."""

MOST_TRAITS = 100
"""Traits of one component."""

_LONGEST_NAME = 253
_LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")


def application_problems(application: Application) -> Iterator[Problem]:
    """Find what is wrong between the parts of an application."""
    spec = application.spec
    if not spec.components:
        yield Problem("spec.components", "must not be empty", hint="add at least one component")
    yield from _duplicates(
        "component", _placed((each.name for each in spec.components), path="spec.components")
    )
    for index, component in enumerate(spec.components):
        if len(component.trait_list) > MOST_TRAITS:
            path = f"spec.components[{index}].traits"
            yield Problem(path, f"has more than {MOST_TRAITS} items", len(component.trait_list))
    policies = _placed((each.name for each in spec.policies or ()), path="spec.policies")
    yield from _unreadable("policy", policies)
    yield from _duplicates("policy", policies)
    if spec.workflow and spec.workflow.steps:
        yield from step_problems(spec.workflow.steps, path="spec.workflow.steps")


def step_problems(steps: Iterable[Step], *, path: str) -> list[Problem]:
    """Find step names that are used twice, sub-steps included, or that nobody could read."""
    named = [
        (join_path(path, index, *below), step.name)
        for index, outer in enumerate(steps)
        for below, step in _with_sub_steps(outer)
    ]
    if len(named) > MOST_ITEMS:
        return [Problem(path, f"has more than {MOST_ITEMS:,} steps with sub-steps", len(named))]
    return [*_unreadable("step", named), *_duplicates("step", named)]


def metadata_problems(found: Application | Definition | Policy | Workflow) -> Iterator[Problem]:
    """Delivered objects inherit labels and annotations: an API server must take them."""
    for field, texts in (
        ("labels", found.metadata.labels),
        ("annotations", found.metadata.annotations),
    ):
        for key, text in texts.items():
            path = join_path(f"metadata.{field}", key)
            prefix, slash, name = key.rpartition("/")
            if not _LABEL_NAME.fullmatch(name) or (slash and not _LABEL_PREFIX.fullmatch(prefix)):
                yield Problem(path, "is no key that Kubernetes takes", hint="expected prefix/name")
            if field == "labels" and text and not _LABEL_NAME.fullmatch(text):
                message = "a label's value has at most 63 letters, digits, '-', '_' and '.'"
                yield Problem(path, message, shown(text))


def is_readable(name: str) -> bool:
    """Tell whether a name is one line of at most 253 visible characters."""
    return len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()


def _placed(names: Iterable[str], *, path: str) -> list[tuple[str, str]]:
    return [(join_path(path, index), name) for index, name in enumerate(names)]


def _with_sub_steps(step: Step) -> Iterator[tuple[tuple[str | int, ...], Step]]:
    """Yield a step and all below it; their depth is bounded by that of the document."""
    yield (), step
    for index, below in enumerate(step.sub_steps or ()):
        for path, deeper in _with_sub_steps(below):
            yield ("subSteps", index, *path), deeper


def _duplicates(what: str, named: Iterable[tuple[str, str]]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for path, name in named:
        if name in first:
            yield Problem(
                f"{path}.name", f"this {what} name is taken", shown(name), f"see {first[name]}"
            )
        else:
            first[name] = path


def _unreadable(what: str, named: Iterable[tuple[str, str]]) -> Iterator[Problem]:
    """Names end up in workflow ids, tables and labels: one line of visible characters."""
    for path, name in named:
        if not is_readable(name):
            message = f"a {what} name is one line of at most {_LONGEST_NAME} visible characters"
            yield Problem(f"{path}.name", message, shown(name))
