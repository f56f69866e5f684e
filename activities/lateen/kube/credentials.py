"""Where credentials come from, and which must never be accepted.

A kubeconfig can name programs to run and files to read. In the operator's own hub kubeconfig that
is the operator's business; in a file that somebody joins a cluster with, it would be theirs to run
on our worker, so it is refused with the way out.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lateen.kube.access import Credentials, Renewal, split_url
from lateen.kube.errors import HubNotConfigured, InvalidCredentials, UnsafeCredentials
from lateen.kube.kubeconfig import Context, read_context
from lateen.kube.renewing import TokenFile, with_exec
from lateen.kube.shapes import as_object, as_text

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "Credentials",
    "KubeconfigEntry",
    "Renewal",
    "check_safe",
    "hub_credentials",
    "read_kubeconfig",
    "with_exec",
]

HUB_KUBECONFIG = "LATEEN_HUB_KUBECONFIG"
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_INSTEAD = "use the token of a ServiceAccount or a client certificate instead"
_IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")


@dataclass(frozen=True)
class KubeconfigEntry:
    """A context of a kubeconfig: the names it uses, and the credentials."""

    cluster_name: str
    context: str
    user: str
    credentials: Credentials


def read_kubeconfig(
    content: str | bytes,
    *,
    base: Path | None,
    context: str | None = None,
    allow_insecure: bool = False,
    allowed_exec: Collection[str] = (),
) -> KubeconfigEntry:
    """Read a context (the current one by default) of a kubeconfig that somebody gave us.

    Certificate files that it names are read now, relative to ``base``; None refuses them. Raises
    ``UnsafeCredentials`` for what could run or read something later: ``exec`` (unless the command
    is in ``allowed_exec``), ``auth-provider``, ``tokenFile``, for impersonation, and for plain
    http and ``insecure-skip-tls-verify`` without ``allow_insecure``; ``InvalidCredentials`` for
    what is malformed.
    """
    chosen = read_context(content, context)
    for key in ("auth-provider", "tokenFile"):
        if chosen.user.get(key):
            raise UnsafeCredentials(
                f"kubeconfig: user {chosen.user_name!r} has {key}, which would act on the "
                f"worker; {_INSTEAD}"
            )
    _refuse_unsupported(chosen)
    credentials = chosen.credentials(base)
    if config := chosen.user.get("exec"):
        credentials = with_exec(credentials, config, allowed=allowed_exec)
    check_safe(credentials, allow_insecure=allow_insecure)
    return KubeconfigEntry(chosen.cluster_name, chosen.name, chosen.user_name, credentials)


def check_safe(credentials: Credentials, *, allow_insecure: bool = False) -> None:
    """Raise ``UnsafeCredentials`` for an endpoint that can't be trusted with what we send it."""
    url = split_url(credentials.endpoint, what="the endpoint")
    if _is_link_local(url.hostname or ""):
        raise UnsafeCredentials(
            f"{credentials.endpoint}: a link-local address (a cloud's metadata) is no API server"
        )
    if allow_insecure:
        return
    if url.scheme != "https":
        raise UnsafeCredentials(
            f"{credentials.endpoint}: the credentials would travel unencrypted; use https, "
            "or allow insecure connections explicitly"
        )
    if credentials.insecure:
        raise UnsafeCredentials(
            f"{credentials.endpoint}: insecure-skip-tls-verify shows the credentials to anybody "
            "who answers; add certificate-authority-data, or allow insecure connections explicitly"
        )


def hub_credentials(kubeconfig: Path | None = None, *, context: str | None = None) -> Credentials:
    """Find the hub's credentials.

    In this order: ``kubeconfig``, the file in ``LATEEN_HUB_KUBECONFIG``, the pod's service
    account, the first existing file in ``KUBECONFIG``, ``~/.kube/config``. A file named explicitly
    must exist. It is the operator's own, so ``exec``, ``tokenFile`` and insecure connections work
    as in kubectl. Raises ``HubNotConfigured`` when there is nothing.
    """
    named = kubeconfig or _path_in_environment(HUB_KUBECONFIG)
    if named is not None:
        return _own_kubeconfig(named, context)
    if context is None and (found := _in_cluster()):
        return found
    candidates = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    for path in candidates or [Path.home() / ".kube" / "config"]:
        if path.is_file():
            return _own_kubeconfig(path, context)
    raise HubNotConfigured(
        "no credentials of the hub cluster: name a kubeconfig, or set LATEEN_HUB_KUBECONFIG or "
        "KUBECONFIG, or run in a pod with a service account"
    )


def _own_kubeconfig(path: Path, name: str | None) -> Credentials:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HubNotConfigured(f"{path}: can't be read: {error.strerror}") from error
    context = read_context(content, name)
    user = context.user
    if user.get("auth-provider"):
        raise InvalidCredentials(
            f"{path}: user {context.user_name!r} has an auth-provider, which Kubernetes 1.26 "
            "removed; use an exec plug-in"
        )
    _refuse_unsupported(context)
    base = path.absolute().parent
    credentials = context.credentials(base)
    if config := user.get("exec"):
        return with_exec(credentials, config, allowed=[as_text(as_object(config).get("command"))])
    if token_file := user.get("tokenFile"):
        return replace(credentials, renewal=TokenFile(base / str(token_file)))
    return credentials


def _refuse_unsupported(context: Context) -> None:
    """Refuse what would change who we are if it was silently ignored."""
    if any(context.user.get(key) for key in _IMPERSONATION):
        raise UnsafeCredentials(
            f"kubeconfig: user {context.user_name!r} impersonates somebody (as, as-groups), "
            f"which is not supported; {_INSTEAD}"
        )
    if context.user.get("username") or context.user.get("password"):
        raise UnsafeCredentials(
            f"kubeconfig: user {context.user_name!r} has a password, which no API server "
            f"accepts; {_INSTEAD}"
        )


def _in_cluster() -> Credentials | None:
    """Return what a pod's service account gives, or None outside a cluster."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "")
    token = _SERVICE_ACCOUNT / "token"
    if not host or not port or not token.is_file():
        return None
    try:
        ca = (_SERVICE_ACCOUNT / "ca.crt").read_bytes()
    except OSError as error:
        raise HubNotConfigured(f"{_SERVICE_ACCOUNT / 'ca.crt'}: can't be read") from error
    bracketed = f"[{host}]" if ":" in host else host
    return Credentials(f"https://{bracketed}:{port}", ca=ca, renewal=TokenFile(token))


def _path_in_environment(name: str) -> Path | None:
    value = os.environ.get(name, "")
    return Path(value).expanduser() if value else None


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False
