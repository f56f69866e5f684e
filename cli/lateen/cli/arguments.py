"""What `lateen cluster` is told: kubeconfigs and labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lateen.kube.credentials import KubeconfigEntry

_LAST_PORT = 65535


def read_member(
    path: Path, *, context: str | None, insecure: bool, allowed_exec: tuple[str, ...] = ()
) -> KubeconfigEntry:
    """Read the kubeconfig of a cluster to join; ``-`` is standard input, and names no files."""
    from lateen.kube.credentials import read_kubeconfig

    if str(path) == "-":
        content, base = sys.stdin.buffer.read(), None
    else:
        try:
            content, base = path.read_bytes(), path.resolve().parent
        except OSError as error:
            reason = f"kubeconfig {str(path)!r} can't be read: {error.strerror}"
            raise click.ClickException(reason) from error
    return read_kubeconfig(
        content, base=base, context=context, allow_insecure=insecure, allowed_exec=allowed_exec
    )


def parse_labels(parts: tuple[str, ...]) -> dict[str, str]:
    """Read ``a=b,c=d``; raises ``click.UsageError`` for anything else, and for a key given twice."""
    found: dict[str, str] = {}
    for pair in (pair.strip() for part in parts for pair in part.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.UsageError(f"invalid label {pair!r}: expected KEY=VALUE[,KEY=VALUE...]")
        if found.setdefault(key, value) != value:
            raise click.UsageError(f"label {key!r} has two values: {found[key]!r} and {value!r}")
    return found


def parse_address(text: str, *, option: str) -> tuple[str, int]:
    """Read ``HOST:PORT``; an IPv6 address stands in brackets. Raises ``click.BadParameter``."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > _LAST_PORT:
        raise click.BadParameter(f"expected HOST:PORT, not {text!r}", param_hint=option)
    return host.strip("[]"), int(port)
