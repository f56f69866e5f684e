"""Secrets that stand in the clear in what a user wrote: where they are, never what they are. Pure.

An application travels through Temporal's history and is kept in the hub, as it is written. What is secret in
it can be read there by everybody who may look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.model.application import Application, InlinePolicy, Policy
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication, Problem
from lateen.model.findings import join_path
from lateen.model.json_values import as_list, as_object
from lateen.planning.references import inline_policy
from lateen.policies.env_binding import ENV_BINDING
from lateen.policies.override import OVERRIDE

ALLOW = "--allow-inline-secrets"

_MESSAGE = "holds the content of a Secret in the clear"
_HINT = (
    "make the Secret in the cluster by other means and refer to it by name, or allow it with "
    f"{ALLOW}"
)
_CREDENTIAL = re.compile(
    r"passw(or)?d|passphrase|secret|token|credential|(api|access|private|encryption|signing)_?key"
)
_ABOUT = re.compile(r"_(file|path|name|dir|url|ref|ttl|expiry|timeout|length|id)$")
"""Ends of names that say where a credential is, or something about it."""


@dataclass(frozen=True)
class _Site:
    """Properties of a component or trait type, and where they stand."""

    path: str
    type: str
    properties: Json


def refuse_inline_secrets(application: Application, policies: Iterable[InlinePolicy] = ()) -> None:
    """Refuse an application that holds contents of Secrets. Raises ``InvalidApplication``.

    ``policies`` are those that it uses and that are objects of the hub.
    """
    problems = inline_secrets(application)
    for policy in policies:
        problems += policy_secrets(policy, path=f"policies[{policy.name}].properties")
    if problems:
        raise InvalidApplication(problems, subject=f"Application {application.id}")


def inline_secrets(application: Application) -> list[Problem]:
    """Return where an application holds contents of Secrets: components, traits, and what changes them."""
    makes_secrets = _makes_secrets(application)
    return [
        Problem(path, _MESSAGE, hint=_HINT)
        for site in _sites(application)
        for path in _contents(site, in_secret=makes_secrets)
    ]


def policy_secrets(policy: InlinePolicy, *, path: str) -> list[Problem]:
    """Return where an override holds contents of Secrets; ``path`` is where its properties stand."""
    return [
        Problem(found, _MESSAGE, hint=_HINT)
        for site in _policy_sites(policy, path)
        for found in _contents(site, in_secret=False)
    ]


def policy_object_secrets(policy: Policy) -> list[Problem]:
    """Return where a Policy object holds contents of Secrets."""
    return policy_secrets(inline_policy(policy), path="properties")


def credential_variables(application: Application) -> list[str]:
    """Return warnings for variables that are named like a credential and have a literal value."""
    return [
        f"{path}: looks like a credential in the clear; take it from a Secret with valueFrom"
        for site in _sites(application)
        for path in _variables(site.properties, site.path)
    ]


def secret_paths(application: Application) -> list[str]:
    """Return the paths of all that is secret in an application: contents of Secrets, and credentials."""
    makes_secrets = _makes_secrets(application)
    return [
        path for site in _sites(application) for path in _secrets(site, in_secret=makes_secrets)
    ]


def policy_secret_paths(policy: InlinePolicy) -> list[str]:
    """Return the same of a policy."""
    sites = _policy_sites(policy, "properties")
    return [path for site in sites for path in _secrets(site, in_secret=True)]


def _secrets(site: _Site, *, in_secret: bool) -> Iterator[str]:
    yield from _contents(site, in_secret=in_secret)
    for found in _variables(site.properties, site.path):
        yield found.partition(" (variable ")[0]


def names_credential(name: str) -> bool:
    """Tell whether a variable's name says that its value is a credential."""
    word = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    return _CREDENTIAL.search(word) is not None and _ABOUT.search(word) is None


def _sites(application: Application) -> Iterator[_Site]:
    components = [component.to_json() for component in application.spec.components]
    yield from _component_sites(components, "spec.components")
    for index, policy in enumerate(application.spec.policies or ()):
        yield from _policy_sites(policy, f"spec.policies[{index}].properties")


def _policy_sites(policy: InlinePolicy, path: str) -> Iterator[_Site]:
    properties = policy.properties or {}
    if policy.type == OVERRIDE:
        yield from _component_sites(properties.get("components"), f"{path}.components")
    elif policy.type == ENV_BINDING:
        for index, env in enumerate(as_list(properties.get("envs")) or ()):
            patch = as_object((as_object(env) or {}).get("patch")) or {}
            where = f"{path}.envs[{index}].patch.components"
            yield from _component_sites(patch.get("components"), where)


def _component_sites(components: Any, path: str) -> Iterator[_Site]:
    """Yield properties of components and traits; what has another shape is reported by the checks."""
    for index, component in enumerate(_objects(components)):
        where = f"{path}[{index}]"
        yield from _site(component, where)
        for number, trait in enumerate(_objects(component.get("traits"))):
            yield from _site(trait, f"{where}.traits[{number}]")


def _site(typed: Json, path: str) -> Iterator[_Site]:
    properties = as_object(typed.get("properties"))
    if properties:
        yield _Site(f"{path}.properties", str(typed.get("type", "")), properties)


def _objects(value: Any) -> list[Json]:
    return [as_object(item) or {} for item in as_list(value) or ()]


def _makes_secrets(application: Application) -> bool:
    """Tell whether a component is itself a Secret: then an override's bare ``data`` is its content."""
    return any(
        (component.properties or {}).get("kind") == "Secret"
        for component in application.spec.components
    )


def _contents(site: _Site, *, in_secret: bool) -> Iterator[str]:
    """Yield the paths of contents: of Secrets written out, and of the Secrets that ``storage`` makes."""
    patches_object = site.type in {"", "raw"} and "kind" not in site.properties
    if in_secret and patches_object and as_object(site.properties.get("data")):
        yield f"{site.path}.data"
    if site.type == "storage":
        for index, secret in enumerate(_objects(site.properties.get("secret"))):
            if as_object(secret.get("data")):
                yield f"{site.path}.secret[{index}].data"
    yield from _written_out(site.properties, site.path)


def _written_out(value: Any, path: str) -> Iterator[str]:
    """Look into everything: only Secrets have ``stringData``, and in a ``kind: Secret`` data is secret too."""
    for index, item in enumerate(as_list(value) or ()):
        yield from _written_out(item, join_path(path, index))
    fields: Mapping[str, Any] = as_object(value) or {}
    for key, each in fields.items():
        where = join_path(path, key)
        secret = key == "stringData" or (key == "data" and fields.get("kind") == "Secret")
        if secret and each:
            yield where
        else:
            yield from _written_out(each, where)


def _variables(value: Any, path: str) -> Iterator[str]:
    """Yield the paths of literal credentials, in lists of variables and in maps called ``env``."""
    for index, item in enumerate(as_list(value) or ()):
        where = join_path(path, index)
        fields = as_object(item) or {}
        name = fields.get("name")
        if isinstance(name, str) and fields.get("value") and names_credential(name):
            yield f"{where}.value (variable {name})"
        yield from _variables(item, where)
    for key, each in (as_object(value) or {}).items():
        where = join_path(path, key)
        if key == "env":
            for name, literal in (as_object(each) or {}).items():
                if literal and isinstance(literal, str) and names_credential(name):
                    yield f"{where}.{name}"
        yield from _variables(each, where)
