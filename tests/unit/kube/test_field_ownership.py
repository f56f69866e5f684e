"""Sets of fields: what an owner gains, keeps and loses. Checked against sets of paths."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.kube.field_ownership import (
    contains,
    fields_of,
    remove,
    take_over,
    union,
)

Json = dict[str, Any]
Path = tuple[str, ...]

_keys = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
_paths = st.lists(_keys, min_size=1, max_size=4).map(tuple)
path_sets = st.frozensets(_paths, max_size=8)


def fields(paths: frozenset[Path]) -> Json:
    """The set of these paths, written as API servers do."""
    children: dict[str, set[Path]] = {}
    for path in paths:
        children.setdefault(path[0], set()).add(path[1:])
    made: Json = {}
    for key, rests in sorted(children.items()):
        below = fields(frozenset(rest for rest in rests if rest))
        made[key] = {".": {}, **below} if below and () in rests else below
    return made


def paths(tree: Json, before: Path = ()) -> frozenset[Path]:
    """The paths of a set: the opposite of ``fields``."""
    found: set[Path] = set()
    for key, node in tree.items():
        if key == ".":
            continue
        if not node or "." in node:
            found.add((*before, key))
        found |= paths(node, (*before, key))
    return frozenset(found)


@given(path_sets)
def test_a_set_reads_back_as_it_was_written(some: frozenset[Path]) -> None:
    assert paths(fields(some)) == some


@given(path_sets, path_sets)
def test_union_is_that_of_the_paths(some: frozenset[Path], others: frozenset[Path]) -> None:
    assert paths(union(fields(some), fields(others))) == some | others


@given(path_sets)
def test_contains_exactly_the_paths(some: frozenset[Path]) -> None:
    tree = fields(some)
    assert all(contains(tree, *path) for path in some)
    assert not contains(tree, "f:never")


_managers = st.sampled_from(["kubevela", "manager", "lateen:shop/web", "hpa", "kubectl-edit"])
_entries = st.lists(
    st.builds(
        lambda manager, operation, version, some, subresource: {
            "manager": manager,
            "operation": operation,
            "apiVersion": version,
            "fieldsType": "FieldsV1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsV1": fields(some),
            **({"subresource": subresource} if subresource else {}),
        },
        _managers,
        st.sampled_from(["Apply", "Update"]),
        st.sampled_from(["apps/v1", "apps/v1beta1"]),
        path_sets,
        st.sampled_from(["", "", "status"]),
    ),
    max_size=5,
    unique_by=lambda e: (e["manager"], e["operation"], e["apiVersion"], e.get("subresource")),
)


def _is_old(entry: Json) -> bool:
    return entry["manager"] in {"kubevela", "manager"}


@given(_entries)
def test_a_takeover_moves_every_field_and_touches_no_other_manager(entries: list[Json]) -> None:
    """The new owner has its own fields and all of the old ones'; everybody else's entry is as it was."""
    before = json.dumps(entries)
    after = take_over(entries, manager="lateen:shop/web", api_version="apps/v1", belongs=_is_old)
    assert json.dumps(entries) == before
    old = [
        e for e in entries if _is_old(e) and e["operation"] == "Update" and "subresource" not in e
    ]
    if after is None:
        assert not old
        return
    new = [
        e
        for e in entries
        if (e["manager"], e["operation"], e["apiVersion"], e.get("subresource"))
        == ("lateen:shop/web", "Apply", "apps/v1", None)
    ]
    moved = [e for e in old if e["apiVersion"] == "apps/v1"]
    others = [e for e in entries if e not in old and e not in new]
    assert [e for e in after if e in others] == others
    mine = [e for e in after if e not in others]
    assert paths(fields_of(mine)) == paths(fields_of([*new, *moved]))
    assert len(mine) == (1 if new or moved else 0)
    again = take_over(after, manager="lateen:shop/web", api_version="apps/v1", belongs=_is_old)
    assert again is None


POD: Json = {
    "containers": [
        {"name": "web", "image": "nginx", "env": [{"name": "A", "value": "1"}]},
        {"name": "side", "image": "busybox"},
    ],
    "finalizers": ["a", "b"],
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
}


ROLLING: Json = {".": {}, "f:type": {}, "f:rollingUpdate": {".": {}, "f:maxSurge": {}}}
ENV: Json = {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}}
SIDE: Json = {'k:{"name":"side"}': {".": {}, "f:name": {}, "f:image": {}}}


@pytest.mark.parametrize(
    ("gone", "kept", "path", "left"),
    [
        ({"f:strategy": {"f:type": {}}}, {}, ["strategy"], {"rollingUpdate": {"maxSurge": 1}}),
        ({"f:strategy": ROLLING}, {}, ["strategy"], None),
        (
            {"f:strategy": ROLLING},
            {"f:strategy": {"f:rollingUpdate": {"f:maxSurge": {}}}},
            ["strategy"],
            {"rollingUpdate": {"maxSurge": 1}},
        ),
        ({"f:strategy": ROLLING}, {"f:strategy": ROLLING}, ["strategy"], POD["strategy"]),
        ({"f:finalizers": {'v:"a"': {}}}, {}, ["finalizers"], ["b"]),
        (
            {"f:containers": {'k:{"name":"web"}': {"f:env": ENV}}},
            {},
            ["containers", 0, "env"],
            [],
        ),
        ({"f:containers": SIDE}, {}, ["containers"], POD["containers"][:1]),
        (
            {"f:containers": SIDE},
            {"f:containers": {'k:{"name":"side"}': {"f:name": {}, "f:image": {}}}},
            ["containers", 1],
            {"name": "side", "image": "busybox"},
        ),
    ],
)
def test_what_is_removed_and_what_stays(gone: Json, kept: Json, path: list[Any], left: Any) -> None:
    """Whoever gives up a field takes everything in it along, except what others own."""
    before = json.dumps(POD)
    found: Any = remove(POD, gone, kept=kept)
    assert json.dumps(POD) == before
    for key in path[:-1]:
        found = found[key]
    last = path[-1]
    assert (found.get(last) if isinstance(last, str) else found[last]) == left


@given(path_sets)
def test_removing_nothing_changes_nothing(kept: frozenset[Path]) -> None:
    assert remove(POD, {}, kept=fields(kept)) == POD
