"""``lateen migrate``: env-binding and deploy2env become topology, override and deploy, in the files."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lateen.cli.output import clean, say
from lateen.model.errors import InvalidManifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.client.migrating import MigratedText

_STDIN = "-"


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--write", is_flag=True, help="Change the files instead of printing the result.")
@click.option(
    "--check", is_flag=True, help="Print no result; exit with 1 if anything would change."
)
def migrate(files: tuple[Path, ...], write: bool, check: bool) -> None:
    """Turn env-binding policies and deploy2env steps into topology, override and deploy.

    FILES are files, directories with YAML or JSON files, or `-` for standard input. Comments, order
    and everything else stay as they are. Both forms of each application are planned and rendered:
    one whose clusters would not get exactly the same objects is refused, and its file is left as it
    is.
    """
    if write and check:
        raise click.UsageError("--write and --check exclude each other")
    if write and _STDIN in map(str, files):
        raise click.UsageError("standard input can't be changed; leave --write away")
    results: list[tuple[Path, MigratedText]] = []
    failed = False
    for path in _expanded(files):
        try:
            results.append((path, _migrated(path)))
        except InvalidManifest as error:
            say(f"Error: {error}")
            failed = True
    for path, result in results:
        _explain(path, result, done=write)
        if write and result.changes:
            _replace(path, result.text)
    good = [(path, result) for path, result in results if not result.refused]
    if not write and not check:
        _print(good)
    if failed or len(good) < len(results) or (check and any(each.changes for _, each in good)):
        raise SystemExit(1)


def _expanded(given: Iterable[Path]) -> list[Path]:
    """Put the files of directories in their place. Raises ``InvalidManifest``."""
    from lateen.client.documents import files_of

    return [path for each in given for path in ([each] if str(each) == _STDIN else files_of(each))]


def _migrated(path: Path) -> MigratedText:
    """Read and migrate one file. Raises ``InvalidManifest``."""
    from lateen.client.documents import LARGEST
    from lateen.client.migrating import migrate_text
    from lateen.rendering.registry import builtin

    if str(path) == _STDIN:
        text = sys.stdin.buffer.read(LARGEST + 1)
        return migrate_text(text, source="standard input", registry=builtin())
    try:
        with path.open("rb") as stream:
            text = stream.read(LARGEST + 1)
    except OSError as error:
        raise InvalidManifest(f"{path}: can't be read: {error.strerror}") from error
    return migrate_text(text, source=str(path), registry=builtin())


def _explain(path: Path, result: MigratedText, *, done: bool) -> None:
    for reason in result.refused:
        say(f"{path}: refused: {reason}")
    if result.changes:
        say(f"{path}: {'changed' if done else 'would change'}, every cluster gets the same objects")
    elif not result.refused:
        say(f"{path}: nothing to migrate")
    for change in result.changes:
        say(f"  {change}")
    for note in result.notes:
        say(f"  note: {note}")


def _print(results: Sequence[tuple[Path, MigratedText]]) -> None:
    """Print the texts as they are; several of them as one stream of documents."""
    texts = [result.text for _, result in results]
    if len(texts) > 1:
        texts = [
            f"---\n# {clean(str(path))}\n{text}{'' if text.endswith(chr(10)) else chr(10)}"
            for (path, _), text in zip(results, texts, strict=True)
        ]
    if sys.stdout.isatty():
        texts = [clean(text, lines=True) for text in texts]
    for text in texts:
        click.echo(text.encode(), nl=False)  # as bytes: a line's end stays what it is


def _replace(path: Path, text: str) -> None:
    """Replace a file's content at once: whoever reads it sees the old or the new one, never half.

    The file keeps its mode, and a symbolic link stays one.
    """
    target = path.resolve()
    try:
        mode = target.stat().st_mode
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(text.encode())
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(mode & 0o7777)
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise click.ClickException(f"{path}: can't be written: {error.strerror}") from error
