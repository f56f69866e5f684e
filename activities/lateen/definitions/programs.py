"""The cue program: it evaluates definitions that others wrote, without a module registry to fetch from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.model.errors import LateenError
from lateen.programs.finding import find_program, variable_of
from lateen.programs.running import Limits, Printed, run_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

VARIABLE = variable_of("cue")
"""Names the program."""

SECONDS = 60.0
"""How long an evaluation may take, on a machine that may be busy."""


class CueMissing(LateenError):
    """There is no cue program here."""

    def __init__(self) -> None:
        super().__init__(
            "definitions in CUE need the program cue, which is not here; run `lateen local tools`, put cue on "
            f"the PATH of every worker (https://cuelang.org/docs/install), or name it with {VARIABLE}"
        )


def find_cue(environ: Mapping[str, str] | None = None) -> Path | None:
    """Find the program: named by the environment, on PATH, or built for the local stack."""
    return find_program("cue", environ)


def run_cue(
    program: Path, arguments: Sequence[str], text: str, *, seconds: float = SECONDS
) -> Printed:
    """Run the program on a text, given as its standard input. Blocks; raises ``ProgramStopped``."""
    return run_program(
        program, arguments, text=text, environment=_environment, limits=Limits(seconds=seconds)
    )


def _environment(folder: str) -> Mapping[str, str]:
    return {"CUE_CACHE_DIR": folder, "CUE_REGISTRY": "none"}
