"""What an application takes from outside clusters: manifests at URLs, and charts that are rendered."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from lateen.model.base import Json, Record
from lateen.model.json_values import canonical_json, json_digest


class ValuesSource(Record):
    """An object of the hub whose ``key`` holds values of a chart, as YAML."""

    kind: Literal["ConfigMap", "Secret"]
    namespace: str
    name: str
    key: str
    optional: bool = False


class ChartRequest(Record):
    """Which chart is rendered, and with what; every default is filled in.

    ``source`` is the chart's name in the repository at ``repo_url``, or the URL of its archive, or an OCI
    reference. ``version`` is a version or a range of them, ``latest`` the newest.
    """

    source: str
    repo_url: str = ""
    version: str = "latest"
    release: str
    namespace: str
    values: Json = {}
    values_from: list[ValuesSource] = []
    include_crds: bool = True
    skip_hooks: bool = False

    @property
    def key(self) -> str:
        """What two requests for the same objects have in common."""
        return f"chart {json_digest(self.model_dump(mode='json'))}"


class FetchedObjects(Record):
    """Objects as they were when the revision was made: of a URL, or rendered of a chart.

    ``origin`` says to people where they are from, with the version that was found. ``packed`` are the objects,
    compressed: a chart's are large, and a revision is one object of the hub.
    """

    key: str
    origin: str = ""
    warnings: list[str] = []
    packed: str = ""

    @classmethod
    def of(
        cls, key: str, objects: Iterable[Json], *, origin: str, warnings: Iterable[str] = ()
    ) -> FetchedObjects:
        """Pack objects."""
        text = zlib.compress(canonical_json(list(objects)), level=9)
        packed = base64.b64encode(text).decode()
        return cls(key=key, origin=origin, warnings=list(warnings), packed=packed)

    @cached_property
    def objects(self) -> list[Json]:
        """The objects, which nobody may change."""
        unpacked: list[Json] = json.loads(zlib.decompress(base64.b64decode(self.packed)))
        return unpacked


def url_key(url: str) -> str:
    """Return the key of the objects at a URL."""
    return f"url {url}"
