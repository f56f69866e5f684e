"""Where programs come from, in which order, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lateen.local.building import Cache
from lateen.local.errors import ToolMissing
from lateen.local.finding import Toolbox
from lateen.local.toolsets import ETCD, KUBERNETES, KWOKCTL, TEMPORAL

KWOKCTL_URLS = "https://example.invalid/etcd.tar.gz#etcd https://example.invalid/kube-apiserver"


def program(directory: Path, name: str, says: str) -> Path:
    """Put a program into a directory that answers every question with one sentence."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def fake_go(directory: Path) -> None:
    """A Go that "builds" etcd into the place named by ``-o``."""
    path = program(directory, "go", "")
    path.write_text(
        "#!/bin/sh\n"
        "while [ $# -gt 0 ]; do\n"
        '  if [ "$1" = -o ]; then echo built > "$2"; chmod +x "$2"; fi; shift\n'
        "done\n"
    )


class Fixture:
    """A machine with a PATH, a cache and a network of our own making."""

    def __init__(self, root: Path) -> None:
        self.path = root / "bin"
        self.path.mkdir()
        self.cache = Cache(root / "cache")
        self.environ = {"PATH": str(self.path)}
        self.asked: list[str] = []
        self.network = False

    def toolbox(self) -> Toolbox:
        return Toolbox(
            self.cache,
            environ=self.environ,
            reachable=self._reachable,
            fetch_temporal=lambda directory: None,
        )

    def _reachable(self, url: str) -> bool:
        self.asked.append(url)
        return self.network


@pytest.fixture
def machine(tmp_path: Path) -> Fixture:
    return Fixture(tmp_path)


def test_a_program_on_path_comes_first(machine: Fixture) -> None:
    """What the user installed is used, although the cache has one as well."""
    installed = program(machine.path, "etcd", "etcd Version: 3.6.8")
    program(machine.cache.directory(ETCD), "etcd", "etcd Version: 3.6.8")
    found = machine.toolbox().find(ETCD)
    assert found.source == "PATH"
    assert found.paths == {"etcd": installed}


@pytest.mark.parametrize("says", ["etcd Version: 3.3.10", "etcd, a game", ""])
def test_a_program_on_path_that_will_not_do_is_passed_over(machine: Fixture, says: str) -> None:
    """A program that is too old, or only shares the name, is not used."""
    program(machine.path, "etcd", says)
    cached = program(machine.cache.directory(ETCD), "etcd", "etcd Version: 3.6.8")
    found = machine.toolbox().find(ETCD)
    assert found.source == "cache"
    assert found.paths == {"etcd": cached}


def test_another_program_named_temporal_is_passed_over(machine: Fixture) -> None:
    """A command called ``temporal`` must be Temporal's, with a server that is new enough."""
    program(machine.path, "temporal", "temporal version 2.4.0, the calendar")
    cached = program(machine.cache.directory(TEMPORAL), "temporal", "")
    assert machine.toolbox().path(TEMPORAL) == cached


def test_temporal_is_known_by_its_servers_version(machine: Fixture) -> None:
    """What counts is the server inside the command, also when the command has no version."""
    installed = program(
        machine.path, "temporal", "temporal version 0.0.0-DEV (Server 1.29.7, UI 2.42.1)"
    )
    assert machine.toolbox().path(TEMPORAL) == installed


def test_programs_of_different_releases_are_not_mixed(machine: Fixture) -> None:
    """An API server never gets the controller manager of another release."""
    program(machine.path, "kube-apiserver", "Kubernetes v1.36.1")
    program(machine.path, "kube-controller-manager", "Kubernetes v1.35.0")
    program(machine.path, "kube-scheduler", "Kubernetes v1.36.1")
    for name in KUBERNETES.programs:
        program(machine.cache.directory(KUBERNETES), name, "Kubernetes v1.36.3")
    assert machine.toolbox().find(KUBERNETES).source == "cache"


def test_the_environment_names_a_program(machine: Fixture, tmp_path: Path) -> None:
    """``LATEEN_TOOL_<NAME>`` is believed without a question, whatever PATH has."""
    program(machine.path, "etcd", "etcd Version: 3.6.8")
    named = program(tmp_path / "mine", "my-etcd", "no version at all")
    machine.environ["LATEEN_TOOL_ETCD"] = str(named)
    found = machine.toolbox().find(ETCD)
    assert found.source == "environment"
    assert found.paths == {"etcd": named}


def test_the_environment_names_something_that_is_no_program(machine: Fixture) -> None:
    """The error names the variable and its value."""
    machine.environ["LATEEN_TOOL_ETCD"] = "/nowhere/etcd"
    with pytest.raises(ToolMissing, match=r"LATEEN_TOOL_ETCD names '/nowhere/etcd'"):
        machine.toolbox().find(ETCD)


def test_the_environment_names_only_a_part_of_a_set(machine: Fixture) -> None:
    """Naming the API server alone would mix releases: the error says what else to name."""
    machine.environ["LATEEN_TOOL_KUBE_APISERVER"] = str(program(machine.path, "any", ""))
    with pytest.raises(ToolMissing, match="LATEEN_TOOL_KUBE_CONTROLLER_MANAGER"):
        machine.toolbox().find(KUBERNETES)


def test_what_can_be_downloaded_is_left_to_kwokctl(machine: Fixture) -> None:
    """Where the network has it, kwokctl fetches it; the probe asks for kwokctl's own address."""
    program(machine.path, "kwokctl", f"kwokctl version v0.8.0 {KWOKCTL_URLS}")
    machine.network = True
    found = machine.toolbox().find(ETCD)
    assert (found.source, found.paths) == ("prebuilt", {})
    assert machine.asked == ["https://example.invalid/etcd.tar.gz"]


def test_a_failed_download_is_asked_for_once(machine: Fixture) -> None:
    """Without a network one probe is enough for the whole run, and everything is built."""
    program(machine.path, "kwokctl", f"kwokctl version v0.8.0 {KWOKCTL_URLS}")
    for name in KUBERNETES.programs:
        program(machine.cache.directory(KUBERNETES), name, "")
    fake_go(machine.path)
    toolbox = machine.toolbox()
    machine.environ["PATH"] += ":/usr/bin:/bin"
    assert toolbox.find(ETCD).source == "built"
    toolbox.find(TEMPORAL)
    assert len(machine.asked) == 1


def test_giving_up_downloads_builds_what_was_left_to_kwokctl(machine: Fixture) -> None:
    """When kwokctl's download fails after all, the same set is found again, by building it."""
    program(machine.path, "kwokctl", f"kwokctl version v0.8.0 {KWOKCTL_URLS}")
    fake_go(machine.path)
    machine.environ["PATH"] += ":/usr/bin:/bin"
    machine.network = True
    toolbox = machine.toolbox()
    assert toolbox.find(ETCD).source == "prebuilt"
    toolbox.give_up_downloads()
    assert toolbox.find(ETCD).source == "built"


def test_downloads_can_be_forbidden(machine: Fixture) -> None:
    """``LATEEN_DOWNLOADS=never`` doesn't even ask."""
    program(machine.path, "kwokctl", f"kwokctl version v0.8.0 {KWOKCTL_URLS}")
    machine.network = True
    machine.environ["LATEEN_DOWNLOADS"] = "never"
    with pytest.raises(ToolMissing):
        machine.toolbox().find(ETCD)
    assert machine.asked == []


def test_no_way_to_get_a_program_names_what_to_install(machine: Fixture) -> None:
    """Without program, download and Go the error says what to install and how to name it."""
    with pytest.raises(ToolMissing) as caught:
        machine.toolbox().find(KWOKCTL)
    message = str(caught.value)
    assert "kwokctl 0.8 or newer" in message
    assert "install Go" in message
    assert "LATEEN_TOOL_KWOKCTL" in message
