"""Adding up what checks for drift found, within what the result of a workflow may hold. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lateen.contracts.drift import DriftReport, DriftSummary
from lateen.model.json_values import canonical_json

_LARGEST = 256 * 1024
"""Bytes of reports; it also travels from shard to shard, and Temporal takes 2 MB."""


def added(summary: DriftSummary, reports: Iterable[DriftReport]) -> DriftSummary:
    """Count reports, and keep those that say something; what doesn't fit is only counted."""
    counts = Counter(summary.counts)
    kept = list(summary.reports)
    omitted = summary.omitted
    size = sum(map(_size, kept))
    for report in reports:
        counts[report.state] += 1
        if report.is_quiet:
            continue
        size += _size(report)
        if size > _LARGEST:
            omitted += 1
        else:
            kept.append(report)
    return DriftSummary(counts=dict(sorted(counts.items())), reports=kept, omitted=omitted)


def _size(report: DriftReport) -> int:
    return len(canonical_json(report.to_json()))
