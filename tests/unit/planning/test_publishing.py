"""Which revision a publish version means."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.errors import InvalidApplication
from lateen.model.labels import PUBLISH_VERSION
from lateen.model.parsing import parse_application
from lateen.model.records import Snapshot
from lateen.planning.publishing import (
    Published,
    ignored_edit,
    publish_version,
    published_before,
)

KEPT = [Published("app-v1", 1, "alpha"), Published("app-v2", 2, "beta")]


def content(version: str | None, image: str = "nginx") -> dict[str, Any]:
    annotations = {} if version is None else {PUBLISH_VERSION: version}
    component = {"name": "web", "type": "webservice", "properties": {"image": image}}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "app", "annotations": annotations},
        "spec": {"components": [component]},
    }


def test_an_application_has_a_version_only_if_it_says_so() -> None:
    assert publish_version(parse_application(content("alpha"))) == "alpha"
    assert publish_version(parse_application(content(None))) == ""
    assert publish_version(parse_application(content(""))) == ""


def test_the_version_of_the_current_revision_means_that_revision() -> None:
    assert published_before("beta", KEPT, current="app-v2", latest=2) == KEPT[1]


def test_a_version_that_nobody_used_is_new() -> None:
    assert published_before("gamma", KEPT, current="app-v2", latest=2) is None
    assert published_before("alpha", [], current="", latest=0) is None


def test_what_an_attempt_stored_before_it_died_may_be_taken_again() -> None:
    assert published_before("beta", KEPT, current="app-v1", latest=1) is None


def test_the_version_of_an_older_revision_is_refused_naming_it() -> None:
    with pytest.raises(InvalidApplication) as caught:
        published_before("alpha", KEPT, current="app-v2", latest=2)
    (problem,) = caught.value.problems
    assert str(problem) == (
        'metadata.annotations["app.oam.dev/publishVersion"]: is the version of revision app-v1 already, '
        "and revision app-v2 came after it (got 'alpha'); choose a version that was not used yet; "
        "to go back to that revision: lateen workflow rollback app --revision app-v1"
    )


def test_an_edit_under_the_same_version_is_told_to_be_ignored() -> None:
    stored = Snapshot(application=content("beta"))
    same, edited = (parse_application(content("beta", image)) for image in ("nginx", "redis"))
    assert ignored_edit(same, stored, KEPT[1]) == []
    assert ignored_edit(edited, stored, KEPT[1]) == [
        (
            "app.oam.dev/publishVersion is still 'beta', the version of app-v2: other changes are not "
            "delivered until you change it"
        )
    ]
