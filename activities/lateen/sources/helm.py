"""The helm program: it renders a chart that is here already, and asks neither a network nor a cluster."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.model.errors import LateenError
from lateen.programs.finding import find_program, variable_of
from lateen.programs.running import Limits, ProgramStopped, run_program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lateen.model.base import Json

VARIABLE = variable_of("helm")
"""Names the program."""

_LIMITS = Limits(seconds=45, cpu_seconds=40, output=16 << 20)
_ARCHIVE, _VALUES = "chart.tgz", "values.yaml"
_NOWHERE = "http://127.0.0.1:1"
_WHERE = re.compile(r"[\w./-]+\.(?:ya?ml|tpl|txt):\d+(?::\d+)?")
_UNREADABLE = re.compile("[\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LONGEST = 600


class HelmMissing(LateenError):
    """There is no helm program here."""

    def __init__(self) -> None:
        super().__init__(
            "charts need the program helm, which is not here; run `lateen local tools`, put helm on the PATH "
            f"of every worker (https://helm.sh/docs/intro/install), or name it with {VARIABLE}"
        )


class RenderFailed(LateenError):
    """Helm can't render a chart with these values."""


@dataclass(frozen=True)
class Rendering:
    """What is rendered. ``private`` values are never repeated in an error; ``kube_version`` is ``1.36.0``."""

    archive: bytes
    release: str
    namespace: str
    values: Json
    include_crds: bool
    kube_version: str
    private: bool = False


def render_chart(rendering: Rendering, program: Path | None = None) -> str:
    """Return what helm makes of a chart, as YAML. Blocks; raises ``HelmMissing``, ``RenderFailed``."""
    program = program or find_program("helm")
    if program is None:
        raise HelmMissing
    arguments = ["template", rendering.release, _ARCHIVE, "--namespace", rendering.namespace]
    arguments += ["--values", _VALUES]
    if rendering.kube_version:
        arguments += ["--kube-version", rendering.kube_version]
    if rendering.include_crds:
        arguments.append("--include-crds")
    files = {_ARCHIVE: rendering.archive, _VALUES: _yaml(rendering.values)}
    try:
        printed = run_program(
            program, arguments, files=files, environment=_environment, limits=_LIMITS
        )
    except ProgramStopped as error:
        raise RenderFailed(str(error)) from None
    if printed.code:
        raise RenderFailed(_told(printed.errors, printed.code, private=rendering.private))
    return printed.output


def _environment(folder: str) -> Mapping[str, str]:
    """Keep helm to its own directory; a proxy that is nowhere keeps it from the network."""
    return {
        "HELM_CACHE_HOME": f"{folder}/cache",
        "HELM_CONFIG_HOME": f"{folder}/config",
        "HELM_DATA_HOME": f"{folder}/data",
        "HELM_PLUGINS": f"{folder}/plugins",
        "HELM_REPOSITORY_CONFIG": f"{folder}/repositories.yaml",
        "HTTP_PROXY": _NOWHERE,
        "HTTPS_PROXY": _NOWHERE,
        "KUBECONFIG": f"{folder}/none",
    }


def _yaml(values: Json) -> bytes:
    """Write values as JSON, which is YAML once the characters are escaped that YAML can't hold."""
    text = json.dumps(values, ensure_ascii=False)
    return _UNREADABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _told(errors: str, code: int, *, private: bool) -> str:
    if code < 0:
        return "helm needed too much time or memory"
    if private:
        found = _WHERE.search(errors)
        where = f" at {found[0]}" if found else ""
        return f"helm can't render it{where}; what it said is withheld, as values came from the hub"
    lines = [line for line in errors.splitlines() if line.strip() and not _is_talk(line)]
    text = " ".join(" ".join(lines).split()).removeprefix("Error: ")
    return f"helm can't render it: {text[:_LONGEST]}"


def _is_talk(line: str) -> bool:
    return line.startswith(("WARNING:", "level=", "time=", "Use --debug"))
