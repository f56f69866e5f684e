"""Building programs: nothing half done, nothing twice, and a compiler's words when it fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lateen.local.building import Cache
from lateen.local.errors import CommandFailed
from lateen.local.progress import Progress
from lateen.local.toolsets import ETCD, KUBERNETES, KWOKCTL
from support.temporal_on_postgres import SERVER

WRITES_WHAT_IS_ASKED = r"""#!/bin/sh
echo "$@" >> "{log}"
sleep {pause}
into="$GOBIN/kwokctl"
names=""
while [ $# -gt 0 ]; do
  case "$1" in
    -o) into="$2"; shift ;;
    k8s.io/*) names="$names ${{1##*/}}" ;;
  esac
  shift
done
case "$into" in
  */) for name in $names; do echo built > "$into$name"; chmod +x "$into$name"; done ;;
  *) echo built > "$into"; chmod +x "$into" ;;
esac
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "go.log"


def go(directory: Path, script: str) -> Path:
    path = directory / "go"
    path.write_text(script)
    path.chmod(0o755)
    return path


def test_programs_are_built_from_the_pinned_module(tmp_path: Path, log: Path) -> None:
    """One run of Go builds all programs of a set, read-only on the module's files."""
    compiler = go(tmp_path, WRITES_WHAT_IS_ASKED.format(log=log, pause=0))
    paths = Cache(tmp_path / "cache").build(KUBERNETES, go=compiler, progress=Progress())
    assert set(paths) == {"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
    assert all(path.read_text() == "built\n" for path in paths.values())
    (command,) = log.read_text().splitlines()
    assert command.startswith("build ")
    assert "-mod=readonly" in command
    assert "gitVersion=v1.36.3" in command


def test_programs_that_are_called_otherwise_than_their_packages_are_built_one_by_one(
    tmp_path: Path, log: Path
) -> None:
    """Go would name the server's program ``server``."""
    compiler = go(tmp_path, WRITES_WHAT_IS_ASKED.format(log=log, pause=0))
    paths = Cache(tmp_path / "cache").build(SERVER, go=compiler, progress=Progress())
    assert set(paths) == {"temporal-server", "temporal-sql-tool"}
    assert all(path.read_text() == "built\n" for path in paths.values())
    assert len(log.read_text().splitlines()) == 2


def test_programs_without_a_module_are_installed_at_their_version(
    tmp_path: Path, log: Path
) -> None:
    """kwokctl comes from its own module, at the version that was tried."""
    compiler = go(tmp_path, WRITES_WHAT_IS_ASKED.format(log=log, pause=0))
    Cache(tmp_path / "cache").build(KWOKCTL, go=compiler, progress=Progress())
    assert log.read_text().endswith("sigs.k8s.io/kwok/cmd/kwokctl@v0.8.0\n")


def test_two_builders_do_the_work_once(tmp_path: Path, log: Path) -> None:
    """The second waits for the first and takes what it built."""
    compiler = go(tmp_path, WRITES_WHAT_IS_ASKED.format(log=log, pause=0.3))

    def build(_: int) -> dict[str, Path]:
        return Cache(tmp_path / "cache").build(ETCD, go=compiler, progress=Progress())

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(build, range(2))
    assert first == second
    assert len(log.read_text().splitlines()) == 1


def test_a_failed_build_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    """The error ends with what the compiler said, and the next run starts afresh."""
    script = "#!/bin/sh\necho 'go: downloading x v1' >&2\necho 'no space left' >&2\nexit 1\n"
    cache = Cache(tmp_path / "cache")
    with pytest.raises(CommandFailed, match="no space left"):
        cache.build(ETCD, go=go(tmp_path, script), progress=Progress())
    assert cache.find(ETCD) is None
    assert [path.name for path in (tmp_path / "cache" / "tools").iterdir() if path.is_dir()] == []


def test_an_incomplete_set_is_not_found(tmp_path: Path) -> None:
    """A directory that lost one program counts as not built."""
    cache = Cache(tmp_path)
    directory = cache.directory(KUBERNETES)
    directory.mkdir(parents=True)
    (directory / "kube-apiserver").touch(mode=0o755)
    assert cache.find(KUBERNETES) is None
