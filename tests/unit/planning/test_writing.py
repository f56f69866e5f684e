"""What happens to an object that is there: the table of who owns it, and what rules say about it."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.planning.ownership import heir_of, joining, leaving, owner_of, sharers_of
from lateen.planning.writing import decide_write, is_recreated, mends_refusal
from lateen.policies.rules.treatments import PLAIN, Treatment

Json = dict[str, Any]

OURS, THEIRS = "shop/web", "shop/other"
SHARED_BY = "app.oam.dev/shared-by"
LABELS = {"app.oam.dev/name": "web", "app.oam.dev/namespace": "shop"}
MANIFEST: Json = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "web", "namespace": "shop", "labels": LABELS},
    "data": {"a": "new"},
}


def live(owner: str = "", *sharers: str, **metadata: Any) -> Json:
    namespace, _, name = owner.partition("/")
    labels = {"app.oam.dev/name": name, "app.oam.dev/namespace": namespace} if owner else {}
    annotations = {SHARED_BY: ",".join(sharers)} if sharers else {}
    return {
        **MANIFEST,
        "metadata": {
            "name": "web",
            "resourceVersion": "7",
            "labels": labels,
            "annotations": annotations,
            **metadata,
        },
        "data": {"a": "old", "b": "theirs"},
    }


TAKE, SHARE, READ = Treatment(take_over=True), Treatment(shared=True), Treatment(read_only=True)
KEEP_ALL = Treatment(kept=((),))


@pytest.mark.parametrize(
    ("there", "treatment", "way", "refusal"),
    [
        (None, PLAIN, "create", ""),
        (None, TAKE, "create", ""),
        (None, KEEP_ALL, "create", ""),
        (None, READ, "leave", "does not exist"),
        (live(OURS), PLAIN, "apply", ""),
        (live(OURS), READ, "leave", ""),
        (live(OURS), KEEP_ALL, "leave", ""),
        (live(OURS), Treatment(op="replace"), "replace", ""),
        (live(OURS), Treatment(recreate=(("data",),)), "apply", ""),
        (live(OURS, deletionTimestamp="t"), Treatment(recreate=(("data",),)), "recreate", ""),
        (live(), PLAIN, "leave", "not managed by any application"),
        (live(), SHARE, "leave", "take-over policy"),
        (live(), TAKE, "apply", ""),
        (live(), READ, "leave", ""),
        (live(THEIRS), PLAIN, "leave", "managed by application shop/other"),
        (live(THEIRS), TAKE, "leave", "managed by application shop/other"),
        (live(THEIRS), READ, "leave", ""),
        (live(THEIRS), SHARE, "leave", "does not share it"),
        (live(THEIRS, THEIRS), PLAIN, "leave", "unless a shared-resource policy"),
        (live(THEIRS, THEIRS), SHARE, "join", ""),
        (live(THEIRS, THEIRS, OURS), SHARE, "leave", ""),
        (live(THEIRS, THEIRS, OURS), PLAIN, "leave", "unless a shared-resource policy"),
    ],
)  # fmt: skip
def test_what_is_done_with_an_object(
    there: Json | None, treatment: Treatment, way: str, refusal: str
) -> None:
    write = decide_write(MANIFEST, there, application=OURS, treatment=treatment)
    assert write.way == way
    assert refusal in write.refusal
    assert bool(write.refusal) == bool(refusal)


@pytest.mark.parametrize(
    ("there", "treatment", "shared"),
    [
        (None, SHARE, OURS),
        (None, PLAIN, None),
        (live(OURS), SHARE, OURS),
        (live(OURS, OURS, THEIRS), SHARE, f"{OURS},{THEIRS}"),
        (live(OURS, OURS, THEIRS), PLAIN, f"{OURS},{THEIRS}"),
        (live(OURS, OURS), PLAIN, None),
    ],
)
def test_an_owner_names_all_that_share_its_object(
    there: Json | None, treatment: Treatment, shared: str | None
) -> None:
    """Also one that dropped its policy: those that share it must not be forgotten."""
    write = decide_write(MANIFEST, there, application=OURS, treatment=treatment)
    assert write.manifest["metadata"].get("annotations", {}).get(SHARED_BY) == shared


def test_kept_fields_are_the_live_ones_but_never_the_owner() -> None:
    kept = Treatment(kept=(("data", "a"), ("metadata", "labels")), take_over=True)
    there = live()
    there["metadata"]["labels"] = {"team": "x"}
    write = decide_write(MANIFEST, there, application=OURS, treatment=kept)
    assert write.manifest["data"] == {"a": "old"}
    assert write.manifest["metadata"]["labels"] == {"team": "x", **LABELS}


def test_adopting_what_is_kept_as_a_whole_sets_no_more_than_its_owner() -> None:
    treatment = Treatment(kept=((),), take_over=True)
    write = decide_write(MANIFEST, live(), application=OURS, treatment=treatment)
    assert write.way == "apply"
    assert set(write.manifest) == {"apiVersion", "kind", "metadata"}


def test_replacing_keeps_the_bookkeeping_of_controllers() -> None:
    there = live(OURS, finalizers=["x/y"])
    write = decide_write(MANIFEST, there, application=OURS, treatment=Treatment(op="replace"))
    assert write.manifest["metadata"]["finalizers"] == ["x/y"]
    assert write.manifest["data"] == {"a": "new"}


class TestSharing:
    def test_joining_adds_a_name_to_the_version_that_was_read(self) -> None:
        assert joining(live(THEIRS, THEIRS, "a/b"), OURS) == {
            "metadata": {
                "resourceVersion": "7",
                "annotations": {SHARED_BY: f"{THEIRS},a/b,{OURS}"},
            }
        }

    def test_a_sharer_that_leaves_takes_its_name_along_only(self) -> None:
        change = leaving(live(THEIRS, THEIRS, OURS, "a/b"), OURS)
        assert change["metadata"] == {
            "resourceVersion": "7",
            "annotations": {SHARED_BY: f"{THEIRS},a/b"},
        }

    def test_an_owner_that_leaves_makes_the_next_one_the_owner(self) -> None:
        there = live(OURS, OURS, "a/b", THEIRS)
        assert heir_of(there, OURS) == "a/b"
        change = leaving(there, OURS)["metadata"]
        assert change["labels"] == {"app.oam.dev/name": "b", "app.oam.dev/namespace": "a"}
        assert change["annotations"] == {SHARED_BY: f"a/b,{THEIRS}"}

    def test_names_are_read_whatever_people_wrote(self) -> None:
        there = live(OURS, " a/b ", "", "a/b")
        assert sharers_of(there) == ("a/b",)
        assert owner_of({"metadata": {}}) == ""
        assert heir_of(live(OURS, OURS), OURS) == ""


TEMPLATE = ("spec", "template")
IMAGE = (*TEMPLATE, "image")


@pytest.mark.parametrize(
    ("recreate", "refused", "image", "mends"),
    [
        (TEMPLATE, TEMPLATE, "2", True),
        (TEMPLATE, IMAGE, "2", True),
        (IMAGE, TEMPLATE, "2", True),
        (IMAGE, TEMPLATE, "1", False),
        (("spec", "selector"), TEMPLATE, "2", False),
        (TEMPLATE, None, "2", False),
    ],
    ids=["the same", "below it", "around what changed", "around what stayed", "another", "nothing"],
)  # fmt: skip
def test_what_recreating_can_get_around(
    recreate: tuple[str, ...], refused: tuple[str, ...] | None, image: str, mends: bool
) -> None:
    there = {"spec": {"template": {"image": "1", "policy": "default"}}}
    wanted = {"spec": {"template": {"image": image}}}
    fields = [] if refused is None else [refused]
    assert mends_refusal(there, wanted, fields, Treatment(recreate=(recreate,))) is mends


def test_an_object_is_recreated_when_what_the_server_makes_of_it_differs_at_a_path() -> None:
    treatment = Treatment(recreate=(IMAGE,))
    one, two = ({"spec": {"template": {"image": image}, "n": image}} for image in "12")
    assert is_recreated(one, two, treatment)
    assert not is_recreated(one, {"spec": {"template": {"image": "1"}, "n": "9"}}, treatment)
