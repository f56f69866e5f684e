"""Versions of charts and ranges of them, as Helm reads them."""

from __future__ import annotations

import pytest

from lateen.sources.versions import InvalidRange, choose, is_exact

KNOWN = [
    "0.9.0",
    "1.0.0",
    "1.2.0",
    "1.2.3",
    "1.10.0",
    "2.0.0-rc.1",
    "2.0.0",
    "2.1.0-beta.2",
    "v3.0.1",
]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("latest", "v3.0.1"),
        ("*", "v3.0.1"),
        ("1.2.0", "1.2.0"),
        ("3.0.1", "v3.0.1"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("1", "1.10.0"),
        ("1.2", "1.2.3"),
        ("1.x", "1.10.0"),
        ("1.2.*", "1.2.3"),
        ("^1.0", "1.10.0"),
        ("^0.9", "0.9.0"),
        ("~1.2.1", "1.2.3"),
        ("~1", "1.10.0"),
        ("~>1.2", "1.2.3"),
        (">=1.2 <2", "1.10.0"),
        (">1.2, <=1.2.3", None),
        (">1.2.0, <=1.2.3", "1.2.3"),
        (">= 1.0.0, < 1.2.0", "1.0.0"),
        ("<=1.2", "1.2.3"),
        ("<1", "0.9.0"),
        (">1", "v3.0.1"),
        ("1.0.0 - 1.2.0", "1.2.0"),
        ("1.0.0 || 2.0.0", "2.0.0"),
        ("<3, !=2.0.0", "1.10.0"),
        ("~2.1.0-0", "2.1.0-beta.2"),
        (">=2.1.0 <3", None),
        ("7", None),
    ],
)
def test_the_newest_that_fits_is_chosen(wanted: str, chosen: str | None) -> None:
    assert choose(wanted, KNOWN) == chosen


@pytest.mark.parametrize("text", ["", "new", "1.2.3.4", ">>1", "1.2-", "^", "1 and 2", "||"])
def test_nonsense_is_no_range(text: str) -> None:
    with pytest.raises(InvalidRange):
        choose(text, KNOWN)


def test_what_has_three_parts_is_exact() -> None:
    assert is_exact("1.2.3")
    assert is_exact("1.2.3+build")
    assert not any(map(is_exact, ("1.2", "^1.2.3", "latest", "1.2.x", "a.b.c")))
