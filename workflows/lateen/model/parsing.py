"""From any JSON to the model of what users write, or to everything that is wrong with it.

pydantic checks each value's shape, ``consistency`` what spans several of them; this module sees to it
that both get plain JSON of a bounded size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from lateen.model.application import (
    Application,
    Definition,
    Policy,
    Workflow,
)
from lateen.model.consistency import (
    MOST_ITEMS,
    application_problems,
    is_readable,
    metadata_problems,
    step_problems,
)
from lateen.model.errors import InvalidApplication, Problem, nearest
from lateen.model.json_values import (
    as_list,
    as_object,
    canonical_json,
    json_digest,
    json_problems,
    shown,
)
from lateen.model.validation import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lateen.model.base import Model

LARGEST = 1024 * 1024
"""Bytes of canonical JSON: neither etcd nor a Temporal payload holds much more."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_Object = TypeVar("_Object", Application, Definition, Policy, Workflow)


def parse_application(data: Any) -> Application:
    """Read an Application; policies without a name get KubeVela's ``<type>-auto-gen-<index>``.

    Raises ``InvalidApplication`` with every problem found, and nothing else, whatever ``data`` is.
    """
    return _parse(_with_policy_names(data), Application, application_problems)


def parse_policy(data: Any) -> Policy:
    """Read a Policy object; raises as ``parse_application`` does."""
    return _parse(data, Policy, _no_problems)


def parse_workflow(data: Any) -> Workflow:
    """Read a Workflow object; raises as ``parse_application`` does."""
    return _parse(data, Workflow, lambda found: step_problems(found.steps, path="steps"))


def parse_definition(data: Any) -> Definition:
    """Read a ComponentDefinition or TraitDefinition; raises as ``parse_application`` does."""
    return _parse(data, Definition, _no_problems)


_READERS: Mapping[
    tuple[str, str], Callable[[Any], Application | Definition | Policy | Workflow]
] = {
    ("core.oam.dev/v1beta1", "Application"): parse_application,
    ("core.oam.dev/v1alpha1", "Policy"): parse_policy,
    ("core.oam.dev/v1alpha1", "Workflow"): parse_workflow,
    ("core.oam.dev/v1beta1", "ComponentDefinition"): parse_definition,
    ("core.oam.dev/v1beta1", "TraitDefinition"): parse_definition,
}


def parse_object(data: Any) -> Application | Definition | Policy | Workflow:
    """Read an Application, Policy, Workflow or definition, as its ``apiVersion`` and ``kind`` say.

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
    problems = [*metadata_problems(found), *check(found)]
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
    if not isinstance(name, str) or not is_readable(name):
        return model.__name__
    namespace = metadata.get("namespace", "default")
    known = isinstance(namespace, str) and is_readable(namespace)
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


def _no_problems(_: Definition | Policy) -> Iterable[Problem]:
    return ()
