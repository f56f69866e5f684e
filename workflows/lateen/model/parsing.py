"""From any JSON to the model of what users write, or to everything that is wrong with it.

pydantic checks each value's shape; this module adds what spans several of them: unique names,
labels that an API server takes, the size of the whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from lateen.model.application import (
    Application,
    Policy,
    Step,
    Workflow,
)
from lateen.model.errors import InvalidApplication, Problem, nearest
from lateen.model.json_values import (
    as_list,
    as_object,
    canonical_json,
    join_path,
    json_digest,
    json_problems,
    shown,
)
from lateen.model.validation import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lateen.model.base import Model

LARGEST = 1024 * 1024
"""Bytes of canonical JSON: neither etcd nor a Temporal payload holds much more."""

MOST_ITEMS = 1000
"""Components, policies or steps of one application, sub-steps included."""

MOST_TRAITS = 100
"""Traits of one component."""

_LONGEST_NAME = 253
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")

_Object = TypeVar("_Object", Application, Policy, Workflow)


def parse_application(data: Any) -> Application:
    """Read an Application; policies without a name get KubeVela's ``<type>-auto-gen-<index>``.

    Raises ``InvalidApplication`` with every problem found, and nothing else, whatever ``data`` is.
    """
    return _parse(_with_policy_names(data), Application, _application_problems)


def parse_policy(data: Any) -> Policy:
    """Read a Policy object; raises as ``parse_application`` does."""
    return _parse(data, Policy, _no_problems)


def parse_workflow(data: Any) -> Workflow:
    """Read a Workflow object; raises as ``parse_application`` does."""
    return _parse(data, Workflow, lambda found: step_problems(found.steps, path="steps"))


_READERS: Mapping[tuple[str, str], Callable[[Any], Application | Policy | Workflow]] = {
    ("core.oam.dev/v1beta1", "Application"): parse_application,
    ("core.oam.dev/v1alpha1", "Policy"): parse_policy,
    ("core.oam.dev/v1alpha1", "Workflow"): parse_workflow,
}


def parse_object(data: Any) -> Application | Policy | Workflow:
    """Read an Application, Policy or Workflow, as its ``apiVersion`` and ``kind`` say.

    Raises ``InvalidApplication``; for another kind it lists the known ones.
    """
    whole = as_object(data)
    if whole is None:
        raise InvalidApplication.at("", "expected an object", shown(data))
    version, kind = whole.get("apiVersion"), whole.get("kind")
    if isinstance(version, str) and isinstance(kind, str) and (version, kind) in _READERS:
        return _READERS[version, kind](data)
    kinds = {known: group for group, known in _READERS}
    if not isinstance(kind, str) or kind not in kinds:
        listed = ", ".join(f"{known} ({group})" for known, group in kinds.items())
        near = nearest(kind, kinds) if isinstance(kind, str) else ""
        hint = near if near.startswith("did you mean") else f"known: {listed}"
        raise InvalidApplication.at("kind", "unknown kind", shown(kind), hint)
    message = f"unknown apiVersion of kind {kind}"
    raise InvalidApplication.at("apiVersion", message, shown(version), f"expected {kinds[kind]!r}")


def content_digest(application: Application) -> str:
    """Digest what a user wrote: spec, labels and annotations.

    Two applications with the same digest ask for the same thing, whatever an API server or kubectl
    added to them meanwhile.
    """
    metadata = application.metadata
    annotations = {key: text for key, text in metadata.annotations.items() if key != _LAST_APPLIED}
    return json_digest(
        {
            "labels": metadata.labels,
            "annotations": annotations,
            "spec": application.spec.to_json(),
        }
    )


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


def _parse(
    data: Any, model: type[_Object], check: Callable[[_Object], Iterable[Problem]]
) -> _Object:
    plain = _stripped(data)
    subject = _subject(plain, model)
    problems = json_problems(plain) or _size_problems(plain) or _crowded(plain)
    if problems:
        raise InvalidApplication(problems, subject=subject)
    try:
        found: _Object = model.model_validate(plain)
    except ValidationError as error:
        problems = problems_of(error, model, path="")
        raise InvalidApplication(problems, subject=subject) from None
    problems = [*_metadata_problems(found), *check(found)]
    if problems:
        raise InvalidApplication(problems, subject=subject)
    return found


def _stripped(data: Any) -> Any:
    """Leave out what no user writes and nobody reads, and nulls where Kubernetes ignores them."""
    whole = as_object(data)
    if whole is None:
        return data
    plain = {key: value for key, value in whole.items() if key != "status"}
    metadata = as_object(plain.get("metadata"))
    if metadata is not None:
        plain["metadata"] = {
            key: value
            for key, value in metadata.items()
            if value is not None and key != "managedFields"
        }
    return plain


def _subject(data: Any, model: type[Model]) -> str:
    metadata = as_object((as_object(data) or {}).get("metadata")) or {}
    name = metadata.get("name")
    if not isinstance(name, str) or not _is_readable(name):
        return model.__name__
    namespace = metadata.get("namespace", "default")
    known = isinstance(namespace, str) and _is_readable(namespace)
    return f"{model.__name__} {namespace}/{name}" if known else f"{model.__name__} {name}"


def _size_problems(data: Any) -> list[Problem]:
    size = len(canonical_json(data))
    if size <= LARGEST:
        return []
    message = f"has {size:,} bytes of JSON; etcd and Temporal hold at most {LARGEST:,}"
    hint = "put large data into a ConfigMap or an image and refer to it"
    return [Problem("", message, hint=hint)]


def _crowded(data: Any) -> list[Problem]:
    """Bound the lists whose every item costs time to check, in a workflow task too."""
    whole = as_object(data) or {}
    spec = as_object(whole.get("spec")) or {}
    lists = {
        "spec.components": spec.get("components"),
        "spec.policies": spec.get("policies"),
        "spec.workflow.steps": (as_object(spec.get("workflow")) or {}).get("steps"),
        "steps": whole.get("steps"),
    }
    return [
        Problem(path, f"has more than {MOST_ITEMS:,} items", len(items), "split the application")
        for path, value in lists.items()
        if (items := as_list(value)) is not None and len(items) > MOST_ITEMS
    ]


def _with_policy_names(data: Any) -> Any:
    """Name the unnamed policies, in a copy."""
    whole = as_object(data) or {}
    spec = as_object(whole.get("spec")) or {}
    policies = as_list(spec.get("policies"))
    if policies is None:
        return data
    named = [_with_policy_name(policy, index) for index, policy in enumerate(policies)]
    return {**whole, "spec": {**spec, "policies": named}}


def _with_policy_name(data: Any, index: int) -> Any:
    policy = as_object(data)
    if policy is None or policy.get("name") not in (None, ""):
        return data
    kind = policy.get("type")
    return {**policy, "name": f"{kind}-auto-gen-{index}"} if isinstance(kind, str) else data


def _no_problems(_: Policy) -> Iterable[Problem]:
    return ()


def _application_problems(application: Application) -> Iterator[Problem]:
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
        if not _is_readable(name):
            message = f"a {what} name is one line of at most {_LONGEST_NAME} visible characters"
            yield Problem(f"{path}.name", message, shown(name))


def _is_readable(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()


def _metadata_problems(found: Application | Policy | Workflow) -> Iterator[Problem]:
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
