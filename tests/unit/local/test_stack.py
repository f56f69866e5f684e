"""The stack's files and commands, without a cluster."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lateen.cli.stack import local
from lateen.local import kubeconfigs
from lateen.local.errors import LocalStackError, ToolMissing
from lateen.local.settings import cache_directory, state_directory
from lateen.local.stack import Stack


def stopped_stack(directory: Path) -> Path:
    """Lay out the files of a stack whose processes don't run, under a name that needs quoting."""
    state = directory / "my stack"
    state.mkdir()
    (state / "stack.json").write_text('{"provider": "kwok"}')
    (state / "temporal.json").write_text('{"server": 7299, "ui": 8299}')
    (state / "kwok" / "clusters" / "local").mkdir(parents=True)
    server = {"cluster": {"server": "https://127.0.0.1:1"}}
    path = state / "kwok" / "kubeconfigs" / "local.yaml"
    kubeconfigs.write(path, {"clusters": [server], "users": [], "contexts": []})
    return state


def test_env_prints_what_a_shell_can_evaluate(tmp_path: Path) -> None:
    """Three variables, quoted."""
    state = stopped_stack(tmp_path)
    result = CliRunner().invoke(local, ["env", "--state-dir", str(state)])
    assert result.output.splitlines() == [
        "export TEMPORAL_ADDRESS=127.0.0.1:7299",
        f"export LATEEN_HUB_KUBECONFIG='{state}/kwok/kubeconfigs/local.yaml'",
        f"export KUBECONFIG='{state}/kubeconfig'",
    ]


def test_status_of_a_stopped_stack(tmp_path: Path) -> None:
    """Every part is listed as stopped, and the exit code says that not all runs."""
    state = stopped_stack(tmp_path)
    result = CliRunner().invoke(local, ["status", "-o", "json", "--state-dir", str(state)])
    assert result.exit_code == 1
    assert [(part["name"], part["state"]) for part in json.loads(result.stdout)] == [
        ("local", "stopped"),
        ("temporal", "stopped"),
        ("temporal-ui", "stopped"),
    ]


def test_the_provider_of_a_stack_can_not_be_changed(tmp_path: Path) -> None:
    """Clusters of two kinds would share names; the error says how to go on."""
    stack = Stack(stopped_stack(tmp_path), provider="kind")
    with pytest.raises(LocalStackError, match="made by kwok, not kind; remove it with"):
        stack.up()


def test_kind_without_docker_fails_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started, and another provider may be chosen next."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="kind needs a Docker engine"):
        Stack(tmp_path / "state", provider="kind").up()
    assert not (tmp_path / "state" / "stack.json").exists()
    assert not (tmp_path / "state" / "temporal.json").exists()


def test_a_bad_cluster_name_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """Names become file names and host names."""
    with pytest.raises(LocalStackError, match=r"'\.\./x' can't be a cluster's name"):
        Stack(tmp_path / "state").up(["../x"])
    assert not (tmp_path / "state").exists()


def test_down_of_what_was_never_up_does_nothing(tmp_path: Path) -> None:
    """A directory that is no stack is not removed, whatever is in it."""
    Stack(tmp_path / "none").down(delete=True)
    (tmp_path / "precious.txt").write_text("x")
    Stack(tmp_path).down(delete=True)
    assert (tmp_path / "precious.txt").exists()
    assert not (tmp_path / "none").exists()


def test_directories_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables move state and cache from where the system wants them."""
    monkeypatch.setenv("LATEEN_STATE_DIR", str(tmp_path / "s"))
    monkeypatch.setenv("LATEEN_CACHE_DIR", str(tmp_path / "c"))
    assert (state_directory(), cache_directory()) == (tmp_path / "s", tmp_path / "c")
    monkeypatch.delenv("LATEEN_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert state_directory() == tmp_path / "xdg" / "lateen" / "local"
