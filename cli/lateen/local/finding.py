"""Finding programs: named by the environment, on PATH, in the cache, prebuilt, or built.

``LATEEN_TOOL_<NAME>`` (``LATEEN_TOOL_KUBE_APISERVER=/opt/kube-apiserver``) names a program and is
believed. One on PATH must report a version that works. Downloading is left to those who know how:
kwokctl fetches the parts of a cluster, Temporal's SDK fetches its dev server; here a short probe
decides whether they should try, and one failure is enough to build everything else from source.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lateen.local import prebuilt
from lateen.local.errors import CommandFailed, ToolMissing
from lateen.local.processes import run
from lateen.local.progress import Progress
from lateen.local.toolsets import ETCD, KUBECTL, KUBERNETES, KWOK, KWOKCTL, TEMPORAL, Toolset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lateen.local.building import Cache

_LEFT_TO_KWOKCTL = (KWOK, KUBERNETES, ETCD, KUBECTL)


@dataclass(frozen=True)
class Found:
    """Where the programs of a set are.

    ``source`` is ``environment``, ``PATH``, ``cache``, ``prebuilt`` or ``built``. Programs that
    kwokctl is going to fetch itself have no path yet: ``paths`` is empty then.
    """

    source: str
    paths: Mapping[str, Path]


class Toolbox:
    """Finds programs, each once; remembers what was found and whether downloads work."""

    def __init__(
        self,
        cache: Cache,
        *,
        environ: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        reachable: Callable[[str], bool] | None = None,
        fetch_temporal: Callable[[Path], Path | None] | None = None,
    ) -> None:
        self._cache = cache
        self._environ = os.environ if environ is None else environ
        self._progress = progress or Progress()
        self._reachable = reachable or prebuilt.reachable
        self._fetch_temporal = fetch_temporal or prebuilt.fetch_temporal
        self._downloads = self._environ.get("LATEEN_DOWNLOADS", "").lower() not in {
            "0",
            "no",
            "never",
        }
        self._found: dict[str, Found] = {}

    @property
    def downloads(self) -> Path:
        """The directory, shared by all stacks, for what others download."""
        return self._cache.root / "downloads"

    def find(self, toolset: Toolset) -> Found:
        """Find a set; raises ToolMissing when there is neither the program nor a way to get it."""
        if toolset.name not in self._found:
            self._found[toolset.name] = (
                self._named(toolset)
                or self._installed(toolset)
                or self._cached(toolset)
                or self._prebuilt(toolset)
                or self._built(toolset)
            )
        return self._found[toolset.name]

    def path(self, toolset: Toolset) -> Path:
        """Find the only program of a set."""
        return self.find(toolset).paths[toolset.programs[0]]

    def give_up_downloads(self) -> None:
        """Forget what was left to be downloaded, because downloading failed: it will be built."""
        self._downloads = False
        self._found = {name: found for name, found in self._found.items() if found.paths}

    def _named(self, toolset: Toolset) -> Found | None:
        named = {name: self._environ.get(_variable(name)) for name in toolset.programs}
        paths = {name: Path(value).expanduser() for name, value in named.items() if value}
        for name, path in paths.items():
            if not os.access(path, os.X_OK):
                raise ToolMissing(
                    f"{_variable(name)} names {str(path)!r}, which is no program that can be run"
                )
        if not paths:
            return None
        missing = sorted(set(toolset.programs) - set(paths))
        if missing:
            wanted = ", ".join(_variable(name) for name in missing)
            raise ToolMissing(
                f"{', '.join(sorted(paths))} is named by the environment, so set {wanted} as well"
            )
        return Found("environment", paths)

    def _installed(self, toolset: Toolset) -> Found | None:
        search = self._environ.get("PATH", os.defpath)
        paths = {name: shutil.which(name, path=search) for name in toolset.programs}
        present = {name: Path(path) for name, path in paths.items() if path}
        if len(present) < len(paths):
            return None
        versions = {_version(toolset, path) for path in present.values()}
        usable = len(versions) == 1 and None not in versions
        return Found("PATH", present) if usable else None

    def _cached(self, toolset: Toolset) -> Found | None:
        paths = self._cache.find(toolset)
        return Found("cache", paths) if paths else None

    def _prebuilt(self, toolset: Toolset) -> Found | None:
        if not self._downloads:
            return None
        if toolset in _LEFT_TO_KWOKCTL:
            return Found("prebuilt", {}) if self._kwokctl_can_fetch(toolset) else None
        if toolset == TEMPORAL:
            with self._progress.step("downloading the Temporal dev server"):
                path = self._fetch_temporal(self.downloads)
            self._downloads = path is not None
            return Found("prebuilt", {"temporal": path}) if path else None
        return None

    def _kwokctl_can_fetch(self, toolset: Toolset) -> bool:
        artifacts = run([self.path(KWOKCTL), "get", "artifacts", "--runtime", "binary"], timeout=20)
        urls = [line.split("#")[0] for line in artifacts.split() if toolset.programs[0] in line]
        self._downloads = bool(urls) and self._reachable(urls[0])
        return self._downloads

    def _built(self, toolset: Toolset) -> Found:
        go = shutil.which("go", path=self._environ.get("PATH", os.defpath))
        if go is None:
            raise ToolMissing(
                f"{', '.join(toolset.programs)}: neither on PATH nor in the cache, and no download"
                " is possible; install Go 1.26 or newer (https://go.dev/dl) to have it built,"
                f" or {toolset.install},"
                f" or name it with {_variable(toolset.programs[0])}"
            )
        return Found("built", self._cache.build(toolset, go=Path(go), progress=self._progress))


def _variable(program: str) -> str:
    return "LATEEN_TOOL_" + program.upper().replace("-", "_")


def _version(toolset: Toolset, path: Path) -> str | None:
    """Ask a program for its version; None if it is not the one we mean or too old."""
    try:
        return toolset.usable_version(run([path, *toolset.version_arguments], timeout=10))
    except CommandFailed:
        return None
