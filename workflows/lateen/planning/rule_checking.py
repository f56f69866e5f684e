"""Rule policies beside the application that they are for: what they say about nothing."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lateen.model.errors import InvalidApplication, nearest
from lateen.policies.env_binding import ENV_BINDING, read_env_binding
from lateen.policies.override import OVERRIDE, read_override
from lateen.policies.rules.treatments import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.model.application import Application, InlinePolicy
    from lateen.policies.override import ComponentPatch

_MOST_WARNINGS = 20


def rule_warnings(application: Application) -> list[str]:
    """Return warnings about the rule policies of a valid application."""
    try:
        rules = Rules.of(application.spec.policies or ())
    except InvalidApplication:
        return []  # check_policy reports it
    found = list(islice(_unknown_components(application, rules), _MOST_WARNINGS))
    depends = any(component.depends_on for component in application.spec.components)
    if rules.collect.order and not depends:
        found.append("garbage-collect: the order has no effect, no component depends on another")
    return found


def _unknown_components(application: Application, rules: Rules) -> Iterator[str]:
    """Say which names fit no component, neither as written nor added by an override or an env."""
    names = {component.name for component in application.spec.components}
    for policy in application.spec.policies or ():
        if policy.type in (OVERRIDE, ENV_BINDING):
            patches = list(_patches(policy))
            names |= {patch.name for patch in patches if patch.name and not patch.is_pattern}
    for kind, named in rules.named_components().items():
        for name in dict.fromkeys(named):
            if name not in names:
                yield f"{kind}: no component is called {name!r}; {nearest(name, names)}"


def _patches(policy: InlinePolicy) -> Iterator[ComponentPatch]:
    if policy.type == OVERRIDE:
        yield from read_override(policy).components or ()
        return
    for env in read_env_binding(policy).envs:
        yield from (env.patch and env.patch.components) or ()
