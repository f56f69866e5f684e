"""Unquoted scalars mean what they mean to Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.texts.yaml_scalars import resolve_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            (word, True)
            for word in ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "ON")
        ),
        *((word, False) for word in ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "Off")),
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, word) for word in ("yEs", "nULL", "tRUE", "none", "None", "nan", "inf", "NaN")),
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("1_000", 1000),
        ("010", 8),
        ("-010", -8),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0xff", -255),
        ("0b101", 5),
        ("08", 8),
        ("089", 89),
        ("0o8", "0o8"),
        ("0xg", "0xg"),
        ("0b2", "0b2"),
        ("9223372036854775807", 2**63 - 1),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 1.8446744073709552e19),
        ("9" * 5000, "9" * 5000),
        ("1.5", 1.5),
        ("1.0", 1),
        ("-.5", -0.5),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("1E-2", 0.01),
        ("1e400", "1e400"),
        (".", "."),
        ("-", "-"),
        ("+", "+"),
        ("..", ".."),
        ("1.2.3", "1.2.3"),
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("2020-01-01", "2020-01-01"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("100m", "100m"),
        ("1Gi", "1Gi"),
        ("nginx:1.20", "nginx:1.20"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_plain_scalars(text: str, value: Any) -> None:
    found = resolve_plain(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.inf", "+.Inf", ".INF"])
def test_numbers_that_json_does_not_know_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        resolve_plain(text)
