"""Distributions with plug-ins: packed as wheels, and installed away from the environment."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "deploy" / "plugin"


def install_example(target: Path, work: Path) -> None:
    """Let pip install the plug-in that users copy into ``target``."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["lateen.types"]
    (module,) = EXAMPLE.glob("*.py")
    wheel = pack(
        work,
        name=project["name"],
        version=project["version"],
        points=points,
        modules={module.name: module.read_text()},
    )
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(target), str(wheel)],
        check=True,
        capture_output=True,
    )


def install(target: Path, wheel: Path) -> None:
    """Unpack a wheel, which is all that installing a pure one means."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)


def pack(
    work: Path,
    *,
    name: str,
    version: str = "1.0",
    points: Mapping[str, str],
    modules: Mapping[str, str],
) -> Path:
    """Pack modules and entry points as a wheel in ``work``."""
    stem = f"{name.replace('-', '_')}-{version}"
    wheel = work / f"{stem}-py3-none-any.whl"
    listed = "\n".join(f"{key} = {value}" for key, value in points.items())
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in modules.items():
            archive.writestr(path, text)
        information = f"{stem}.dist-info"
        archive.writestr(
            f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{information}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{information}/entry_points.txt", f"[lateen.types]\n{listed}\n")
        archive.writestr(f"{information}/RECORD", "")
    return wheel
