"""Keys and payloads: what is read, what is refused, what nobody can change unnoticed."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload

from lateen.client.connecting import codec_configured
from lateen.client.encryption import (
    ENCODING,
    EncryptionCodec,
    InvalidKeys,
    KeyRing,
    Undecodable,
    data_converter,
    read_keys,
)

OLD, NEW = b"o" * 32, b"n" * 32
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"image": "nginx"}')


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.fixture
def both() -> EncryptionCodec:
    return EncryptionCodec(KeyRing("new", {"new": NEW, "old": OLD}))


def test_payload_comes_back_and_hides_everything(both: EncryptionCodec) -> None:
    """Data and metadata are hidden; the same twice looks different."""
    hidden = both.encrypt(PLAIN)
    assert both.decrypt(hidden) == PLAIN
    assert b"nginx" not in hidden.SerializeToString()
    assert b"json/plain" not in hidden.SerializeToString()
    assert dict(hidden.metadata)["encoding"] == ENCODING
    assert dict(hidden.metadata)["encryption-key-id"] == b"new"
    assert both.encrypt(PLAIN).data != hidden.data


def test_all_keys_decrypt(both: EncryptionCodec) -> None:
    before = EncryptionCodec(KeyRing("old", {"old": OLD}))
    assert both.decrypt(before.encrypt(PLAIN)) == PLAIN


def test_plain_payloads_pass(both: EncryptionCodec) -> None:
    """A bare signal of the UI, and what was stored before there were keys."""
    assert both.decrypt(PLAIN) == PLAIN


def test_unknown_key_is_named(both: EncryptionCodec) -> None:
    before = EncryptionCodec(KeyRing("old", {"old": OLD}))
    with pytest.raises(Undecodable, match=r"encrypted with key 'new', but .* only has 'old'"):
        before.decrypt(both.encrypt(PLAIN))


@pytest.mark.parametrize("change", ["data", "key", "short"])
def test_changes_are_noticed(both: EncryptionCodec, change: str) -> None:
    """A flipped bit, another key's id, a part that is missing; the text of no key is in the error."""
    hidden = both.encrypt(PLAIN)
    if change == "data":
        hidden.data = hidden.data[:-1] + bytes([hidden.data[-1] ^ 1])
    elif change == "key":
        hidden.metadata["encryption-key-id"] = b"old"
    else:
        hidden.data = hidden.data[:5]
    with pytest.raises(Undecodable, match="was changed"):
        both.decrypt(hidden)


def test_file_of_keys(tmp_path: Path) -> None:
    """The first one encrypts unless another is named; comments and blank lines are skipped."""
    path = tmp_path / "keys"
    path.write_text(f"# since March\n2026-03: {encoded(NEW)}\n\n2025: {encoded(OLD)}\n")
    assert read_keys(path) == KeyRing("2026-03", {"2026-03": NEW, "2025": OLD})
    assert read_keys(path, encrypting="2025").encrypting == "2025"


def test_directory_of_keys_as_a_secret_is_mounted(tmp_path: Path) -> None:
    """Links that begin with a dot are not keys; with several keys the encrypting one has to be named."""
    data = tmp_path / "..2026_01"
    data.mkdir()
    (data / "a").write_text(encoded(OLD) + "\n")
    (tmp_path / "..data").symlink_to(data)
    (tmp_path / "a").symlink_to(tmp_path / "..data" / "a")
    assert read_keys(tmp_path) == KeyRing("a", {"a": OLD})
    (tmp_path / "b").write_text(encoded(NEW))
    with pytest.raises(
        InvalidKeys, match=r"several keys \('a', 'b'\); name the one .* LATEEN_CODEC_KEY"
    ):
        read_keys(tmp_path)
    assert read_keys(tmp_path, encrypting="b").encrypting == "b"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no key"),
        ("no colon here", "not `id: base64`"),
        (f"a: {encoded(OLD)}\na: {encoded(NEW)}", "two keys with the id 'a'"),
        ("a: c2hvcnQ=", "key 'a' .* is not 32 bytes in base64; make one with `openssl"),
        ("a: ***", "key 'a' .* is not 32 bytes"),
    ],
)
def test_unusable_files_are_refused_without_quoting_keys(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "keys"
    path.write_text(content)
    with pytest.raises(InvalidKeys, match=message) as caught:
        read_keys(path)
    assert encoded(OLD) not in str(caught.value)
    assert "c2hvcnQ" not in str(caught.value)


def test_missing_file_and_unknown_encrypting_key(tmp_path: Path) -> None:
    with pytest.raises(InvalidKeys, match="can't be read: No such file"):
        read_keys(tmp_path / "nothing")
    (tmp_path / "keys").write_text(f"a: {encoded(OLD)}")
    with pytest.raises(InvalidKeys, match=r"there is no key 'b' in .*, but 'a'"):
        read_keys(tmp_path / "keys", encrypting="b")


def test_repr_shows_no_key() -> None:
    assert "ooo" not in repr(KeyRing("old", {"old": OLD}))


async def test_environment_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable for everybody; without it encrypted payloads are refused with the way out."""
    monkeypatch.delenv("LATEEN_CODEC_KEYS", raising=False)
    assert not codec_configured()
    without = data_converter()
    path = tmp_path / "keys"
    path.write_text(f"a: {encoded(OLD)}")
    monkeypatch.setenv("LATEEN_CODEC_KEYS", str(path))
    assert codec_configured()
    hidden = await data_converter().encode(["secret"])
    assert await data_converter().decode(hidden) == ["secret"]
    with pytest.raises(Undecodable, match="encrypted with key 'a'; point LATEEN_CODEC_KEYS"):
        await without.decode(hidden)
