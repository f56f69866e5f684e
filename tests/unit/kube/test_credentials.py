"""Which credentials are read, which are refused, and that none of them shows."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lateen.kube import credentials as credentials_module
from lateen.kube.credentials import (
    Credentials,
    check_safe,
    hub_credentials,
    read_kubeconfig,
    with_exec,
)
from lateen.kube.errors import (
    CredentialsError,
    HubNotConfigured,
    InvalidCredentials,
    UnsafeCredentials,
)

SECRET = "hunter2-very-secret"


def kubeconfig(user: dict[str, Any] | None = None, /, **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "admin@east",
        "contexts": [{"name": "admin@east", "context": {"cluster": "east", "user": "admin"}}],
        "clusters": [{"name": "east", "cluster": {"server": "https://10.0.0.1:6443"} | cluster}],
        "users": [{"name": "admin", "user": {"token": SECRET} if user is None else user}],
    }


def read(config: Any, base: Path | None = None, **options: Any) -> Credentials:
    return read_kubeconfig(yaml.safe_dump(config), base=base, **options).credentials


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_everything_that_is_data_is_read() -> None:
    config = kubeconfig(
        {"client-certificate-data": b64("cert"), "client-key-data": b64("key")},
        **{
            "certificate-authority-data": b64("ca"),
            "proxy-url": "http://proxy:3128",
            "tls-server-name": "api.internal",
        },
    )
    entry = read_kubeconfig(yaml.safe_dump(config), base=None)
    assert (entry.cluster_name, entry.context, entry.user) == ("east", "admin@east", "admin")
    assert entry.credentials == Credentials(
        "https://10.0.0.1:6443",
        ca=b"ca",
        certificate=b"cert",
        key=b"key",
        proxy_url="http://proxy:3128",
        tls_server_name="api.internal",
    )


def test_a_repr_shows_the_endpoint_only() -> None:
    entry = read_kubeconfig(yaml.safe_dump(kubeconfig()), base=None)
    assert repr(entry.credentials) == "Credentials(endpoint='https://10.0.0.1:6443')"
    assert SECRET not in repr(entry)


def test_files_are_read_relative_to_the_base(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(b"ca")
    config = kubeconfig(**{"certificate-authority": "ca.crt"})
    assert read(config, tmp_path).ca == b"ca"
    with pytest.raises(UnsafeCredentials, match="--flatten"):
        read(config)
    with pytest.raises(InvalidCredentials, match=r"ca\.crt can't be read: No such file"):
        read(config, tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("user", "cluster", "match"),
    [
        ({"exec": {"command": "aws", "apiVersion": "v1"}}, {}, "'aws' would run on the worker"),
        ({"auth-provider": {"name": "gcp"}}, {}, "has auth-provider.*ServiceAccount"),
        ({"tokenFile": "/etc/shadow"}, {}, "has tokenFile.*ServiceAccount"),
        ({"token": SECRET, "as": "system:admin"}, {}, "impersonates"),
        ({"username": "admin", "password": SECRET}, {}, "has a password"),
        ({"token": SECRET}, {"insecure-skip-tls-verify": True}, "certificate-authority-data"),
        ({"token": SECRET}, {"server": "http://10.0.0.1"}, "unencrypted"),
        ({"token": SECRET}, {"server": "https://169.254.169.254"}, "link-local"),
        ({"token": SECRET}, {"server": "https://[fe80::1]:6443"}, "link-local"),
    ],
)
def test_what_could_act_or_leak_later_is_refused_with_the_way_out(
    user: dict[str, Any], cluster: dict[str, Any], match: str
) -> None:
    with pytest.raises(UnsafeCredentials, match=match) as caught:
        read(kubeconfig(user, **cluster))
    assert SECRET not in str(caught.value)
    assert not caught.value.retryable


def test_the_operator_can_allow_what_is_refused_by_default() -> None:
    insecure = kubeconfig(**{"insecure-skip-tls-verify": True})
    assert read(insecure, allow_insecure=True).insecure
    plugin = kubeconfig({"exec": {"command": "aws", "apiVersion": "v1"}})
    assert read(plugin, allowed_exec=["aws"]).renewal is not None
    with pytest.raises(UnsafeCredentials):
        read(plugin, allowed_exec=["/usr/bin/aws"])


def test_a_link_local_endpoint_is_refused_even_when_insecure_ones_are_allowed() -> None:
    with pytest.raises(UnsafeCredentials, match="link-local"):
        check_safe(Credentials("http://169.254.169.254"), allow_insecure=True)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ("a: [", "not YAML"),
        ("!!python/object/apply:os.system [true]", "not YAML"),
        ("just text", "expected an object"),
        ("{}", r"no current-context; name one \(it has: none\)"),
        ("x" * 1_100_000, "larger than 1 MiB"),
        (yaml.safe_dump(kubeconfig() | {"contexts": []}), "no context 'admin@east'"),
        (yaml.safe_dump(kubeconfig() | {"users": None}), "no user 'admin'"),
        (yaml.safe_dump(kubeconfig(server="")), "cluster 'east' has no server"),
        (yaml.safe_dump(kubeconfig(server="ftp://x")), "endpoint is not an http"),
        (yaml.safe_dump(kubeconfig(server=f"https://u:{SECRET}@x")), "must not hold a user"),
        (yaml.safe_dump(kubeconfig(**{"proxy-url": f"socks5://u:{SECRET}@x"})), "proxy-url is not"),
        (yaml.safe_dump(kubeconfig({"token": 1234})), "token must be a string"),
        (yaml.safe_dump(kubeconfig({"token": f"{SECRET}\nX: y"})), "line breaks"),
        (yaml.safe_dump(kubeconfig({"client-key-data": b64(SECRET)})), "belong together"),
        (yaml.safe_dump(kubeconfig({"client-key-data": f"{SECRET}%"})), "is not base64"),
    ],
)
def test_what_is_malformed_is_named_but_not_quoted(config: str, match: str) -> None:
    with pytest.raises(InvalidCredentials, match=match) as caught:
        read_kubeconfig(config, base=None)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_another_context_can_be_chosen_by_name() -> None:
    config = kubeconfig()
    config["contexts"].append({"name": "b", "context": {"cluster": "west", "user": "admin"}})
    config["clusters"].append({"name": "west", "cluster": {"server": "https://10.0.0.2"}})
    assert read(config, context="b").endpoint == "https://10.0.0.2"
    with pytest.raises(InvalidCredentials, match=r"no context 'c' \(it has: admin@east, b\)"):
        read(config, context="c")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with nothing in it, and no environment that says anything."""
    for name in ("LATEEN_HUB_KUBECONFIG", "KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(path: Path, server: str, user: dict[str, Any] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(kubeconfig(user, server=server)))
    return path


def test_the_hub_is_found_where_it_is_said_first(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HubNotConfigured, match="LATEEN_HUB_KUBECONFIG"):
        hub_credentials()
    write(home / ".kube" / "config", "https://home")
    assert hub_credentials().endpoint == "https://home"
    listed = write(home / "listed", "https://listed")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(home / "missing"), str(listed)]))
    assert hub_credentials().endpoint == "https://listed"
    account = home / "account"
    account.mkdir()
    (account / "token").write_text("first\n")
    (account / "ca.crt").write_bytes(b"ca")
    monkeypatch.setattr(credentials_module, "_SERVICE_ACCOUNT", account)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert hub_credentials().endpoint == "https://[fd00::1]:443"
    monkeypatch.setenv("LATEEN_HUB_KUBECONFIG", str(write(home / "hub", "https://hub")))
    assert hub_credentials().endpoint == "https://hub"
    assert hub_credentials(write(home / "mine", "https://mine")).endpoint == "https://mine"


def test_a_hub_kubeconfig_that_was_named_must_exist(home: Path) -> None:
    with pytest.raises(HubNotConfigured, match="nowhere: can't be read"):
        hub_credentials(home / "nowhere")


async def test_a_rotated_token_is_read_again(home: Path) -> None:
    (home / "token").write_text("first\n")
    found = hub_credentials(write(home / "hub", "https://hub", {"tokenFile": "token"}))
    assert (await found.current()).token == "first"
    (home / "token").write_text("second\n")
    assert (await found.current()).token == "first"
    assert (await found.current(refused=True)).token == "second"
    (home / "token").unlink()
    with pytest.raises(InvalidCredentials, match="token can't be read"):
        await found.current(refused=True)


def count_runs(script: Path) -> int:
    return len(Path(f"{script}.runs").read_text())


def plugin(script: Path, **status: Any) -> dict[str, Any]:
    """An exec plug-in that counts its runs in a file."""
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }
    script.write_text(
        f"import pathlib\np = pathlib.Path({str(script)!r} + '.runs')\n"
        "p.write_text((p.read_text() if p.exists() else '') + 'x')\n"
        f"print({json.dumps(answer)!r})\n"
    )
    return {
        "command": sys.executable,
        "args": [str(script)],
        "apiVersion": answer["apiVersion"],
    }


@pytest.mark.parametrize(
    ("ends", "runs"), [("2999-01-01T00:00:00Z", 2), ("2001-01-01T00:00:00Z", 3)]
)
async def test_an_exec_plugin_of_the_hub_runs_when_it_must(
    home: Path, ends: str, runs: int
) -> None:
    """Once for many requests; again when its credentials ended or were refused."""
    script = home / "plugin.py"
    config = plugin(script, token=f"{SECRET}\n", expirationTimestamp=ends)
    found = hub_credentials(write(home / "hub", "https://hub", {"exec": config}))
    assert [(await found.current()).token for _ in range(2)] == [SECRET] * 2
    await found.current(refused=True)
    assert count_runs(script) == runs


@pytest.mark.parametrize(
    "body", ["print('hunter2-very-secret')", "raise SystemExit('hunter2-very-secret')"]
)
async def test_an_exec_plugin_that_fails_is_named_but_not_quoted(tmp_path: Path, body: str) -> None:
    script = tmp_path / "plugin.py"
    script.write_text(body)
    config = {"command": sys.executable, "args": [str(script)], "apiVersion": "v1"}
    found = with_exec(Credentials("https://x"), config, allowed=[sys.executable])
    with pytest.raises(CredentialsError, match="did not run or gave no credentials") as caught:
        await found.current()
    assert SECRET not in str(caught.value)


async def test_an_exec_plugin_must_give_something(tmp_path: Path) -> None:
    config = plugin(tmp_path / "plugin.py")
    found = with_exec(Credentials("https://x"), config, allowed=[sys.executable])
    with pytest.raises(InvalidCredentials, match="neither a token nor a certificate"):
        await found.current()
