"""Printing: plain tables, stable documents, and nothing that drives a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from lateen.cli.output import (
    clean,
    print_manifests,
    print_structured,
    print_table,
    result,
    say,
)

NASTY = "a\x1b[31mb\rc\x00d\x9b2Je\u202ef\u200bg\u2028h\x7fi"


def printed(action: Callable[[], None]) -> Result:
    return CliRunner().invoke(click.Command("print", callback=action))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("北京 é 🚢", "北京 é 🚢"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\u202eevil", "\\u202eevil"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("[red]text[/red]", "[red]text[/red]"),
    ],
)
def test_control_characters_are_shown_not_obeyed(text: str, shown: str) -> None:
    """Escapes, bidirectional overrides and invisible characters become visible."""
    assert clean(text) == shown


def test_lines_pass_only_where_they_are_meant() -> None:
    """A text of several lines keeps them; a carriage return is never one."""
    assert clean("a\nb\rc", lines=True) == "a\nb\\rc"


def test_table_is_plain_and_never_cut() -> None:
    """No borders, no wrapping, no truncation, no trailing blanks, whatever the width."""
    long = "x" * 500
    rows = [("a", long, True), ("bb", None, 3)]
    found = printed(lambda: print_table(("NAME", "VALUE", "OK"), rows)).stdout.splitlines()
    assert found == [
        f"NAME   VALUE{' ' * 498}OK",
        f"a      {long}   true",
        f"bb     {' ' * 500}   3",
    ]


def test_table_without_rows_has_its_headings() -> None:
    """Nothing found is still a table."""
    assert printed(lambda: print_table(("NAME", "AGE"), [])).stdout == "NAME   AGE\n"


def test_table_cells_cannot_break_rows() -> None:
    """A value with line feeds, escapes or markup stays in its cell."""
    found = printed(lambda: print_table(("NAME", "B"), [(f"{NASTY}\n[bold]x", "y")])).stdout
    assert len(found.splitlines()) == 2
    assert "\x1b" not in found
    assert "[bold]x" in found


def test_table_aligns_wide_characters() -> None:
    """Chinese takes two columns each."""
    found = printed(lambda: print_table(("A", "B"), [("北京", "x"), ("abcd", "y")])).stdout
    assert found.splitlines()[1:] == ["北京   x", "abcd   y"]


@pytest.mark.parametrize("value", [{"b": 1, "a": [True, None, "北京"]}, [], {"nasty": NASTY}, "x"])
def test_documents_read_back_and_hold_no_control_characters(value: object) -> None:
    """JSON and YAML are what was meant, with every dangerous character escaped."""
    as_json = printed(lambda: print_structured(value, "json")).stdout
    as_yaml = printed(lambda: print_structured(value, "yaml")).stdout
    assert json.loads(as_json) == value
    assert yaml.safe_load(as_yaml) == value
    for text in (as_json, as_yaml):
        assert clean(text, lines=True) == text


def test_documents_keep_order_and_letters() -> None:
    """Keys as given; readable letters stay readable."""
    text = printed(lambda: print_structured({"b": "北京", "a": 1}, "json")).stdout
    assert text == '{\n  "b": "北京",\n  "a": 1\n}\n'


def test_manifests_are_a_stream() -> None:
    """Several documents, separated, each readable."""
    documents = [{"kind": "A"}, {"kind": "B", "text": "x: y\n"}]
    text = printed(lambda: print_manifests(documents)).stdout
    assert list(yaml.safe_load_all(text)) == documents


def test_talk_goes_to_stderr_and_results_to_stdout() -> None:
    """A pipe gets results only; both are neutralised."""

    def both() -> None:
        result(f"result {NASTY}")
        say(f"talk {NASTY}")

    found = printed(both)
    assert found.stdout.startswith("result a\\x1b")
    assert found.stderr.startswith("talk a\\x1b")
    assert "\x1b" not in found.output
