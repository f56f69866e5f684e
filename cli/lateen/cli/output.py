"""What commands print: results on stdout, talk on stderr, and nothing that could drive a terminal.

Values come from users, clusters and Temporal. Control characters in them (ANSI escapes, carriage
returns, bidirectional overrides) are shown as escapes instead of being obeyed.
"""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType

Format = Literal["table", "json", "yaml"]
Tone = Literal["good", "open", "bad"]
Cell = str | int | float | bool | None

_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_WIDEST = 100_000
_TONES: Mapping[Tone, tuple[str, str]] = {
    "good": ("✓", "green"),
    "open": ("⏸", "yellow"),
    "bad": ("✗", "red"),
}

_STYLES: Mapping[str, str] = {
    "title": "bold",
    "plain": "",
    "added": "green",
    "removed": "red",
    "changed": "yellow",
    "problem": "bold red",
}


def clean(text: str, *, lines: bool = False) -> str:
    """Return ``text`` with everything invisible or steering as an escape.

    ``lines`` lets line feeds through, for texts that are meant to have several lines.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if lines and char == "\n" else _NAMED.get(char) or _escape(char) for char in text
    )


def result(text: str) -> None:
    """Print a line of a command's result."""
    click.echo(clean(text, lines=True))


def say(text: str) -> None:
    """Print what a person should know besides the result: progress, warnings, hints."""
    click.echo(clean(text, lines=True), err=True)


def verdict_line(text: str, *, tone: Tone) -> None:
    """Print how something ended: marked and coloured on a terminal, plain elsewhere."""
    if sys.stdout.isatty():
        mark, colour = _TONES[tone]
        click.echo(f"{click.style(mark, fg=colour)} {clean(text, lines=True)}")
    else:
        result(text)


def print_toned(lines: Iterable[tuple[str, str]]) -> None:
    """Print lines with their tones: coloured on a terminal unless ``NO_COLOR`` is set, plain elsewhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True) if sys.stdout.isatty() else None
    for tone, line in lines:
        if console is None:
            result(line)
        else:
            console.print(Text(clean(line, lines=True), style=_STYLES[tone]))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print rows below upper-case headings, as wide as they need to be.

    Never wraps or cuts a value: what is piped into another program must be whole.
    """
    text = table_text(columns, rows)
    if text:
        click.echo(text)


def table_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return what ``print_table`` prints."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        table.add_column(Text(clean(column)), no_wrap=True, overflow="ignore")
    for row in rows:
        table.add_row(*(Text(clean(_show(cell))) for cell in row))
    return whole_text(table)


def whole_text(drawing: RenderableType) -> str:
    """Return a drawing as text: the same for a terminal, pipe or file, without colours, nothing cut."""
    from rich.console import Console

    buffer = io.StringIO()
    # Measured on a page without end.
    console = Console(file=buffer, width=_WIDEST, color_system=None, force_terminal=False)
    console.print(drawing, crop=False, no_wrap=True, overflow="ignore")
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def print_structured(value: object, form: str) -> None:
    """Print a value as one document of JSON if ``form`` is that, else of YAML; keys keep their order."""
    if form == "json":
        click.echo(_json(value))
    else:
        click.echo(to_yaml(value), nl=False)


def print_change(value: object, form: str) -> None:
    """Print a value of a stream: a line of JSON if ``form`` is that, else a document of YAML."""
    if form == "json":
        text = json.dumps(value, ensure_ascii=False)
        click.echo("".join(map(_json_escape, text)))
    else:
        click.echo(f"---\n{to_yaml(value)}", nl=False)


def print_manifests(documents: Iterable[Mapping[str, Any]]) -> None:
    """Print objects as a stream of YAML documents that ``kubectl apply -f -`` reads."""
    for index, document in enumerate(documents):
        if index:
            click.echo("---")
        click.echo(to_yaml(document), nl=False)


def print_document(document: Mapping[str, Any] | None, *, comments: Iterable[str]) -> None:
    """Print one document of a YAML stream below comments; None prints only these."""
    click.echo("---")
    for comment in comments:
        click.echo(f"# {clean(comment)}")
    if document is not None:
        click.echo(to_yaml(document), nl=False)


def _show(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case _:
            return str(cell)


def _escape(char: str) -> str:
    if unicodedata.category(char) not in _ESCAPED:
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _json(value: object) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # Only strings can hold such a character, and there a JSON escape means the same.
    return "".join(char if char == "\n" else _json_escape(char) for char in text)


def _json_escape(char: str) -> str:
    if unicodedata.category(char) not in _ESCAPED:
        return char
    return json.dumps(char)[1:-1] if ord(char) > 0x7F else f"\\u{ord(char):04x}"


def to_yaml(value: object) -> str:
    """Return a value as YAML that is safe to print."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=_WIDEST)
    if clean(text, lines=True) != text:
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=_WIDEST)
    return text
