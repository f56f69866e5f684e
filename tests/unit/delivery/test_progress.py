"""What a run records about its placements stays small enough for one payload."""

from __future__ import annotations

import pytest

from lateen.contracts.messages import PlacementOutcome
from lateen.delivery.progress import Progress, StepProgress
from lateen.model.json_values import canonical_json

_LARGEST_PAYLOAD = 2 * 1024 * 1024


@pytest.mark.parametrize("count", [1, 2000, 5000])
def test_placements_that_all_fail_at_length_fit_one_payload(count: int) -> None:
    progress = Progress(application="shop/web", intent="deliver")
    step = StepProgress("deploy", "deploy", phase="failed")
    for number in range(count):
        cluster = f"cluster-{number}"
        step.placements[cluster, "shop"] = PlacementOutcome(
            cluster=cluster, namespace="shop", phase="failed", message="x" * 2000
        )
    progress.steps["deploy"] = step
    assert len(canonical_json(progress.to_json())) < _LARGEST_PAYLOAD
    told = progress.shown_outcomes()[0].placements[0].message
    assert len(told) == (2000 if count == 1 else 301)
