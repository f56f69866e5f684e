"""Cluster Secrets: what is read from them, and what is refused at every use."""

from __future__ import annotations

import json

import pytest

from lateen.hub.cluster_errors import InvalidRegistration, UnusableCluster
from lateen.hub.cluster_secrets import build_secret
from lateen.hub.endpoints import check_endpoint
from lateen.hub.registrations import Registration
from lateen.kube.credentials import Credentials
from lateen.model.base import Json
from unit.hub.fakes import CA, SECRETS, cluster_secret


def test_certificate_of_kubevela_is_read() -> None:
    """A Secret as KubeVela writes it gives a client certificate, key and CA."""
    found = Registration(cluster_secret()).credentials()
    assert found.endpoint == "https://beijing.example:6443"
    assert (found.certificate, found.key, found.ca) == (b"certificate", SECRETS[0], CA)
    assert not found.insecure


def test_token_and_legacy_ca_and_proxy_are_read() -> None:
    """The old key `ca`, a token with a trailing newline and a proxy are understood."""
    secret = cluster_secret(
        kind="ServiceAccountToken",
        data={"ca.crt": None, "ca": CA, "token": "abc\n", "proxy-url": "http://proxy:3128"},
    )
    found = Registration(secret).credentials()
    assert (found.token, found.ca, found.proxy_url) == ("abc", CA, "http://proxy:3128")


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (cluster_secret(data={"ca.crt": None}), "no ca.crt"),
        (cluster_secret(data={"endpoint": "http://beijing:80"}), "not an https URL"),
        (cluster_secret(data={"endpoint": "https://"}), "not an https URL"),
        (cluster_secret(data={"endpoint": "https://169.254.169.254"}), "link-local"),
        (cluster_secret(data={"endpoint": "https://[::ffff:169.254.169.254]"}), "link-local"),
        (cluster_secret(data={"endpoint": "https://0.0.0.0:6443"}), "unspecified"),
        (cluster_secret(data={"endpoint": "https://u:hunter2@h"}), "carries a user"),
        (cluster_secret(data={"endpoint": "https://h:99999"}), "not a URL"),
        (cluster_secret(data={"endpoint": b"\xff\xfe"}), "not UTF-8"),
        (cluster_secret(data={"proxy-url": "file:///etc/passwd"}), "proxy-url is not"),
        (cluster_secret(data={"tls.key": None}), "no data key 'tls.key'"),
        (cluster_secret(kind="ServiceAccountToken", data={"token": None}), "no data key 'token'"),
        (
            cluster_secret(kind="ServiceAccountToken", data={"token": "a\nb"}),
            "token has line break",
        ),
        (cluster_secret(kind="OCMManagedCluster"), "'OCMManagedCluster' is not supported"),
        (
            cluster_secret(labels={"cluster.core.oam.dev/cluster-endpoint-type": "ClusterProxy"}),
            "'ClusterProxy' is not supported",
        ),
        (cluster_secret(kind="Dynamic", data={"exec": "{"}), "not JSON"),
        (cluster_secret(kind="Dynamic", data={"exec": '{"command": "aws"}'}), "not allowed"),
        (cluster_secret(kind="Dynamic"), "no data key 'exec'"),
    ],
)
def test_unusable_secret_is_refused_without_its_values(secret: Json, reason: str) -> None:
    """Every forbidden or broken form is refused by name and reason, quoting nothing secret."""
    with pytest.raises(UnusableCluster, match=reason) as caught:
        Registration(secret).credentials()
    text = str(caught.value)
    assert "'beijing'" in text
    assert "hunter2" not in text
    assert not any(part.decode() in text for part in SECRETS)


def test_broken_base64_is_refused_without_quoting_it() -> None:
    """A data value that is not base64 is named by its key only."""
    secret = cluster_secret()
    secret["data"]["tls.key"] = "not base64!"
    with pytest.raises(UnusableCluster, match=r"'tls.key' is not base64") as caught:
        Registration(secret).credentials()
    assert "not base64!" not in str(caught.value)


@pytest.mark.parametrize(
    ("allowed", "annotations"),
    [
        ({"beijing"}, {}),
        ({"*"}, {}),
        (set(), {"lateen.dev/insecure-skip-tls-verify": "true"}),
    ],
)
def test_missing_ca_needs_permission(allowed: set[str], annotations: dict[str, str]) -> None:
    """Without a CA, TLS is unverified only when the operator or the join said so."""
    secret = cluster_secret(data={"ca.crt": None}, annotations=annotations)
    assert Registration(secret).credentials(allow_insecure=allowed).insecure


def test_ca_wins_over_insecure_annotation() -> None:
    """An annotation can't switch verification off where there is a CA."""
    annotations = {"lateen.dev/insecure-skip-tls-verify": "true"}
    assert not Registration(cluster_secret(annotations=annotations)).credentials().insecure


def test_system_trust_verifies_by_the_machines_cas() -> None:
    """Joined without a CA but verified: the same is done at use."""
    secret = cluster_secret(data={"ca.crt": None}, annotations={"lateen.dev/system-trust": "true"})
    found = Registration(secret).credentials()
    assert (found.ca, found.insecure) == (None, False)


def test_allowed_command_is_accepted() -> None:
    """A Dynamic credential works once the operator has allowed exactly its command."""
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/usr/bin/get-token",
        "interactiveMode": "Never",
    }
    registration = Registration(cluster_secret(kind="Dynamic", data={"exec": json.dumps(plugin)}))
    found = registration.credentials(allowed_exec={"/usr/bin/get-token"})
    assert found.renewal is not None
    with pytest.raises(UnusableCluster, match="not allowed"):
        registration.credentials(allowed_exec={"get-token"})


def test_repr_shows_no_secret() -> None:
    """Neither the registration nor its credentials show data."""
    registration = Registration(cluster_secret())
    shown = f"{registration!r} {registration.credentials()!r} {registration.describe()!r}"
    assert "tls" not in shown
    assert not any(part.decode() in shown for part in SECRETS)


def test_description_has_users_labels_and_the_selectable_one() -> None:
    """Labels of the registration are not the user's; `control-plane` can be selected."""
    secret = cluster_secret(
        labels={"region": "hangzhou"},
        annotations={
            "cluster.core.oam.dev/cluster-alias": "North",
            "cluster.core.oam.dev/cluster-version": '{"gitVersion": "v1.36.3"}',
            "lateen.dev/cluster-uid": "u1",
        },
    )
    found = Registration(secret).describe()
    assert found.labels == {"region": "hangzhou", "cluster.core.oam.dev/control-plane": "false"}
    assert found.user_labels == {"region": "hangzhou"}
    assert (found.alias, found.version, found.uid) == ("North", "v1.36.3", "u1")


@pytest.mark.parametrize("version", ["", "no json", "[]", "{}"])
def test_broken_version_annotation_hides_nothing_else(version: str) -> None:
    """A cluster whose version annotation is broken is still listed."""
    secret = cluster_secret(annotations={"cluster.core.oam.dev/cluster-version": version})
    assert Registration(secret).describe().version == ""


def test_identity_depends_on_credentials_only() -> None:
    """KubeVela's health reports and label edits must not cost a new connection; a rotation must."""
    before = Registration(cluster_secret())
    reported = cluster_secret(
        labels={"a": "b"}, annotations={"status.cluster.core.oam.dev/healthy": "True"}
    )
    assert Registration(reported).identity == before.identity
    rotated = cluster_secret(data={"tls.key": b"other"})
    assert Registration(rotated).identity != before.identity


def test_built_secret_reads_back() -> None:
    """What join writes is what connect reads, in KubeVela's keys and labels."""
    credentials = Credentials(
        "https://h:6443/prefix/",
        ca=CA,
        certificate=b"c",
        key=b"k",
        proxy_url="http://p:1",
        tls_server_name="n",
    )
    secret = build_secret("h", credentials, namespace="vela-system", labels={"a": "b"})
    assert set(secret["data"]) == {
        *("endpoint", "ca.crt", "tls.crt", "tls.key", "proxy-url", "tls-server-name")
    }
    found = Registration(secret).credentials()
    assert (found.endpoint, found.certificate, found.key) == ("https://h:6443/prefix", b"c", b"k")
    assert (found.proxy_url, found.tls_server_name) == ("http://p:1", "n")


def test_credentials_without_identity_cannot_be_stored() -> None:
    """Neither certificate nor token: refused before anything is asked."""
    with pytest.raises(InvalidRegistration, match="neither a client certificate"):
        build_secret("h", Credentials("https://h", ca=CA), namespace="n", labels={})


def test_ca_and_insecure_together_are_refused() -> None:
    """Contradictory TLS settings are not resolved by guessing."""
    credentials = Credentials("https://h", ca=CA, token="t", insecure=True)
    with pytest.raises(InvalidRegistration, match="both a CA and insecure"):
        build_secret("h", credentials, namespace="n", labels={})


@pytest.mark.parametrize("url", ["https://10.0.0.1:6443", "https://127.0.0.1:6443/", "https://h/x"])
def test_private_endpoints_are_fine(url: str) -> None:
    """API servers live on private networks and, in the local stack, on the loopback."""
    assert check_endpoint(url) == url.rstrip("/")
