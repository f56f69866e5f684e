"""Who does something: a claim for the audit, not a proof."""

from __future__ import annotations

import getpass
import socket

import click


def default_actor() -> str:
    """Return ``user@host``, or what of it can be found out."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"  # A container may run as a user that has no name.
    return f"{user}@{socket.gethostname()}"


actor_option = click.option(
    "--actor",
    default=default_actor,
    show_default="user@host",
    help="Who does this, for the audit.",
)
"""Passes ``actor: str``."""
