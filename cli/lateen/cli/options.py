"""Options that several commands share, so that they are spelled and behave the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from lateen.contracts.identifiers import TASK_QUEUE

Command = TypeVar("Command", bound=Callable[..., Any])

hub_option = click.option(
    "--hub-kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="LATEEN_HUB_KUBECONFIG",
    show_envvar=True,
    help="Kubeconfig of the hub cluster; by default what kubectl would use.",
)
"""Passes ``hub_kubeconfig: Path | None``."""


def _namespace(_: click.Context, __: click.Parameter, value: str) -> str:
    """Refuse what can't be a namespace before it becomes part of a path or an id."""
    from lateen.model.names import is_dns_label

    if not is_dns_label(value):
        raise click.BadParameter("expected at most 63 lower-case letters, digits and '-'")
    return value


def name_alone(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse ``<namespace>/<name>``, which is how applications are shown, but not how they are named."""
    namespace, slash, name = (value or "").partition("/")
    if slash:
        raise click.BadParameter(f"expected a name alone; write `{name} -n {namespace}`")
    return value


app_argument = click.argument("app", callback=name_alone)
"""Passes ``app: str``, the name of an application."""

optional_app_argument = click.argument("app", required=False, callback=name_alone)
"""Passes ``app: str | None``."""

namespace_option = click.option(
    "-n",
    "--namespace",
    default="default",
    callback=_namespace,
    envvar="LATEEN_NAMESPACE",
    show_default=True,
    show_envvar=True,
    help="Namespace of the application.",
)
"""Passes ``namespace: str``, that of an application."""

all_namespaces_option = click.option(
    "-A", "--all-namespaces", is_flag=True, help="Those of every namespace."
)
"""Passes ``all_namespaces: bool``."""

registry_option = click.option(
    "--registry-namespace",
    default="vela-system",
    envvar="LATEEN_REGISTRY_NAMESPACE",
    show_default=True,
    show_envvar=True,
    help="Namespace of the hub that keeps the clusters' credentials.",
)
"""Passes ``registry_namespace: str``."""


inline_secrets_option = click.option(
    "--allow-inline-secrets",
    is_flag=True,
    envvar="LATEEN_ALLOW_INLINE_SECRETS",
    show_envvar=True,
    help="Allow contents of Secrets in applications: whoever may read Temporal or the hub reads them.",
)
"""Passes ``allow_inline_secrets: bool``."""


def _prefixes(_: click.Context, __: click.Parameter, prefixes: tuple[str, ...]) -> tuple[str, ...]:
    from lateen.sources.addresses import Allowed, InvalidAddress

    try:
        Allowed(prefixes)
    except InvalidAddress as error:
        raise click.BadParameter(str(error)) from error
    return prefixes


allow_url_option = click.option(
    "--allow-url",
    "allowed_urls",
    multiple=True,
    metavar="PREFIX",
    callback=_prefixes,
    envvar="LATEEN_ALLOW_URL",
    show_envvar=True,
    help="Fetch charts and manifests from URLs that begin so; nothing without it. Repeatable.",
)
"""Passes ``allowed_urls: tuple[str, ...]``."""

task_queue_option = click.option(
    "--task-queue",
    default=TASK_QUEUE,
    envvar="LATEEN_TASK_QUEUE",
    show_default=True,
    show_envvar=True,
    help="Temporal task queue that the worker polls.",
)
"""Passes ``task_queue: str``."""


wait_option = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait for the end."
)
"""Passes ``wait: bool``."""

queue_option = click.option(
    "--queue", is_flag=True, help="Wait for a running delivery instead of superseding it."
)
"""Passes ``queue: bool``."""

confirm_removal_option = click.option(
    "--confirm-removal",
    multiple=True,
    metavar="CLUSTER",
    help="Remove the application from this cluster, which its policies no longer select.",
)
"""Passes ``confirm_removal: tuple[str, ...]``."""

unchanged_ok_option = click.option(
    "--unchanged-ok", is_flag=True, help="Exit with 0 instead of 3 when unchanged."
)
"""Passes ``unchanged_ok: bool``."""

reason_option = click.option("-m", "--reason", default="", help="Why, for the audit.")
"""Passes ``reason: str``."""

by_signal_option = click.option(
    "--by-signal",
    is_flag=True,
    help="Only send it, without an answer: works while no worker runs.",
)
"""Passes ``by_signal: bool``."""


def given(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty value of an option whose absence means something wider.

    A script's variable that is unset must not mean another revision, every step, or any plan.
    """
    if value is not None and not value.strip():
        raise click.BadParameter("is empty; leave the option out instead")
    return value


def duration_option(name: str, *, help: str) -> Callable[[Command], Command]:  # noqa: A002 - click's word
    """Return an option that takes a duration such as ``90s``. Passes ``timedelta | None``."""
    return click.option(name, metavar="DURATION", callback=read_duration, help=help)


def read_duration(_: click.Context, __: click.Parameter, text: str | None) -> timedelta | None:
    """Read what a user wrote for a duration."""
    from lateen.model.durations import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}, not {text!r}") from error


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
