"""What a cluster's Secret says, and how it is written: KubeVela's cluster-gateway format.

Pure: Secrets in, values out. Which credentials may be used is decided here and at every use,
because a Secret can change after the join that wrote it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from lateen.hub.cluster_errors import InvalidRegistration, UnusableCluster
from lateen.hub.endpoints import check_endpoint, check_proxy
from lateen.kube.credentials import Credentials, read_kubeconfig
from lateen.kube.errors import CredentialsError
from lateen.kube.shapes import as_object, as_text
from lateen.model.base import Json, Record
from lateen.model.errors import shorten
from lateen.model.labels import (
    CLUSTER_ALIAS,
    CLUSTER_UID,
    CLUSTER_VERSION,
    CONTROL_PLANE,
    CREDENTIAL_TYPE,
    ENDPOINT_TYPE,
    LOCAL,
)

if TYPE_CHECKING:
    from collections.abc import Collection

INSECURE = "lateen.dev/insecure-skip-tls-verify"
"""Annotation: the join asked for it explicitly, so a missing CA means no verification."""

SYSTEM_TRUST = "lateen.dev/system-trust"
"""Annotation: joined without a CA of its own, its certificate is verified by the machine's CAs."""

RENAMED_FROM = "lateen.dev/renamed-from"
"""Annotation: a rename is under way; the old name's Secret may still exist."""

TOKEN_SECRET = "lateen.dev/token-secret"  # noqa: S105 - the name of an annotation
"""Annotation: joined with a ServiceAccount; the Secret in the member's lateen-system that has the token."""

RESERVED_PREFIX = "cluster.core.oam.dev/"
"""Labels with it describe the registration; all others are the user's."""

X509, TOKEN, DYNAMIC = "X509Certificate", "ServiceAccountToken", "Dynamic"
CONST = "Const"
INTERNAL = "Internal"
BLANK_ENDPOINT = "-"


class RegisteredCluster(Record):
    """A cluster as people and policies see it; nothing secret in it.

    ``labels`` are what selectors match: the user's, and ``cluster.core.oam.dev/control-plane``.
    ``uid`` is that of the member's kube-system namespace, empty when KubeVela joined it.
    """

    name: str
    type: str
    endpoint: str
    accepted: bool = True
    labels: dict[str, str] = {}
    alias: str = ""
    created_at: str = ""
    uid: str = ""
    version: str = ""

    @property
    def user_labels(self) -> dict[str, str]:
        """The labels that a person set, in the order of their keys."""
        return {
            key: value
            for key, value in sorted(self.labels.items())
            if not key.startswith(RESERVED_PREFIX)
        }


def local_cluster() -> RegisteredCluster:
    """Return the hub as a target: no Secret describes it."""
    return RegisteredCluster(
        name=LOCAL, type=INTERNAL, endpoint=BLANK_ENDPOINT, labels={CONTROL_PLANE: "true"}
    )


@dataclass(frozen=True)
class Registration:
    """A cluster's Secret, kept as it was read so that it can be written back without loss."""

    secret: Json = field(repr=False)

    @property
    def name(self) -> str:
        """The cluster's name: that of the Secret."""
        return str(self.secret["metadata"]["name"])

    @property
    def labels(self) -> dict[str, str]:
        """All labels of the Secret."""
        return dict(self.secret["metadata"].get("labels") or {})

    @property
    def annotations(self) -> dict[str, str]:
        """All annotations of the Secret."""
        return dict(self.secret["metadata"].get("annotations") or {})

    @property
    def type(self) -> str:
        """The kind of credentials, as KubeVela names them."""
        return self.labels.get(CREDENTIAL_TYPE, "")

    @property
    def recorded_uid(self) -> str:
        """The UID recorded at join, or nothing."""
        return self.annotations.get(CLUSTER_UID, "")

    @property
    def token_secret(self) -> str:
        """The member's Secret with the token, when lateen made the account itself."""
        return self.annotations.get(TOKEN_SECRET, "")

    @property
    def identity(self) -> tuple[str, ...]:
        """What a connection depends on; health reports and labels of the Secret are not part of it."""
        data = as_object(self.secret.get("data"))
        content = hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
        trust = (self.annotations.get(INSECURE, ""), self.annotations.get(SYSTEM_TRUST, ""))
        return (self.secret_uid, self.recorded_uid, self.type, content, *trust)

    @property
    def secret_uid(self) -> str:
        """The Secret's own UID: another one after detach and join."""
        return str(self.secret["metadata"].get("uid", ""))

    def text(self, key: str) -> str:
        """Return a data key as text; missing is empty. Raises ``UnusableCluster``, never with the value."""
        try:
            return self.binary(key).decode().strip()
        except UnicodeDecodeError:
            raise UnusableCluster(self.name, f"data key {key!r} is not UTF-8 text") from None

    def binary(self, key: str) -> bytes:
        """Return a data key's bytes; missing is empty. Raises ``UnusableCluster``, never with the value."""
        encoded = as_object(self.secret.get("data")).get(key) or ""
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise UnusableCluster(self.name, f"data key {key!r} is not base64") from None

    def describe(self) -> RegisteredCluster:
        """Return what may be shown. A broken Secret is shown as far as it can be read."""
        try:
            endpoint = self.text("endpoint") or BLANK_ENDPOINT
        except UnusableCluster:
            endpoint = BLANK_ENDPOINT
        own = {k: v for k, v in self.labels.items() if not k.startswith(RESERVED_PREFIX)}
        return RegisteredCluster(
            name=self.name,
            type=self.type,
            endpoint=endpoint,
            labels={**own, CONTROL_PLANE: "false"},
            alias=self.annotations.get(CLUSTER_ALIAS, ""),
            created_at=str(self.secret["metadata"].get("creationTimestamp") or ""),
            uid=self.recorded_uid,
            version=_git_version(self.annotations.get(CLUSTER_VERSION, "")),
        )

    def credentials(
        self, *, allow_insecure: Collection[str] = (), allowed_exec: Collection[str] = ()
    ) -> Credentials:
        """Return what to connect with, or raise ``UnusableCluster`` with the reason.

        ``allow_insecure`` names clusters (``*``: all) that may be reached without verifying TLS;
        ``allowed_exec`` names the commands that may be run to get credentials.
        """
        self._refuse_proxied()
        ca = self.binary("ca.crt") or self.binary("ca") or None
        insecure = ca is None and self.annotations.get(SYSTEM_TRUST) != "true"
        if insecure and not self._may_be_insecure(allow_insecure):
            raise UnusableCluster(
                self.name,
                "its Secret has no ca.crt, so its certificate could not be verified; join it"
                " again with"
                " its CA, or with --insecure-skip-tls-verify to accept the risk",
            )
        try:
            check_endpoint(self.text("endpoint"))
            if self.type == DYNAMIC:
                return self._dynamic(ca=ca, insecure=insecure, allowed_exec=allowed_exec)
            return self._static(ca=ca, insecure=insecure)
        except (InvalidRegistration, CredentialsError) as error:
            raise UnusableCluster(self.name, str(error)) from None

    def _refuse_proxied(self) -> None:
        endpoint_type = self.labels.get(ENDPOINT_TYPE) or CONST
        if endpoint_type != CONST:
            raise UnusableCluster(
                self.name,
                f"endpoint type {shorten(endpoint_type)} is not supported: lateen connects"
                " directly and"
                " runs no cluster proxy; join it with an endpoint that the worker can reach",
            )

    def _may_be_insecure(self, allowed: Collection[str]) -> bool:
        asked = self.annotations.get(INSECURE) == "true"
        return asked or self.name in allowed or "*" in allowed

    def _static(self, *, ca: bytes | None, insecure: bool) -> Credentials:
        certificate = key = token = None
        if self.type == X509:
            certificate, key = self._required("tls.crt"), self._required("tls.key")
        elif self.type == TOKEN:
            self._required("token")
            token = self.text("token")
        else:
            raise UnusableCluster(
                self.name,
                f"credential type {shorten(self.type)} is not supported (known: {X509}, {TOKEN},"
                f" {DYNAMIC}); join it with a client certificate or a token",
            )
        return Credentials(
            endpoint=check_endpoint(self.text("endpoint")),
            ca=ca,
            certificate=certificate,
            key=key,
            token=token,
            insecure=insecure,
            proxy_url=check_proxy(self.text("proxy-url")),
            tls_server_name=self.text("tls-server-name") or None,
        )

    def _dynamic(
        self, *, ca: bytes | None, insecure: bool, allowed_exec: Collection[str]
    ) -> Credentials:
        self._required("exec")
        try:
            plugin = as_object(orjson.loads(self.text("exec")))
        except orjson.JSONDecodeError:
            raise UnusableCluster(self.name, "data key 'exec' is not JSON") from None
        command = plugin.get("command")
        if not isinstance(command, str) or command not in allowed_exec:
            raise UnusableCluster(
                self.name,
                f"its credentials run the command {shorten(command)} on the machine that uses them,"
                " which the operator has not allowed; join it with a client certificate or a token",
            )
        target: Json = {"server": check_endpoint(self.text("endpoint"))}
        if insecure:
            target["insecure-skip-tls-verify"] = True
        if ca is not None:
            target["certificate-authority-data"] = base64.b64encode(ca).decode()
        if proxy := check_proxy(self.text("proxy-url")):
            target["proxy-url"] = proxy
        config: Json = {
            "current-context": self.name,
            "clusters": [{"name": self.name, "cluster": target}],
            "users": [{"name": self.name, "user": {"exec": plugin}}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": self.name}}],
        }
        entry = read_kubeconfig(
            orjson.dumps(config), base=None, allow_insecure=insecure, allowed_exec=allowed_exec
        )
        return entry.credentials

    def _required(self, key: str) -> bytes:
        value = self.binary(key)
        if not value:
            raise UnusableCluster(
                self.name, f"its Secret has no data key {key!r}; join it again with --overwrite"
            )
        return value


def _git_version(text: str) -> str:
    try:
        return as_text(as_object(orjson.loads(text)).get("gitVersion"))
    except orjson.JSONDecodeError:
        return ""
