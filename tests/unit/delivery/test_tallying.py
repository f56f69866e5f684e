"""The summary of a check stays within what Temporal takes as a result."""

from __future__ import annotations

from lateen.contracts.drift import DriftReport, DriftSummary
from lateen.delivery.tallying import added
from lateen.model.json_values import canonical_json


def test_counts_add_up_and_quiet_reports_are_left_out() -> None:
    clean = DriftReport(application="ns/a", state="clean")
    told = DriftReport(application="ns/b", state="busy", message="a delivery is open")
    first = added(DriftSummary(), [clean, told])
    both = added(first, [clean, clean])
    assert both.counts == {"busy": 1, "clean": 3}
    assert both.checked == 4
    assert both.reports == [told]


def test_what_does_not_fit_is_counted() -> None:
    long = [
        DriftReport(application=f"ns/a{number}", state="unchecked", message="x" * 2000)
        for number in range(2000)
    ]
    found = added(added(DriftSummary(), long[:1000]), long[1000:])
    assert found.counts == {"unchecked": 2000}
    assert len(found.reports) + found.omitted == 2000
    assert len(canonical_json(found.to_json())) < 300_000
