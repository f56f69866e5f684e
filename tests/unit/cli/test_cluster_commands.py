"""`lateen cluster` and `lateen install` as far as they go without a cluster."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from lateen.cli.clusters import table_rows
from lateen.cli.connecting import HubUnreachable
from lateen.cli.main import cli
from lateen.cli.registering import register_search_attributes
from lateen.client.connecting import TemporalUnavailable
from lateen.hub.cluster_errors import RegistryError
from lateen.hub.registrations import RegisteredCluster, local_cluster
from lateen.kube.errors import InvalidCredentials, UnsafeCredentials


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin)


def kubeconfig(server: str = "https://127.0.0.1:1", **user: object) -> str:
    return json.dumps(
        {
            "current-context": "c",
            "clusters": [
                {"name": "member", "cluster": {"server": server, "insecure-skip-tls-verify": True}}
            ],
            "contexts": [{"name": "c", "context": {"cluster": "member", "user": "u"}}],
            "users": [{"name": "u", "user": user or {"token": "hunter2"}}],
        }
    )


@pytest.fixture
def dead_hub(tmp_path: Path) -> str:
    """A kubeconfig of a hub where nothing listens."""
    path = tmp_path / "hub"
    path.write_text(kubeconfig())
    return str(path)


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections and never answer, as a host behind a broken firewall does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


def test_rows_are_those_of_kubevela() -> None:
    """One label a row, further ones below; `local` shows none of its own."""
    found = RegisteredCluster(
        name="hangzhou-1",
        type="X509Certificate",
        endpoint="https://127.0.0.1:28120",
        alias="West",
        labels={"region": "hangzhou", "b": "2", "cluster.core.oam.dev/control-plane": "false"},
    )
    assert table_rows(found) == [
        ("hangzhou-1", "West", "X509Certificate", "https://127.0.0.1:28120", "true", "b=2"),
        ("", "", "", "", "", "region=hangzhou"),
    ]
    assert table_rows(local_cluster()) == [("local", "", "Internal", "-", "true", "")]


@pytest.mark.parametrize(
    "arguments",
    [
        ("cluster", "list"),
        ("cluster", "probe", "a"),
        ("cluster", "detach", "a"),
        ("cluster", "rename", "a", "b"),
        ("cluster", "alias", "a", "b"),
        ("cluster", "labels", "add", "a", "k=v"),
        ("install",),
    ],
)
def test_dead_hub_is_one_sentence(dead_hub: str, arguments: tuple[str, ...]) -> None:
    """Every command says in one line, quickly, that the hub doesn't answer and what to check."""
    begun = time.monotonic()
    found = run(*arguments, "--hub-kubeconfig", dead_hub)
    assert time.monotonic() - begun < 2
    assert isinstance(found.exception, HubUnreachable)
    assert "https://127.0.0.1:1 can't be reached" in str(found.exception)
    assert "--hub-kubeconfig" in str(found.exception)
    assert "\n" not in str(found.exception)
    assert "hunter2" not in str(found.exception)


def test_silent_hub_is_given_up_within_two_seconds(tmp_path: Path) -> None:
    """A server that accepts and never answers the TLS handshake is as dead as none."""
    with silent_server() as port:
        path = tmp_path / "hub"
        path.write_text(kubeconfig(f"https://127.0.0.1:{port}"))
        begun = time.monotonic()
        found = run("cluster", "list", "--hub-kubeconfig", str(path))
        assert time.monotonic() - begun < 2
        assert isinstance(found.exception, HubUnreachable)


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ({"exec": {"command": "/tmp/evil", "apiVersion": "v1"}}, "evil"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider"),
        ({"tokenFile": "/etc/shadow"}, "tokenFile"),
        ({"client-key": "/etc/shadow"}, "names a file"),
    ],
)
def test_unsafe_kubeconfig_is_refused(dead_hub: str, user: dict[str, object], reason: str) -> None:
    """Programs and files of somebody else's kubeconfig are neither run nor read."""
    found = run(
        *("cluster", "join", "-", "--insecure-skip-tls-verify", "--hub-kubeconfig", dead_hub),
        stdin=kubeconfig("https://127.0.0.1:1", **user),
    )
    assert isinstance(found.exception, UnsafeCredentials)
    assert reason in str(found.exception)


def test_insecure_kubeconfig_needs_the_flag(dead_hub: str) -> None:
    """`insecure-skip-tls-verify` in the file alone is refused before anything is sent."""
    found = run("cluster", "join", "-", "--hub-kubeconfig", dead_hub, stdin=kubeconfig("https://h"))
    assert isinstance(found.exception, UnsafeCredentials)
    assert "insecure" in str(found.exception)


@pytest.mark.parametrize("content", ["", "a: [", "[]", "clusters: 3\ncurrent-context: a"])
def test_broken_kubeconfig_is_an_error(dead_hub: str, content: str) -> None:
    """Neither a traceback nor a quotation of the file."""
    found = run("cluster", "join", "-", "--hub-kubeconfig", dead_hub, stdin=content)
    assert isinstance(found.exception, InvalidCredentials)


def test_missing_kubeconfig_names_the_path(tmp_path: Path) -> None:
    """The file that can't be read, and why."""
    found = run("cluster", "join", str(tmp_path / "none"))
    assert found.exit_code == 1
    assert "none" in found.stderr
    assert "No such file" in found.stderr


@pytest.mark.parametrize("labels", ["a", "=b", "a=1,a=2", "a=b,,c=d"])
def test_malformed_labels_are_usage_errors(dead_hub: str, labels: str) -> None:
    """`KEY=VALUE,...` or an explanation."""
    found = run("cluster", "labels", "add", "x", labels, "--hub-kubeconfig", dead_hub)
    assert found.exit_code == 2
    assert "label" in found.stderr


def test_local_cannot_be_joined(dead_hub: str) -> None:
    """Refused before the hub is asked for anything."""
    found = run(
        *("cluster", "join", "-", "--name", "local", "--insecure-skip-tls-verify"),
        *("--hub-kubeconfig", dead_hub),
        stdin=kubeconfig(),
    )
    assert isinstance(found.exception, RegistryError)
    assert "reserved" in str(found.exception)


def test_dry_run_prints_manifests_without_a_hub() -> None:
    """`lateen install --dry-run | kubectl apply -f -` has everything, and nothing else."""
    found = run("install", "--dry-run", "--temporal", "--namespace", "clusters")
    documents = list(yaml.safe_load_all(found.stdout))
    kinds = {item["kind"] for item in documents}
    assert {"Namespace", "CustomResourceDefinition", "ClusterRole", "Role"} <= kinds
    assert "LateenApplication" in found.stderr
    assert found.exit_code == 0


async def test_silent_temporal_server_is_given_up_within_two_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Temporal server that never answers is one sentence, too."""
    with silent_server() as port:
        monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
        begun = time.monotonic()
        with pytest.raises(TemporalUnavailable, match=f"127.0.0.1:{port}"):
            await asyncio.wait_for(register_search_attributes(), 5)
        assert time.monotonic() - begun < 2


def test_an_unknown_temporal_profile_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "nirvana")
    found = run("ls")
    assert isinstance(found.exception, TemporalUnavailable)
    assert "'nirvana' not found; check TEMPORAL_PROFILE" in str(found.exception)


def test_parts_of_install_fail_independently(
    dead_hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead hub doesn't keep Temporal's part from being tried: both are reported."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    found = run("install", "--temporal", "--hub-kubeconfig", dead_hub)
    assert "the hub cluster at" in found.stderr
    assert isinstance(found.exception, TemporalUnavailable)
    assert "127.0.0.1:1;" in str(found.exception)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_its_installation(shell: str) -> None:
    """The script calls back `lateen`, and says how it is loaded."""
    found = run("completion", shell)
    assert f"_LATEEN_COMPLETE={shell}_complete" in found.stdout
    assert found.stdout.startswith("# ")
    assert f"lateen completion {shell}" in found.stdout


def test_completion_finds_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument it is that of $SHELL; an unknown one is named."""
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert "#compdef lateen" in run("completion").stdout
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    found = run("completion")
    assert found.exit_code == 2
    assert "'tcsh'" in found.stderr
