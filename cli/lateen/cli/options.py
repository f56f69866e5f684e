"""Options that several commands share, so that they are spelled and behave the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

hub_option = click.option(
    "--hub-kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="LATEEN_HUB_KUBECONFIG",
    show_envvar=True,
    help="Kubeconfig of the hub cluster; by default what kubectl would use.",
)
"""Passes ``hub_kubeconfig: Path | None``."""

namespace_option = click.option(
    "-n",
    "--namespace",
    default="default",
    envvar="LATEEN_NAMESPACE",
    show_default=True,
    show_envvar=True,
    help="Namespace of the application.",
)
"""Passes ``namespace: str``, that of an application."""

registry_option = click.option(
    "--registry-namespace",
    default="vela-system",
    envvar="LATEEN_REGISTRY_NAMESPACE",
    show_default=True,
    show_envvar=True,
    help="Namespace of the hub that keeps the clusters' credentials.",
)
"""Passes ``registry_namespace: str``."""


def output_option(*forms: str) -> Callable[[Command], Command]:
    """Return ``-o/--output`` with the given forms; the first is the default. Passes ``output: str``."""
    choices = forms or ("table", "json", "yaml")
    return click.option(
        "-o",
        "--output",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="How to print the result.",
    )
