"""In a word what a write does to an object, as the audit counts it."""

from __future__ import annotations

from typing import Any

from lateen.activities.applying import Found
from lateen.activities.differing import effect_of
from lateen.model.base import Json
from lateen.model.labels import APP_REVISION


def config(value: str, *, revision: str = "web-v1", **metadata: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web", "labels": {APP_REVISION: revision}, **metadata},
        "data": {"key": value},
    }


def found(live: Json | None, planned: Json | None = None, **more: Any) -> Found:
    version = "" if live is None else "7"
    return Found(config("new"), resource_version=version, live=live, planned=planned, **more)


def test_what_is_not_there_is_created() -> None:
    assert effect_of(found(None)) == "created"


def test_another_content_is_a_change() -> None:
    assert effect_of(found(config("old"), config("new"))) == "changed"


def test_another_revision_and_a_servers_bookkeeping_are_none() -> None:
    live = config("new", resourceVersion="7", generation=1, managedFields=[])
    planned = config("new", revision="web-v2", resourceVersion="8", generation=1)
    assert effect_of(found(live, planned)) == ""


def test_what_is_only_looked_at_stays_as_it_is() -> None:
    assert effect_of(found(config("old"), way="leave")) == ""
    assert effect_of(found(None, way="leave")) == ""


def test_sharing_and_recreating_are_changes() -> None:
    live = config("new")
    assert effect_of(found(live, live, way="join")) == "changed"
    assert effect_of(found(live, live, way="recreate")) == "changed"


def test_what_is_being_deleted_comes_anew() -> None:
    ending = config("new", deletionTimestamp="2026-01-02T03:04:05Z")
    assert effect_of(found(ending, ending)) == "changed"


def test_what_cannot_be_foretold_counts_as_changed() -> None:
    assert effect_of(found(config("new"))) == "changed"
