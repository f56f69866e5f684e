"""Building programs from pinned Go modules into a cache that every checkout and stack shares.

A set is built into a scratch directory and renamed when it is complete: an interrupted build leaves
nothing that looks finished. A file lock keeps two builders of one set from doing the work twice.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lateen.local.errors import CommandFailed
from lateen.local.locking import alone
from lateen.local.processes import last_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lateen.local.progress import Progress, Step
    from lateen.local.toolsets import Toolset


class Cache:
    """Where built programs are kept, by name and version of their set."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def directory(self, toolset: Toolset) -> Path:
        """Return where the programs of a set are or will be."""
        machine = f"{platform.system()}-{platform.machine()}".lower()
        return self.root / "tools" / f"{toolset.name}-{toolset.version}-{machine}"

    def find(self, toolset: Toolset) -> dict[str, Path] | None:
        """Return the programs of a set if they are all there."""
        paths = {name: self.directory(toolset) / name for name in toolset.programs}
        return paths if all(os.access(path, os.X_OK) for path in paths.values()) else None

    def build(self, toolset: Toolset, *, go: Path, progress: Progress) -> dict[str, Path]:
        """Build a set with Go, unless somebody else just did; raises CommandFailed if it fails."""
        target = self.directory(toolset)
        lock = target.with_name(f"{target.name}.lock")
        waiting = f"another process that builds {toolset.name}"
        with alone(lock, waiting_for=waiting, progress=progress):
            built = self.find(toolset)
            if built is not None:
                return built
            for abandoned in target.parent.glob(f".{target.name}-*"):
                shutil.rmtree(abandoned, ignore_errors=True)
            scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
            try:
                with progress.step(_announcement(toolset)) as step:
                    _compile(toolset, into=scratch, go=go, step=step)
                shutil.rmtree(target, ignore_errors=True)
                scratch.rename(target)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        return {name: target / name for name in toolset.programs}


def _announcement(toolset: Toolset) -> str:
    names = ", ".join(toolset.programs)
    unit = "minute" if toolset.minutes == 1 else "minutes"
    return f"building {names} from source (go build, about {toolset.minutes} {unit} the first time)"


def _compile(toolset: Toolset, *, into: Path, go: Path, step: Step) -> None:
    env = {"GOWORK": "off", "GOBIN": str(into)}
    flags = ["-v", "-trimpath", "-ldflags", f"-s -w {toolset.ldflags}".rstrip()]
    if toolset.module is None:
        targets = [f"{package}@v{toolset.version}" for package in toolset.packages.values()]
        _go([go, "install", *flags, *targets], cwd=into, env=env, step=step)
        return
    flags.append("-mod=readonly")
    packages = toolset.packages.values()
    if len(packages) > 1 and set(map(_last, packages)) == set(toolset.programs):
        _go(
            [go, "build", *flags, "-o", f"{into}/", *packages],
            cwd=toolset.module,
            env=env,
            step=step,
        )
        return
    for name, package in toolset.packages.items():
        _go(
            [go, "build", *flags, "-o", into / name, package],
            cwd=toolset.module,
            env=env,
            step=step,
        )


def _last(package: str) -> str:
    """Return what Go names the program of a package when nobody else does."""
    return package.rpartition("/")[2]


def _go(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], step: Step) -> None:
    """Run Go; count the modules it fetches and the packages it compiles, named one a line."""
    fetched = compiled = 0
    heard: list[str] = []
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stderr or ():
                heard = [*heard[-60:], line]
                fetched += line.startswith("go: downloading")
                compiled += not line.startswith(("go:", "#", "\t"))
                step.say(
                    f"{compiled} packages compiled" if compiled else f"{fetched} modules fetched"
                )
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        shown = " ".join(["go", str(command[1]), str(command[-1])])
        message = f"`{shown}` failed with exit code {process.returncode}"
        raise CommandFailed(message, output=last_lines("".join(heard)))
