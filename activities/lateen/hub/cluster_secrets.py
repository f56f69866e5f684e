"""Writing a cluster's Secret in KubeVela's format; ``registrations`` reads it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from lateen.hub.cluster_errors import InvalidRegistration
from lateen.hub.endpoints import check_endpoint
from lateen.hub.registrations import CONST, INSECURE, SYSTEM_TRUST, TOKEN, X509
from lateen.model.labels import CREDENTIAL_TYPE, ENDPOINT_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.kube.credentials import Credentials
    from lateen.model.base import Json


def build_secret(
    name: str, credentials: Credentials, *, namespace: str, labels: Mapping[str, str]
) -> Json:
    """Return the Secret that registers a cluster, with annotations for how TLS is verified.

    Raises ``InvalidRegistration`` for credentials that can't be stored.
    """
    data: dict[str, bytes] = {"endpoint": check_endpoint(credentials.endpoint).encode()}
    if credentials.ca:
        if credentials.insecure:
            raise InvalidRegistration(
                f"cannot join {name!r}: the kubeconfig has both a CA and insecure-skip-tls-verify;"
                " remove the latter, since the CA is enough"
            )
        data["ca.crt"] = credentials.ca
    if credentials.certificate and credentials.key:
        kind = X509
        data |= {"tls.crt": credentials.certificate, "tls.key": credentials.key}
    elif credentials.token:
        kind = TOKEN
        data["token"] = credentials.token.encode()
    else:
        raise InvalidRegistration(
            f"cannot join {name!r}: the kubeconfig's user has neither a client certificate with"
            " its key"
            " nor a token; add one of them"
        )
    for key, text in (
        ("proxy-url", credentials.proxy_url),
        ("tls-server-name", credentials.tls_server_name),
    ):
        if text:
            data[key] = text.encode()
    annotations: dict[str, str] = {}
    if not credentials.ca:
        annotations[INSECURE if credentials.insecure else SYSTEM_TRUST] = "true"
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**labels, CREDENTIAL_TYPE: kind, ENDPOINT_TYPE: CONST},
            "annotations": annotations,
        },
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }
