"""The wheel holds all that runs: tried in an environment that has no checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

Run = Callable[..., str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Build and install the wheel; returns what runs Python there, in an empty folder."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        timeout=120,
    )
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")],
        check=True,
        timeout=60,
    )
    python = folder / "venv" / "bin" / "python"
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    # The dependencies of this environment, but not its link to the checkout: a path file that is
    # found through another one is not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(python), *arguments],
            cwd=elsewhere,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_is_the_wheel_that_runs(installed: Run) -> None:
    where = installed("-c", "import lateen.cli.main as m; print(m.__file__)")
    assert "/venv/" in where
    assert str(REPOSITORY) not in where
    assert "lateen" in installed("-m", "lateen.cli", "--version")


def test_what_is_needed_at_run_time_is_in_it(installed: Run) -> None:
    manifests = installed("-m", "lateen.cli", "install", "--dry-run")
    assert manifests.count("kind: CustomResourceDefinition") == 8
    assert "webservice" in installed("-m", "lateen.cli", "def", "list")
    program = (
        "from lateen.cli.demonstrating import examples; import lateen.local, pathlib;"
        "root = pathlib.Path(next(iter(lateen.local.__path__)));"
        "print(len(examples()), len(list(root.rglob('go.mod'))), len(list(root.rglob('go.sum'))))"
    )
    assert installed("-c", program).split() == ["10", "4", "4"]


def test_every_package_is_typed(installed: Run) -> None:
    program = (
        "import pathlib, lateen;"
        "packages = {p.parent for root in lateen.__path__ for p in pathlib.Path(root).rglob('__init__.py')};"
        "tops = [p for p in packages if p.parent.name == 'lateen'];"
        "print(sorted(p.name for p in tops if not (p / 'py.typed').exists()), len(tops))"
    )
    assert installed("-c", program).split() == ["[]", "17"]


def test_it_previews_an_example(installed: Run) -> None:
    program = (
        "import sys, lateen.cli.demonstrating as d; from lateen.cli.main import cli;"
        "cli(['dry-run', '--offline', '-f', str(d.examples()[0])])"
    )
    assert "kind: Deployment" in installed("-c", program)
