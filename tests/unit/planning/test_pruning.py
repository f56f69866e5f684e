"""What is pruned, what is kept, and why: the table of cases."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from lateen.model.placement import Placement
from lateen.model.records import Inventory, InventoryEntry
from lateen.planning.pruning import PruneDecision, decide_pruning

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
) -> PruneDecision:
    inventory = Inventory(
        application="web", namespace="shop", cluster="member", entries=list(entries)
    )
    return decide_pruning(
        inventory,
        wanted={("apps", "Deployment", "shop", name) for name in wanted},
        placements=[HERE] if placed else [],
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
