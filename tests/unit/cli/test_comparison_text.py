"""The text of `lateen diff`: what people read, line by line."""

from __future__ import annotations

from lateen.cli.comparison_text import comparison_lines
from lateen.planning.differences import (
    ApplicationDifference,
    FieldDifference,
    ObjectDifference,
    PlacementDifference,
    Removal,
)


def text(found: ApplicationDifference) -> list[str]:
    return [line for _, line in comparison_lines(found)]


def field(path: str, before: object, after: object) -> FieldDifference:
    return FieldDifference(path=path, change="changed", before=before, after=after)


def test_nothing_to_do_is_one_line_and_its_places() -> None:
    place = PlacementDifference(cluster="c", namespace="n", steps=["ship"], unchanged=1)
    found = ApplicationDifference(application="n/web", placements=[place])
    assert text(found) == [
        "n/web: no changes to 1 object in 1 placement",
        "  c/n (ship): 1 unchanged",
    ]


def test_every_kind_of_change_has_its_mark_and_tone() -> None:
    changed = ObjectDifference(
        action="change",
        api_version="v1",
        kind="ConfigMap",
        namespace="n",
        name="a",
        component="web",
        fields=[
            field("spec.x", "1", 1),
            FieldDifference(path="spec.y", change="added", after={"a": [1]}),
            FieldDifference(path="spec.z", change="removed", before=None),
            FieldDifference(path="data.p", change="added", masked=True),
            field("data.text", "one\ntwo\n", "one\n2\n"),
        ],
    )
    created = ObjectDifference(
        action="create",
        api_version="v1",
        kind="Namespace",
        name="n",
        manifest={"kind": "Namespace"},
    )
    deleted = ObjectDifference(
        action="delete", api_version="v1", kind="Service", name="s", note="so"
    )
    place = PlacementDifference(
        cluster="c",
        namespace="n",
        create=1,
        change=1,
        delete=1,
        objects=[changed, created, deleted],
        problems=["cluster c: object o is somebody else's"],
    )
    found = ApplicationDifference(application="n/web", placements=[place], warnings=["look"])
    assert list(comparison_lines(found)) == [
        ("title", "n/web: 1 to create, 1 to change, 1 to delete, not everything could be told"),
        ("title", "  c/n: 1 to create, 1 to change, 1 to delete, 1 problem"),
        ("problem", "    ! object o is somebody else's"),
        ("changed", "    ~ ConfigMap n/a (component web)"),
        ("changed", '      ~ spec.x: "1" -> 1'),
        ("added", '      + spec.y: {"a": [1]}'),
        ("removed", "      - spec.z: null"),
        ("added", "      + data.p: added (not shown)"),
        ("changed", "      ~ data.text:"),
        ("plain", "          @@ -1,2 +1,2 @@"),
        ("plain", "           one"),
        ("removed", "          -two"),
        ("added", "          +2"),
        ("added", "    + Namespace n"),
        ("added", "      + kind: Namespace"),
        ("removed", "    - Service s"),
        ("plain", "        so"),
        ("plain", "  warning: look"),
    ]


def test_lines_of_a_text_that_look_like_a_header_are_kept() -> None:
    changed = ObjectDifference(
        action="change",
        api_version="v1",
        kind="ConfigMap",
        name="a",
        fields=[field("data.x", "--\nb\n", "++\nb\n")],
    )
    place = PlacementDifference(cluster="c", namespace="n", change=1, objects=[changed])
    lines = text(ApplicationDifference(application="n/a", placements=[place]))
    assert "          ---" in lines
    assert "          +++" in lines


def test_what_is_kept_says_how_to_remove_it() -> None:
    found = ApplicationDifference(
        application="shop/web",
        retained=["c: Deployment shop/web (the cluster's labels changed; confirm its removal)"],
        removals=[Removal(cluster="c", objects=["Deployment shop/web"])],
        problems=["Application shop/web is invalid:\n  a\n  b"],
    )
    lines = text(found)
    assert lines[0] == "shop/web: not everything could be told"
    assert lines[1:4] == ["  ! Application shop/web is invalid:", "  !   a", "  !   b"]
    assert lines[-1] == "  delete 1 object of c too: lateen up web -n shop --confirm-removal c"
