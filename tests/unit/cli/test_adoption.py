"""What ``lateen adopt`` refuses, and how it tells what came of it."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.activities.adopting import CREATE, OWN, REFUSED, TAKE_OVER, Pod, Prospect
from lateen.cli.adoption import Adoption, NotAdoptable, comparison, refuse, show_trackers
from lateen.hub.trackers import Tracker
from lateen.model.objects import ObjectRef
from lateen.model.parsing import parse_application

APPLICATION = parse_application(
    {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "components": [{"name": "web", "type": "webservice", "properties": {"image": "nginx"}}]
        },
    }
)
REF = ObjectRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web")
LIVE: dict[str, Any] = {"spec": {"template": {"spec": {"containers": []}}}}


def prospect(cluster: str = "beijing", state: str = TAKE_OVER, **more: Any) -> Prospect:
    return Prospect(cluster, REF, state, live=LIVE, **more)


def adoption(*prospects: Prospect, **more: Any) -> Adoption:
    return Adoption(content=APPLICATION, prospects=prospects, **more)


def test_pods_that_would_not_survive_are_named_by_field_unless_that_is_allowed() -> None:
    image = "spec.template.spec.containers[web].image"
    found = adoption(prospect(changes=[image, "spec.paused"]), prospect("hangzhou"))
    with pytest.raises(NotAdoptable) as caught:
        refuse(found, allow_restarts=False)
    assert f"\n  cluster beijing: Deployment shop/web: {image}\n" in str(caught.value)
    assert "hangzhou" not in str(caught.value)
    refuse(found, allow_restarts=True)


def test_one_object_that_cannot_be_had_is_enough_to_take_none() -> None:
    found = adoption(prospect(), prospect("hangzhou", REFUSED, problem="is managed by another"))
    for allowed in (False, True):
        with pytest.raises(NotAdoptable, match="cluster hangzhou: is managed by another"):
            refuse(found, allow_restarts=allowed)


@pytest.mark.parametrize(
    ("states", "recorded", "expected"),
    [([OWN, OWN], True, True), ([OWN, TAKE_OVER], True, False), ([OWN], False, False)],
)
def test_adopted_is_what_is_owned_and_recorded(
    states: list[str], recorded: bool, expected: bool
) -> None:
    found = adoption(*(prospect(state=state) for state in states), recorded=recorded)
    assert found.adopted is expected


def test_what_came_of_it_counts_pods_and_names_those_that_are_gone() -> None:
    before = adoption(
        prospect(uid="u1"),
        prospect("hangzhou", CREATE),
        pods={"a": Pod("shop/a", 0), "b": Pod("shop/b", 1), "c": Pod("shop/c", 0)},
    )
    after = adoption(
        prospect(state=OWN, uid="u2"),
        prospect("hangzhou", OWN, uid="u3"),
        pods={"a": Pod("shop/a", 0), "b": Pod("shop/b", 2)},
    )
    line, hints = comparison(before, after)
    assert line == "adopted 2 objects in 2 clusters, 1 of them new; 1 of 3 pods untouched"
    assert hints == [
        "  gone since: pod shop/c",
        "  cluster beijing: Deployment shop/web is another object than before",
    ]


def test_the_commands_remove_finalizers_before_trackers(capsys: pytest.CaptureFixture[str]) -> None:
    """The other way round a controller that runs would delete what they list."""
    trackers = [Tracker(name="web-shop"), Tracker(name="web-v1-shop")]
    show_trackers(adoption(prospect(state=OWN), trackers=trackers))
    said = capsys.readouterr().err
    patch = said.index("kubectl patch resourcetrackers.core.oam.dev web-shop web-v1-shop")
    assert patch < said.index("kubectl delete resourcetrackers.core.oam.dev web-shop web-v1-shop")
    show_trackers(adoption(prospect(state=OWN)))
    assert capsys.readouterr().err == ""
