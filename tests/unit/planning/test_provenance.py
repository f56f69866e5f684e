"""A revision remembers the plug-ins that its application uses, and no others."""

from __future__ import annotations

from typing import Any

from lateen.model.application import InlinePolicy
from lateen.model.parsing import parse_application
from lateen.planning.provenance import plugin_versions
from lateen.rendering.components.worker import Worker
from lateen.rendering.definitions import Origin
from lateen.rendering.registry import builtin
from lateen.rendering.traits.scaler import Scaler
from support.applications import application


class Canary(Worker):
    """A component of a plug-in."""

    type = "canary"
    origin = Origin("acme", "1.2")


class Nightly(Scaler):
    """A trait of another plug-in."""

    type = "nightly"
    origin = Origin("bee", "3.4")


REGISTRY = builtin().copy().register(Canary(), Nightly())


def versions(
    *policies: dict[str, Any], kind: str = "webservice", external: tuple[dict[str, Any], ...] = ()
) -> dict[str, str]:
    data = application("shop")
    data["spec"]["components"][0]["type"] = kind
    data["spec"]["policies"] += list(policies)
    given = [InlinePolicy.model_validate(policy) for policy in external]
    return plugin_versions(parse_application(data), given, REGISTRY)


def override(*components: dict[str, Any]) -> dict[str, Any]:
    return {"name": "o", "type": "override", "properties": {"components": list(components)}}


def test_built_ins_and_unknown_types_leave_no_trace() -> None:
    assert versions() == {}
    assert versions(kind="nosuchtype") == {}


def test_types_of_components_traits_and_overrides_count() -> None:
    night = override({"traits": [{"type": "nightly@v1"}]})
    assert versions(kind="canary") == {"acme": "1.2"}
    assert versions(night) == {"bee": "3.4"}
    assert versions(override({"name": "x", "type": "canary"}), external=(night,)) == {
        "acme": "1.2",
        "bee": "3.4",
    }


def test_envs_count_and_malformed_policies_are_left_to_the_check() -> None:
    env = {"name": "e", "patch": {"components": [{"name": "x", "type": "canary"}]}}
    binding = {"name": "b", "type": "env-binding", "properties": {"envs": [env]}}
    malformed = {"name": "m", "type": "override", "properties": {"components": 3}}
    assert versions(binding, malformed) == {"acme": "1.2"}
