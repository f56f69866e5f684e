"""Which resource is meant: what flags leave, and the error that lists the rest."""

from __future__ import annotations

import pytest

from lateen.cli.choosing import NothingMatches, Wish, describe, flags, matching, needed
from lateen.hub.locating import Resource
from lateen.kube.pods import read_pod
from lateen.model.objects import ObjectRef


def resource(
    cluster: str = "east", *, kind: str = "Deployment", name: str = "web", namespace: str = "prod"
) -> Resource:
    ref = ObjectRef(api_version="v1", kind=kind, namespace=namespace, name=name)
    pods = (read_pod({"metadata": {"name": f"{name}-{cluster}"}}),)
    return Resource(cluster, ref, "web", "a=b", pods)


EAST, WEST = resource("east"), resource("west")
SERVICE = resource("east", kind="Service")
OTHER = resource("east", namespace="test")


def test_a_resource_is_described_as_the_choice_offers_it() -> None:
    assert describe(EAST) == "Cluster: east | Namespace: prod | Kind: Deployment | Name: web"


@pytest.mark.parametrize(
    ("among", "expected"),
    [
        ([EAST, WEST], "--cluster east"),
        ([EAST, SERVICE], "--resource deployment/web"),
        ([EAST, OTHER], "--cluster east/prod"),
        ([EAST, SERVICE, WEST], "--cluster east --resource deployment/web"),
        ([EAST], "--cluster east"),
    ],
)
def test_the_fewest_flags_that_tell_are_named(among: list[Resource], expected: str) -> None:
    assert flags(EAST, among) == expected


def test_a_service_has_a_flag_of_its_own() -> None:
    assert flags(SERVICE, [EAST, SERVICE]) == "--service web"


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(), [EAST, WEST, SERVICE]),
        (Wish(resource="Deployment/web"), [EAST, WEST]),
        (Wish(service="web"), [SERVICE]),
        (Wish(pod="web-west"), [WEST]),
    ],
)
def test_flags_narrow_the_choice(wish: Wish, expected: list[Resource]) -> None:
    assert matching([EAST, WEST, SERVICE], wish, application="prod/shop") == expected


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish(resource="deployment/wbe"), "did you mean 'deployment/web'"),
        (Wish(service="wbe"), "did you mean 'web'"),
        (Wish(pod="web-wst"), "did you mean 'web-west'"),
    ],
)
def test_a_name_that_matches_nothing_is_an_error_with_the_nearest(wish: Wish, message: str) -> None:
    with pytest.raises(NothingMatches, match=message):
        matching([EAST, WEST, SERVICE], wish, application="prod/shop")


def test_the_error_lists_every_choice_with_its_flags() -> None:
    text = str(needed([EAST, WEST], application="prod/shop", all_flag=True))
    assert text.splitlines()[0] == "prod/shop: 2 resources match; say which one is meant:"
    assert "  --cluster east   Cluster: east | " in text
    assert "  --all            all of them" in text
