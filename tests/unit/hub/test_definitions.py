"""Definitions in the hub: where they are looked for, and what a snapshot keeps of them."""

from __future__ import annotations

from typing import Any

from lateen.hub.definitions import Definitions
from lateen.model.records import Snapshot
from lateen.planning.resolving import snapshot_digest
from lateen.rendering.registry import builtin
from unit.hub.fakes import FakeCluster

Json = dict[str, Any]


def definition(
    name: str, *, kind: str = "Component", namespace: str = "team", text: str = "t"
) -> Json:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": f"{kind}Definition",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"schematic": {"cue": {"template": text}}},
    }  # fmt: skip


def snapshot(*components: Json, policies: tuple[Json, ...] = ()) -> Snapshot:
    return Snapshot(
        application={
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "shop", "namespace": "team"},
            "spec": {"components": list(components)},
        },
        policies=list(policies),
    )


SITE: Json = {"name": "a", "type": "site", "traits": [{"type": "traced"}, {"type": "scaler"}]}


def texts(found: Snapshot) -> dict[str, str]:
    return {
        f"{each.kind} {each.namespace}/{each.name}@{each.version}": each.spec["schematic"]["cue"][
            "template"
        ]
        for each in found.definitions
    }


async def test_the_own_namespace_comes_first() -> None:
    hub = FakeCluster()
    for each in (
        definition("site", text="own"),
        definition("site", namespace="vela-system", text="system"),
        definition("traced", kind="Trait", namespace="vela-system", text="trait"),
        definition("scaler", kind="Trait", text="shadowed"),
    ):
        hub.put(each)
    completed = await Definitions(hub).complete(snapshot(SITE), builtin())
    assert texts(completed.snapshot) == {
        "ComponentDefinition team/site@": "own",
        "TraitDefinition vela-system/traced@": "trait",
    }
    assert completed.mentioned == ()


async def test_what_overrides_use_counts_and_what_is_missing_is_left_out() -> None:
    hub = FakeCluster()
    hub.put(definition("traced", kind="Trait"))
    policy = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": "o", "namespace": "team"},
        "type": "override",
        "properties": {"components": [{"type": "webservice", "traits": [{"type": "traced"}]}]},
    }
    web = {"name": "a", "type": "sitte", "properties": {}}
    completed = await Definitions(hub).complete(snapshot(web, policies=(policy,)), builtin())
    assert list(texts(completed.snapshot)) == ["TraitDefinition team/traced@"]
    assert completed.mentioned == ("traced",)


async def test_given_documents_count_as_if_they_were_stored() -> None:
    given = [definition("site", text="file"), definition("traced", kind="Trait", text="file")]
    completed = await Definitions(FakeCluster()).complete(snapshot(SITE), builtin(), given=given)
    assert set(texts(completed.snapshot).values()) == {"file"}


async def test_pinned_versions_are_definition_revisions() -> None:
    hub = FakeCluster()
    hub.put(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "DefinitionRevision",
            "metadata": {"name": "site-v2", "namespace": "vela-system"},
            "spec": {"revision": 2, "componentDefinition": definition("site", text="second")},
        }
    )
    completed = await Definitions(hub).complete(
        snapshot({"name": "a", "type": "site@v2"}), builtin()
    )
    assert texts(completed.snapshot) == {"ComponentDefinition vela-system/site@v2": "second"}


async def test_a_hub_without_the_kinds_has_no_definitions() -> None:
    hub = FakeCluster()
    hub.missing_kinds = {"ComponentDefinition", "TraitDefinition", "DefinitionRevision"}
    completed = await Definitions(hub).complete(snapshot(SITE), builtin())
    assert completed.snapshot.definitions == []


async def test_own_types_cost_no_request() -> None:
    hub = FakeCluster()
    before = snapshot({"name": "a", "type": "webservice"})
    completed = await Definitions(hub).complete(before, builtin())
    assert (completed.snapshot is before, hub.requests) == (True, [])


async def test_an_edited_definition_changes_the_digest() -> None:
    hub = FakeCluster()
    digests = set[str]()
    for text in ("one", "two", "one"):
        hub.put(definition("site", text=text))
        completed = await Definitions(hub).complete(snapshot(SITE), builtin())
        digests.add(snapshot_digest(completed.snapshot))
    assert len(digests) == 2
