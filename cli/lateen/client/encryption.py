"""Encrypting what Temporal stores: arguments, results, heartbeats, summaries and failures.

One setting for everybody who talks to Temporal, worker, command line and programs: ``LATEEN_CODEC_KEYS``. Each
payload names the key that encrypted it, so keys can be replaced while histories that need the old ones exist.

Not encrypted, since Temporal itself works with them: workflow ids and types, activity ids and types, task
queues, and search attributes (application, revision, phase, clusters, what is waited for); nor the words with
which somebody cancels or terminates a run (``lateen workflow terminate -m``), which Temporal keeps as text.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)
from typing_extensions import override

from lateen.model.errors import LateenError, shorten

KEYS = "LATEEN_CODEC_KEYS"
"""A file with lines ``id: base64``, or a directory with a file for each key, such as a mounted Secret."""

ENCRYPTING_KEY = "LATEEN_CODEC_KEY"
"""The id of the key that encrypts; the others only decrypt."""

ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"
CIPHER = "encryption-cipher"

_AES_GCM = b"AES-256-GCM"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_MAKE_ONE = "make one with `openssl rand -base64 32`"


class InvalidKeys(LateenError):
    """The keys for Temporal's payloads can't be read. No text of a key is ever in it."""


class Undecodable(LateenError):
    """A payload that can't be decrypted here: its key is missing, or somebody changed it."""


@dataclass(frozen=True)
class KeyRing:
    """Keys by their id, and the id of the one that encrypts. Its repr shows no key."""

    encrypting: str
    keys: Mapping[str, bytes] = field(repr=False)


def codec_configured() -> bool:
    """Tell whether what is sent to Temporal will be encrypted."""
    return bool(os.environ.get(KEYS))


def encrypts(converter: DataConverter) -> bool:
    """Tell whether payloads that a converter makes are unreadable to Temporal.

    A codec of somebody's own counts: what it is for, its owner knows.
    """
    codec = converter.payload_codec
    return codec is not None and not isinstance(codec, _Keyless)


def data_converter() -> DataConverter:
    """Return the converter of everybody who talks to Temporal for lateen. Raises ``InvalidKeys``.

    Without keys it says what is missing when it meets something encrypted, instead of guessing at it.
    """
    if not codec_configured():
        return replace(pydantic_data_converter, payload_codec=_Keyless())
    return replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(configured_keys()),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def configured_keys() -> KeyRing:
    """Read the keys that the environment names. Raises ``InvalidKeys``."""
    path = os.environ.get(KEYS, "")
    if not path:
        raise InvalidKeys(f"no keys: point {KEYS} to a file or a directory of them")
    return read_keys(Path(path).expanduser(), encrypting=os.environ.get(ENCRYPTING_KEY, ""))


def read_keys(path: Path, *, encrypting: str = "") -> KeyRing:
    """Read a file of keys (the first one encrypts), or a directory with a file for each.

    ``encrypting`` names another one; a directory has no first, so with several keys it is needed.
    """
    try:
        found = _from_directory(path) if path.is_dir() else _from_file(path)
    except OSError as error:
        raise InvalidKeys(f"{KEYS}: {path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InvalidKeys(f"{KEYS}: {path} is not text; {_MAKE_ONE}") from None
    if not found:
        raise InvalidKeys(f"{KEYS}: {path} has no key; {_MAKE_ONE}")
    if not encrypting:
        if path.is_dir() and len(found) > 1:
            raise InvalidKeys(
                f"{KEYS}: {path} has several keys ({_listed(found)}); name the one that encrypts"
                f" in {ENCRYPTING_KEY}"
            )
        encrypting = next(iter(found))
    if encrypting not in found:
        raise InvalidKeys(
            f"{ENCRYPTING_KEY}: there is no key {shorten(encrypting)} in {path}, but {_listed(found)}"
        )
    return KeyRing(encrypting, found)


class EncryptionCodec(PayloadCodec):
    """Encrypts with AES-256-GCM, which also notices changes; the key's id is part of what is checked.

    What is not encrypted passes as it is: a bare signal of the Temporal UI, and histories from before.
    """

    def __init__(self, ring: KeyRing) -> None:
        aead = _aead()
        self._ciphers = {name: aead.AESGCM(key) for name, key in ring.keys.items()}
        self._encrypting = ring.encrypting

    @override
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self.encrypt(payload) for payload in payloads]

    @override
    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self.decrypt(payload) for payload in payloads]

    def encrypt(self, payload: Payload) -> Payload:
        """Return a payload that hides another one, metadata included."""
        name, nonce = self._encrypting, os.urandom(_NONCE_BYTES)
        content = payload.SerializeToString()
        hidden = self._ciphers[name].encrypt(nonce, content, name.encode())
        metadata = {"encoding": ENCODING, CIPHER: _AES_GCM, KEY_ID: name.encode()}
        return Payload(metadata=metadata, data=nonce + hidden)

    def decrypt(self, payload: Payload) -> Payload:
        """Return what a payload hides. Raises ``Undecodable``."""
        if not is_encrypted(payload):
            return payload
        name = _key_id(payload)
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise Undecodable(
                f"a payload is encrypted with key {shorten(name)}, but {KEYS} only has"
                f" {_listed(self._ciphers)}; add it, and keep it as long as histories need it"
            )
        nonce, hidden = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            content = cipher.decrypt(nonce, hidden, name.encode())
        except (_exceptions().InvalidTag, ValueError):
            raise Undecodable(
                f"a payload is not what key {shorten(name)} encrypted: it was changed, or the key of"
                " that id is another one"
            ) from None
        return Payload.FromString(content)


class _Keyless(PayloadCodec):
    """Passes everything as it is, but says so when a key would be needed."""

    @override
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)

    @override
    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        for payload in payloads:
            if is_encrypted(payload):
                raise Undecodable(
                    f"a payload is encrypted with key {shorten(_key_id(payload))}; point {KEYS} to the"
                    " keys"
                )
        return list(payloads)


def is_encrypted(payload: Payload) -> bool:
    """Tell whether a payload is one that ``EncryptionCodec`` made."""
    return payload.metadata.get("encoding") == ENCODING


def _key_id(payload: Payload) -> str:
    return payload.metadata.get(KEY_ID, b"").decode(errors="replace")


def _from_directory(path: Path) -> dict[str, bytes]:
    # A mounted Secret has links that begin with a dot beside its keys.
    files = sorted(file for file in path.iterdir() if not file.name.startswith("."))
    return {file.name: _key(file.name, file.read_text(), path) for file in files if file.is_file()}


def _from_file(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for line in path.read_text().splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, colon, key = text.partition(":")
        name = name.strip()
        if not colon or not name:
            raise InvalidKeys(f"{KEYS}: {path} has a line that is not `id: base64`")
        if name in found:
            raise InvalidKeys(f"{KEYS}: {path} has two keys with the id {shorten(name)}")
        found[name] = _key(name, key, path)
    return found


def _key(name: str, text: str, path: Path) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise InvalidKeys(
            f"{KEYS}: key {shorten(name)} in {path} is not {_KEY_BYTES} bytes in base64; {_MAKE_ONE}"
        ) from None
    return key


def _listed(names: Iterable[str]) -> str:
    return ", ".join(shorten(name) for name in sorted(names))


def _aead() -> Any:
    """Import the cipher when it is needed: encryption is an extra."""
    try:
        return importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")
    except ImportError as error:
        raise InvalidKeys(
            f"{KEYS} is set, but the package that encrypts is not installed;"
            " `pip install 'lateen[encryption]'`"
        ) from error


def _exceptions() -> Any:
    return importlib.import_module("cryptography.exceptions")
