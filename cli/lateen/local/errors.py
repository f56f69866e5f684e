"""What can go wrong with the local stack.

::

    LocalStackError
     ├─ ToolMissing        a program is neither installed, nor cached, nor can it be built or
     downloaded ├─ CommandFailed      a program that the stack ran ended with an error, or too late
     ├─ ClusterFailed      a cluster doesn't come up; the end of the guilty log is in the message └─
     ServiceFailed      Temporal or the worker doesn't come up; the end of its log is in the message
"""

from __future__ import annotations

from lateen.model.errors import LateenError


class LocalStackError(LateenError):
    """The root of the local stack's errors."""


class ToolMissing(LocalStackError):
    """A program is needed and there is no way to get it; the message names what to install."""


class CommandFailed(LocalStackError):
    """A program failed or didn't end in time; ``output`` is the end of what it wrote."""

    def __init__(self, message: str, *, output: str = "") -> None:
        self.output = output
        super().__init__(f"{message}:\n{output}" if output else message)


class ClusterFailed(LocalStackError):
    """A cluster could not be created or started."""


class ServiceFailed(LocalStackError):
    """Temporal or the worker could not be started."""
