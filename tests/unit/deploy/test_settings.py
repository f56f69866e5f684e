"""The reference of settings lists what there is, under the names that work."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from lateen.cli.main import cli
from lateen.cli.working import worker

REFERENCE = Path(__file__).parents[3] / "deploy" / "README.md"
ROWS = {
    option: (variable, default)
    for option, variable, default in re.findall(
        r"^\| `(--[a-z-]+)` \| `([A-Z_]+)` \| ([^|]*) \|", REFERENCE.read_text(), flags=re.MULTILINE
    )
}
OPTIONS = {parameter.opts[-1]: parameter for parameter in worker.params}
OPTIONS = {
    name if name.startswith("--") else next(o for o in p.opts if o.startswith("--")): p
    for name, p in OPTIONS.items()
}


def test_every_option_is_listed_and_exists() -> None:
    assert set(ROWS) == set(OPTIONS)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_variable_and_default_are_right(name: str) -> None:
    """The variable is the one that click reads, and a plain default the one that it has."""
    option = OPTIONS[name]
    assert isinstance(option, click.Option)
    variable, default = ROWS[name]
    own = option.envvar if isinstance(option.envvar, str) else ""
    assert variable == (own or f"LATEEN_WORKER_{(option.name or '').upper()}")
    shown = re.fullmatch(r"`([^`]+)`", default.strip())
    if shown:
        assert str(option.default).lower() == shown[1]


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that holds nonsense is refused by name: it reached its option."""
    from click.testing import CliRunner

    monkeypatch.setenv("LATEEN_WORKER_DEADLINE", "soon")
    done = CliRunner().invoke(cli, ["worker"], auto_envvar_prefix="LATEEN")
    assert done.exit_code == 2
    assert "--deadline" in done.output
