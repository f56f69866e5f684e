"""The Python API keeps contents of Secrets to itself: refused before anything is sent, unless allowed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import DataConverter, PayloadCodec
from typing_extensions import override

from lateen.client import InvalidApplication, Lateen
from support.applications import application

VALUE = "geheim"


class Sent(Exception):
    """Something was about to leave the process."""


class Codec(PayloadCodec):
    """Stands for one that encrypts."""

    @override
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)

    @override
    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


class Silent(Client):
    """A client that nobody connected: whatever it is asked for beyond its settings is a leak."""

    def __init__(self, converter: DataConverter) -> None:
        self._converter = converter

    @property
    @override
    def data_converter(self) -> DataConverter:
        return self._converter

    @property
    @override
    def workflow_service(self) -> Any:
        raise Sent


def lateen(*, codec: PayloadCodec | None = None) -> Lateen:
    return Lateen(Silent(dataclasses.replace(DataConverter.default, payload_codec=codec)))


def secretive() -> dict[str, Any]:
    given = application("shop")
    secret = {"name": "s", "mountPath": "/s", "stringData": {"password": VALUE}}
    trait = {"type": "storage", "properties": {"secret": [secret]}}
    given["spec"]["components"][0]["traits"] = [trait]
    return given


async def test_contents_of_secrets_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidApplication) as caught:
        await lateen().apply(secretive())
    path = "spec.components[0].traits[0].properties.secret[0].stringData"
    assert [problem.path for problem in caught.value.problems] == [path]
    assert VALUE not in str(caught.value)


async def test_who_allows_them_sends_them() -> None:
    with pytest.raises(Sent):
        await lateen().apply(secretive(), allow_inline_secrets=True)


async def test_with_a_codec_they_are_not_in_the_clear() -> None:
    assert lateen(codec=Codec()).encrypts
    with pytest.raises(Sent):
        await lateen(codec=Codec()).apply(secretive())


async def test_others_are_sent_as_ever() -> None:
    assert not lateen().encrypts
    with pytest.raises(Sent):
        await lateen().apply(application("shop"))
