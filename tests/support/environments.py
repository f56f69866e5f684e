"""Applications with env-binding policies: generated ones, and what each env means in other words."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lateen.model.application import Application, Component
from lateen.model.base import Json
from lateen.model.records import Snapshot
from lateen.planning.resolving import Resolved
from lateen.policies.override import OverrideProperties, apply_override
from lateen.policies.topology import ClusterInfo
from lateen.rendering.registry import builtin

CLUSTERS = [ClusterInfo(name=name) for name in ("local", "beijing", "hangzhou")]
Delivery = tuple[str, str, str, list[Json]]

words = st.text("abcdrst", min_size=1, max_size=6)
_component_names = st.sampled_from(["web", "api", "job", "webs"])


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


_scaler = st.builds(
    lambda count: {"type": "scaler", "properties": {"replicas": count}}, st.integers(0, 3)
)
_properties = _optional(
    image=words,
    cmd=st.lists(words, max_size=2),
    env=st.lists(st.fixed_dictionaries({"name": words, "value": words}), max_size=2),
)
components = st.lists(
    st.builds(
        lambda name, more, traits: {
            "name": name,
            "type": "webservice",
            "properties": {"image": "nginx", **more},
            **({"traits": traits} if traits else {}),
        },
        _component_names,
        _properties,
        st.lists(_scaler, max_size=1),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: str(each["name"]),
)
_patches = st.lists(
    st.builds(
        lambda name, kind, more, traits: {
            **name,
            "type": kind,
            **({"properties": {"image": "busybox", **more}} if more is not None else {}),
            **({"traits": traits} if traits else {}),
        },
        st.one_of(
            st.fixed_dictionaries({"name": _component_names}),
            st.sampled_from([{"name": "w*"}, {}]),
        ),
        st.just("webservice"),
        _properties,
        st.lists(st.one_of(_scaler, st.just({"type": "scaler", "disable": True})), max_size=1),
    ),
    max_size=2,
)
_placements = _optional(
    clusterSelector=_optional(name=st.sampled_from(["beijing", "hangzhou", "local"])),
    namespaceSelector=_optional(name=words),
)
_envs = st.lists(
    st.builds(
        lambda name, more: {"name": name, **more},
        words,
        _optional(
            placement=_placements,
            patch=_optional(components=_patches),
            selector=_optional(components=st.lists(_component_names, max_size=2)),
        ),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: str(each["name"]),
)


@st.composite
def applications(draw: st.DrawFn) -> Json:
    """Applications with one or two env-binding policies and steps to some envs, or without steps."""
    names = draw(st.lists(words, min_size=1, max_size=2, unique=True))
    bindings: list[Json] = [
        {"name": name, "type": "env-binding", "properties": {"envs": draw(_envs)}} for name in names
    ]
    spec: Json = {"components": draw(components), "policies": list(bindings)}
    if draw(st.booleans()):
        spec["workflow"] = {"steps": draw(_steps(bindings))}
        if draw(st.booleans()):
            taken = f"{names[0]}-{bindings[0]['properties']['envs'][0]['name']}"
            clash = {"name": taken, "type": "topology", "properties": {"clusters": ["local"]}}
            spec["policies"].insert(draw(st.integers(0, len(bindings))), clash)
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "demo"},
        "spec": spec,
    }


@st.composite
def _steps(draw: st.DrawFn, bindings: list[Json]) -> list[Json]:
    pairs = [
        (binding["name"], env["name"])
        for binding in bindings
        for env in binding["properties"]["envs"]
    ]
    steps: list[Json] = []
    for number, (binding, env) in enumerate(draw(st.lists(st.sampled_from(pairs), min_size=1))):
        properties: Json = {"env": env}
        if binding != bindings[0]["name"] or draw(st.booleans()):
            properties = {"policy": binding, "env": env}
        step: Json = {"name": f"s{number}", "type": "deploy2env", "properties": properties}
        if draw(st.booleans()):
            step = {"name": f"g{number}", "type": "step-group", "subSteps": [step]}
        steps += (
            [step] if draw(st.booleans()) else [step, {"name": f"p{number}", "type": "suspend"}]
        )
    return steps


def delivered(data: Json) -> list[Delivery]:
    """Return what an application sends where: step, cluster, namespace and manifests, in order."""
    resolved = Resolved(Snapshot(application=data), builtin())
    return [
        (step.name, place.cluster, place.namespace, resolved.manifests(step, place, revision="r"))
        for step in resolved.deploy_steps
        for place in resolved.select(step, CLUSTERS).placements
    ]


def components_of_env(data: Json, env: Json) -> tuple[Component, ...]:
    """Say what an env delivers, in the words of KubeVela: patch first, then select unless empty."""
    application = Application.model_validate(data)
    patches = (env.get("patch") or {}).get("components")
    override = OverrideProperties.model_validate({"components": patches})
    patched = apply_override(application.spec.components, override, path="")
    selected = (env.get("selector") or {}).get("components")
    return tuple(each for each in patched if not selected or each.name in selected)
