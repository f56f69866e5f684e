"""What is pruned, what is kept, and why: the table of cases."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from lateen.model.application import InlinePolicy
from lateen.model.placement import Placement
from lateen.model.records import Inventory, InventoryEntry
from lateen.planning.pruning import PruneDecision, Wanted, decide_deletion, decide_pruning
from lateen.policies.rules.treatments import Rules

HERE = Placement(cluster="member", namespace="shop")


def entry(name: str, *, revision: str = "web-v1", version: str = "apps/v1") -> InventoryEntry:
    return InventoryEntry(
        api_version=version,
        kind="Deployment",
        namespace="shop",
        name=name,
        placement_namespace="shop",
        revision=revision,
    )


def decide(
    *entries: InventoryEntry,
    wanted: Collection[str] = (),
    placed: bool = True,
    selected: bool = False,
    joined: bool = True,
    confirmed: bool = False,
    missed: bool = False,
    rules: Rules | None = None,
) -> PruneDecision:
    inventory = Inventory(
        application="web", namespace="shop", cluster="member", entries=list(entries)
    )
    return decide_pruning(
        inventory,
        wanted=Wanted(
            keys={("apps", "Deployment", "shop", name) for name in wanted},
            placements=[HERE] if placed else [],
            missed=[HERE] if missed else [],
            rules=rules or Rules(),
        ),
        still_selected=lambda revision, placement: selected,
        joined=["member"] if joined else [],
        confirmed=["member"] if confirmed else [],
    )


def test_what_is_wanted_stays() -> None:
    decision = decide(entry("web"), wanted={"web"})
    assert (decision.delete, decision.retained) == ([], [])


def test_identity_does_not_depend_on_the_api_version() -> None:
    """An object that moves from one version of its group to the next is the same object."""
    assert decide(entry("web", version="apps/v1beta1"), wanted={"web"}).delete == []


def test_a_component_that_the_edit_removed_is_deleted() -> None:
    decision = decide(entry("web"), entry("old"), wanted={"web"})
    assert [gone.name for gone in decision.delete] == ["old"]


@pytest.mark.parametrize("confirmed", [True, False])
@pytest.mark.parametrize("selected", [True, False])
def test_a_placement_that_is_gone(selected: bool, confirmed: bool) -> None:
    """Deleted when the application's own edit removed it; kept when the clusters' labels did."""
    decision = decide(entry("web"), placed=False, selected=selected, confirmed=confirmed)
    if selected or confirmed:
        assert [gone.name for gone in decision.delete] == ["web"]
        assert decision.retained == []
    else:
        assert decision.delete == []
        assert decision.retained == [
            "member: Deployment shop/web (the cluster's labels changed; confirm its removal)"
        ]


def test_nothing_is_deleted_from_a_cluster_that_left() -> None:
    decision = decide(entry("web"), placed=False, selected=True, joined=False)
    assert decision.delete == []
    assert decision.retained == ["member: Deployment shop/web (the cluster is not joined)"]


def collecting(strategy: str = "", **properties: Any) -> Rules:
    """A garbage-collect policy; ``strategy`` is that of a rule for the component ``old``."""
    if strategy:
        rule = {"selector": {"componentNames": ["old"]}, "strategy": strategy}
        properties["rules"] = [{**rule, "propagation": "orphan"}]
    return Rules.of([InlinePolicy(name="gc", type="garbage-collect", properties=properties)])


def old(collect: str = "", **more: Any) -> InventoryEntry:
    return entry("old").model_copy(update={"component": "old", "collect": collect, **more})


@pytest.mark.parametrize(
    ("rules", "recorded", "outcome"),
    [
        (collecting("never"), "", "released"),
        (collecting("onAppDelete"), "", "kept"),
        (collecting("onAppUpdate"), "", "deleted"),
        (collecting("onAppUpdate"), "never", "deleted"),
        (collecting(), "never", "released"),
        (collecting(), "onAppDelete", "kept"),
        (collecting(), "", "deleted"),
        (collecting(keepLegacyResource=True), "", "kept"),
        (collecting("onAppUpdate", keepLegacyResource=True), "", "deleted"),
    ],
    ids=[
        "never in the edit that drops it", "with the application", "explicitly now",
        "the edit overrules the past", "never, said earlier", "with the application, said earlier",
        "nothing said", "legacy is kept", "but for what a rule says",
    ],
)  # fmt: skip
def test_what_the_garbage_collect_policy_says_about_what_is_dropped(
    rules: Rules, recorded: str, outcome: str
) -> None:
    """The edit's own policy first; where it says nothing, what was said at the last apply."""
    decision = decide(old(recorded), rules=rules)
    found = "deleted" if decision.delete else "released" if decision.release else "kept"
    assert found == outcome
    assert bool(decision.retained) == (outcome != "deleted")
    assert decision.acts == (outcome != "kept")


def test_how_something_is_deleted_comes_from_the_edit_or_the_last_apply() -> None:
    cascading = old(propagation="cascading")
    said = {
        "edit": decide(cascading, rules=collecting("onAppUpdate")),
        "apply": decide(cascading, rules=collecting()),
    }
    found = {where: decision.delete[0].propagation for where, decision in said.items()}
    assert found == {"edit": "orphan", "apply": "cascading"}


def test_what_a_failed_delivery_did_not_reach_keeps_what_it_has() -> None:
    decision = decide(old(), missed=True)
    assert decision.delete == []
    assert decision.retained == ["member: Deployment shop/old (its step did not succeed)"]


def test_deleting_the_application_releases_what_is_never_deleted() -> None:
    entries = [entry("web"), old("never"), old("onAppDelete", name="late")]
    inventory = Inventory(application="web", namespace="shop", cluster="member", entries=entries)
    decision = decide_deletion(inventory)
    assert [each.name for each in decision.delete] == ["web", "late"]
    assert [each.name for each in decision.release] == ["old"]
    assert "never deletes it" in decision.retained[0]
