"""Which URLs may be fetched: what is compared is what is asked."""

from __future__ import annotations

import pytest

from lateen.sources.addresses import Allowed, InvalidAddress, NotAllowed, read_address

ALLOWED = Allowed(("https://charts.example/stable/", "http://10.0.0.1:8080", "oci://ghcr.io/acme"))


@pytest.mark.parametrize(
    "url",
    [
        "https://charts.example/stable/index.yaml",
        "https://charts.example:443/stable/a/b.tgz?v=1",
        "HTTPS://Charts.Example/stable/a.tgz",
        "https://charts.example/stable",
        "http://10.0.0.1:8080/anything",
        "oci://ghcr.io/acme/charts/shop",
    ],
)
def test_what_begins_with_a_prefix_is_allowed(url: str) -> None:
    ALLOWED.check(read_address(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://charts.example/",
        "https://charts.example/stable-not/a.tgz",
        "http://charts.example/stable/a.tgz",
        "https://charts.example:8443/stable/a.tgz",
        "https://charts.example.evil.example/stable/a.tgz",
        "http://10.0.0.1/a",
        "http://10.0.0.1:80801/",
        "http://169.254.169.254/latest/meta-data",
        "https://ghcr.io/acme/charts/shop",
        "oci://ghcr.io/acme-evil/shop",
    ],
)
def test_nothing_else_is(url: str) -> None:
    with pytest.raises((NotAllowed, InvalidAddress)):
        ALLOWED.check(read_address(url))
    with pytest.raises((NotAllowed, InvalidAddress)):
        Allowed().check(read_address(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://charts.example/stable/../secret",
        "https://charts.example/stable/%2e%2E/secret",
        "https://charts.example/stable/.%2e/secret",
        "https://charts.example/stable%2f..%2fsecret",
        "https://charts.example\\@evil.example/stable/",
        "https://charts.example/stable/ a",
        "https://charts.example/stable/\r\nHost: evil.example",
        "https://charts.example/stable/#x",
        "https://charts.exämple/",
        "file:///etc/passwd",
        "ftp://charts.example/stable/",
        "//charts.example/stable/",
        "https://",
        "https://charts.example:0/stable/",
        "https://charts.example/" + "a" * 4000,
    ],
)
def test_what_parsers_disagree_about_is_no_url(url: str) -> None:
    with pytest.raises(InvalidAddress):
        read_address(url)


def test_credentials_are_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidAddress, match="must not hold credentials") as caught:
        read_address("https://me:hunter2@charts.example/")
    assert "hunter2" not in str(caught.value)


def test_a_query_is_asked_but_never_told() -> None:
    address = read_address("https://charts.example/stable/a?token=hunter2")
    assert address.url.endswith("?token=hunter2")
    assert "hunter2" not in str(address)
    with pytest.raises(NotAllowed) as caught:
        Allowed().check(address)
    assert "hunter2" not in str(caught.value)
    assert caught.value.prefix == "https://charts.example/stable/"


@pytest.mark.parametrize("prefix", ["charts.example", "https://a/?q", "https://u:p@a/", "*"])
def test_a_prefix_is_a_url(prefix: str) -> None:
    with pytest.raises(InvalidAddress):
        Allowed((prefix,))
