"""Installed distributions add types; broken ones are named, and shadow nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from lateen.model.application import Component
from lateen.model.errors import InvalidApplication
from lateen.rendering.checking import check_component
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import Origin
from lateen.rendering.plugins import GROUP, BrokenPlugin, installed, with_plugins
from lateen.rendering.registry import Registry, builtin
from lateen.rendering.render import render
from support.plugins import install, install_example, pack

PREAMBLE = """
from lateen.rendering.definitions import ComponentType, Rendered, TraitType
from lateen.rendering.parameters import Parameters

class None_(Parameters):
    "No parameters."

"""


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that plug-ins are installed into, on the path while a test runs."""
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith(("acme", "plugin_")):
            del sys.modules[name]


def loaded(target: Path) -> Registry:
    """Return the registry with what is installed in a folder."""
    distributions = metadata.distributions(path=[str(target)])
    points = [point for each in distributions for point in each.entry_points.select(group=GROUP)]
    return with_plugins(builtin(), points)


def component(kind: str, *traits: dict[str, Any], **properties: Any) -> Component:
    return Component.model_validate(
        {"name": "queue", "type": kind, "properties": properties, "traits": list(traits)}
    )


def test_the_example_installs_and_renders(target: Path, tmp_path: Path) -> None:
    install_example(target, tmp_path)
    registry = loaded(target)
    trait = {"type": "cost-center", "properties": {"number": 7}}
    queue = component("rabbitmq", trait, storageSize="1Gi")
    (made,) = render([queue], RenderContext("shop", "examples"), registry)
    assert made.manifest["spec"] == {"replicas": 3, "persistence": {"storage": "1Gi"}}
    assert made.manifest["metadata"]["labels"]["acme.example/cost-center"] == "7"
    assert made.manifest["metadata"]["labels"]["workload.oam.dev/type"] == "rabbitmq"
    origin = Origin("acme-lateen-types", "1.0.0")
    assert registry.component("rabbitmq@v1").origin == origin
    assert registry.trait("cost-center").origin == origin
    assert registry.component("webservice").origin is None
    (problem,) = check_component(component("rabbitmq", replicas=2), registry, path="c")
    assert str(problem) == "c.properties.storageSize: is required"
    even = component("rabbitmq", replicas=2, storageSize="1Gi")
    (problem,) = check_component(even, registry, path="c")
    assert str(problem) == "c.properties.replicas: must be odd (got 2)"


def test_the_shared_registry_of_built_ins_stays_as_it_is(target: Path, tmp_path: Path) -> None:
    install_example(target, tmp_path)
    loaded(target)
    with pytest.raises(InvalidApplication, match="unknown component type"):
        builtin().component("rabbitmq")


def test_what_is_installed_is_found_once() -> None:
    assert installed() is installed()
    assert installed().component("webservice").origin is None


BROKEN = {
    "no such module": ("plugin_none:X", "", "can't be loaded: ModuleNotFoundError: No module"),
    "fails on import": ("plugin_a:X", "1 / 0", "can't be loaded: ZeroDivisionError"),
    "no such name": ("plugin_a:Missing", "", "can't be loaded: AttributeError"),
    "no class": ("plugin_a:X", "X = 3", "expected a class, or a list of classes, not 3"),
    "another class": ("plugin_a:X", "class X: pass", "is no subclass of ComponentType"),
    "another item": ("plugin_a:X", "X = [int]", "is no subclass of ComponentType or TraitType"),
    "no type": ("plugin_a:X", "class X(TraitType): parameters = None_", "X.type must be a name"),
    "odd type": (
        "plugin_a:X",
        "class X(TraitType): parameters = None_; type = 'a@b'",
        "X.type must be a name such as 'canary-service', not 'a@b'",
    ),
    "no parameters": (
        "plugin_a:X",
        "class X(TraitType): type = 'x'",
        "X.parameters must be a subclass of Parameters",
    ),
    "abstract": (
        "plugin_a:X",
        "class X(TraitType): parameters = None_; type = 'x'",
        "X() failed: Can't instantiate abstract class X",
    ),
    "built-in": (
        "plugin_a:X",
        (
            "class X(TraitType):\n"
            "    parameters = None_; type = 'scaler'\n"
            "    def apply(self, parameters, workload, context): return {}"
        ),
        "its type 'scaler' is registered already, by lateen itself",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plug_in_is_named_with_the_way_out(
    case: str, target: Path, tmp_path: Path
) -> None:
    value, code, why = BROKEN[case]
    modules = {"plugin_a.py": PREAMBLE + code}
    install(
        target,
        pack(tmp_path, name="acme-a", version="2.1", points={"ours": value}, modules=modules),
    )
    with pytest.raises(BrokenPlugin) as caught:
        loaded(target)
    told = str(caught.value)
    assert told.startswith(f"plug-in acme-a 2.1, entry point 'ours' ({value}): ")
    assert why in told
    assert told.endswith("; repair it, or run: pip uninstall acme-a")


TRAIT = """
class Twice(TraitType):
    "A trait."
    parameters = None_
    type = "twice"
    def apply(self, parameters, workload, context):
        return {}
"""


def test_two_plug_ins_may_not_share_a_name(target: Path, tmp_path: Path) -> None:
    for letter in "ab":
        wheel = pack(
            tmp_path,
            name=f"acme-{letter}",
            points={"it": f"plugin_{letter}:Twice"},
            modules={f"plugin_{letter}.py": PREAMBLE + TRAIT},
        )
        install(target, wheel)
    with pytest.raises(
        BrokenPlugin, match=r"acme-b 1\.0.*'twice' is registered already, by acme-a"
    ):
        loaded(target)


DEFECTS = {
    "return {'a': 1}['b']": "KeyError: 'b'",
    "return None": "TypeError: outputs must be a dict of objects by name, not NoneType",
    "return {'x': {'kind': 'A'}}": "ValueError: output 'x' has no apiVersion",
    "return {'x': 1}": "TypeError: output 'x' must be a dict, not int",
    "workload['spec'] = {1, 2}; return {}": (
        "ValueError: the workload is no JSON: spec: is not JSON but a set"
    ),
    "workload['metadata'] = 1; return {}": "TypeError: metadata of the workload must be a dict",
}


@pytest.mark.parametrize("body", DEFECTS)
def test_a_defect_of_a_plug_in_is_a_problem_not_a_crash(
    body: str, target: Path, tmp_path: Path
) -> None:
    code = PREAMBLE + TRAIT.replace("return {}", body)
    modules = {"plugin_c.py": code}
    install(target, pack(tmp_path, name="acme", points={"it": "plugin_c:Twice"}, modules=modules))
    using = component("webservice", {"type": "twice"}, image="nginx")
    (problem,) = check_component(using, loaded(target), path="c")
    assert str(problem) == (
        f"c.traits[0]: type 'twice' of plug-in acme 1.0 failed: {DEFECTS[body]}; "
        "report it to the authors of the plug-in"
    )


def test_a_component_of_a_plug_in_must_return_rendered(target: Path, tmp_path: Path) -> None:
    code = """
class Bare(ComponentType):
    "A component."
    parameters = None_
    type = "bare"
    def render(self, parameters, context):
        return {"apiVersion": "v1", "kind": "ConfigMap"}
"""
    modules = {"plugin_d.py": PREAMBLE + code}
    install(target, pack(tmp_path, name="acme", points={"it": "plugin_d:Bare"}, modules=modules))
    (problem,) = check_component(component("bare"), loaded(target), path="c")
    assert "TypeError: render() must return Rendered, not dict" in str(problem)
