"""The codec server's HTTP: what the UI and CLI ask, and who may not."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from lateen.cli.codec_serving import make_server
from lateen.cli.main import cli
from lateen.client.encryption import EncryptionCodec, KeyRing

UI = "http://localhost:8233"
CODEC = EncryptionCodec(KeyRing("a", {"a": b"k" * 32}))
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"hello"')

Answer = tuple[int, str, dict[str, str]]
Ask = Callable[..., Answer]


def body_of(*payloads: Payload) -> bytes:
    return json_format.MessageToJson(Payloads(payloads=payloads)).encode()


def payloads_of(text: str) -> list[Payload]:
    return list(json_format.Parse(text, Payloads()).payloads)


@pytest.fixture(params=[""])
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Ask a server; its token is the fixture's parameter."""
    server = make_server(("127.0.0.1", 0), CODEC, origins=[UI + "/"], token=request.param)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def send(
        path: str, body: bytes | None = None, *, method: str = "POST", **headers: str
    ) -> Answer:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{server.server_port}{path}",
            data=body,
            method=method,
            headers=headers,
        )
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), dict(error.headers)

    yield send
    server.shutdown()
    thread.join()
    server.server_close()


def test_both_ways(ask: Ask) -> None:
    """Order and number of payloads stay; what is not encrypted comes back as it was."""
    status, hidden, _ = ask("/encode", body_of(PLAIN, PLAIN))
    assert status == 200
    assert "hello" not in hidden
    status, shown, _ = ask("/decode?namespace=default", body_of(*payloads_of(hidden), PLAIN))
    assert status == 200
    assert payloads_of(shown) == [PLAIN, PLAIN, PLAIN]


def test_named_origin_may_ask(ask: Ask) -> None:
    status, _, headers = ask("/decode", method="OPTIONS", Origin=UI)
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == UI
    assert "x-namespace" in headers["Access-Control-Allow-Headers"]
    status, _, headers = ask("/decode", body_of(PLAIN), Origin=UI)
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, UI)


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_other_origins_are_refused(ask: Ask, method: str) -> None:
    """Not merely kept from reading: nothing is decrypted for them, and they are not reflected."""
    hidden = CODEC.encrypt(PLAIN)
    body = body_of(hidden) if method == "POST" else None
    status, text, headers = ask("/decode", body, method=method, Origin="https://evil.example")
    assert status == 403
    assert "--origin" in text
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("ask", ["hunter2"], indirect=True)
def test_token_is_demanded(ask: Ask) -> None:
    assert ask("/decode", body_of(PLAIN))[0] == 401
    assert ask("/decode", body_of(PLAIN), Authorization="Bearer hunter3")[0] == 401
    assert ask("/decode", body_of(PLAIN), Authorization="Bearer hunter2")[0] == 200
    assert ask("/decode", method="OPTIONS", Origin=UI)[0] == 204


def test_bad_requests_are_answered(ask: Ask) -> None:
    """Another path, no JSON, a key that nobody has."""
    assert ask("/other", body_of(PLAIN))[0] == 404
    assert ask("/decode", b"{")[0] == 400
    foreign = EncryptionCodec(KeyRing("z", {"z": b"z" * 32})).encrypt(PLAIN)
    status, text, _ = ask("/decode", body_of(foreign))
    assert status == 400
    assert "encrypted with key 'z'" in text
    status, text, _ = ask("/decode", json.dumps({"payloads": "no"}).encode())
    assert status == 400


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no keys: point LATEEN_CODEC_KEYS"),
        (("--address", "nowhere"), "expected HOST:PORT"),
    ],
)
def test_command_refuses_what_it_cannot_serve(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    environment: dict[str, Any] = {"LATEEN_CODEC_KEYS": None}
    if arguments:
        (tmp_path / "a").write_text("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=")
        environment = {"LATEEN_CODEC_KEYS": str(tmp_path)}
    done = CliRunner().invoke(cli, ["codec-server", *arguments], env=environment)
    assert done.exit_code
    assert message in done.output + str(done.exception)
