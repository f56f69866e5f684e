"""`lateen migrate`: what it prints and writes, and how it exits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lateen.cli.main import cli

OLD = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: app}
spec:
  components:
  - {name: web, type: webservice, properties: {image: nginx}}
  policies:
  - name: envs   # two
    type: env-binding
    properties:
      envs:
      - name: test
      - name: prod
        placement:
          clusterSelector: {name: hangzhou}
"""
BAD = OLD.replace("{name: hangzhou}", "{labels: {region: hangzhou}}")
NEW = "name: deploy-envs-prod"


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["migrate", *map(str, arguments)], input=stdin)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    return path


def test_the_result_goes_to_stdout_and_the_explanation_to_stderr(old: Path) -> None:
    done = run(old)
    assert done.exit_code == 0
    assert NEW in done.stdout
    assert "# two" in done.stdout
    assert "becomes" not in done.stdout
    assert f"{old}: would change, every cluster gets the same objects" in done.stderr
    assert (
        "env 'prod' of policy 'envs' becomes topology 'envs-prod' (hangzhou/default)" in done.stderr
    )
    assert old.read_text() == OLD


def test_standard_input_is_a_file_too(old: Path) -> None:
    assert run("-", stdin=OLD).stdout == run(old).stdout


def test_writes_in_place_keeping_mode_and_link(old: Path, tmp_path: Path) -> None:
    old.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(old)
    expected = run(old).stdout
    done = run("--write", link)
    assert (done.exit_code, done.stdout) == (0, "")
    assert f"{link}: changed" in done.stderr
    assert old.read_text() == expected
    assert old.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "old.yaml"]


def test_check_tells_by_its_exit_code(old: Path) -> None:
    done = run("--check", old)
    assert (done.exit_code, done.stdout) == (1, "")
    assert old.read_text() == OLD
    run("--write", old)
    done = run("--check", old)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "nothing to migrate" in done.stderr


def test_a_file_that_is_right_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text("a:   1\n")
    os.utime(path, (1, 1))
    assert run("--write", path).exit_code == 0
    assert path.stat().st_mtime == 1
    assert run(path).stdout == "a:   1\n"


def test_a_refused_file_stays_and_the_others_change(old: Path, tmp_path: Path) -> None:
    bad, broken = tmp_path / "bad.yaml", tmp_path / "broken.yaml"
    bad.write_text(BAD)
    broken.write_text("a: [")
    done = run("--write", tmp_path)
    assert done.exit_code == 1
    assert f"{bad}: refused: Application default/app: spec.policies[0]" in done.stderr
    assert "does not support label selectors" in done.stderr
    assert f"Error: {broken}" in done.stderr
    assert (bad.read_text(), broken.read_text()) == (BAD, "a: [")
    assert NEW in old.read_text()
    assert run(bad).stdout == ""


def test_several_files_are_one_stream(old: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("a: 1")
    done = run(old, other)
    assert done.stdout == f"---\n# {old}\n{run(old).stdout}---\n# {other}\na: 1\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--write", "--check", "x"], "exclude each other"),
        (["--write", "-"], "standard input can't be changed"),
        ([], "Missing argument"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / "nope.yaml")
    assert done.exit_code == 1
    assert "nope.yaml: can't be read: No such file" in done.stderr
