"""Helm repositories: an index of charts, and their archives."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from lateen.model.errors import nearest
from lateen.model.json_values import as_list, as_object
from lateen.sources.addresses import Address, read_address
from lateen.sources.archives import LARGEST
from lateen.sources.fetching import FetchFailed
from lateen.sources.versions import choose
from lateen.texts.yaml_reading import YamlError, read_yaml

if TYPE_CHECKING:
    from lateen.sources.fetching import Fetcher

_LARGEST_INDEX = 24 << 20
_REMEMBERED = 8


class Repositories:
    """Reads indices; what one says is remembered by its digest, since parsing a large one takes long."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._known: OrderedDict[str, dict[str, Any]] = OrderedDict()

    async def pull(self, repo_url: str, name: str, version: str) -> bytes:
        """Return the archive of a chart. Raises what fetching does, ``InvalidRange``, ``InvalidAddress``."""
        base = read_address(f"{repo_url.rstrip('/')}/index.yaml")
        entries = await self._entries(base)
        listed = [as_object(each) or {} for each in as_list(entries.get(name)) or ()]
        if not listed:
            hint = nearest(name, map(str, entries))
            raise FetchFailed(f"{base} has no chart {name!r}{hint and f'; {hint}'}")
        by_version = {str(each.get("version", "")): each for each in listed}
        chosen = choose(version, by_version)
        if chosen is None:
            shown = ", ".join(list(by_version)[:8])
            raise FetchFailed(f"{base} has no version {version!r} of chart {name!r}, but: {shown}")
        entry = by_version[chosen]
        content = await self._fetcher.fetch(_archive_of(base, entry), most=LARGEST)
        expected = str(entry.get("digest") or "").removeprefix("sha256:")
        if expected and hashlib.sha256(content).hexdigest() != expected:
            raise FetchFailed(f"chart {name} {chosen} has not the digest that {base} tells")
        return content

    async def _entries(self, index: Address) -> dict[str, Any]:
        text = await self._fetcher.fetch(index, most=_LARGEST_INDEX)
        digest = hashlib.sha256(text).hexdigest()
        known = self._known.get(digest)
        if known is None:
            known = self._known[digest] = await asyncio.to_thread(_read_index, index, text)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known


def _read_index(index: Address, text: bytes) -> dict[str, Any]:
    try:
        documents = read_yaml(text.decode())
    except (YamlError, UnicodeDecodeError) as error:
        raise FetchFailed(f"{index} is no index of a Helm repository: {error}") from None
    found = as_object(documents[0].value) if documents else None
    entries = as_object((found or {}).get("entries"))
    if entries is None:
        raise FetchFailed(f"{index} is no index of a Helm repository")
    return entries


def _archive_of(index: Address, entry: dict[str, Any]) -> Address:
    urls = [url for url in as_list(entry.get("urls")) or () if isinstance(url, str)]
    if not urls:
        raise FetchFailed(f"{index} tells no URL of the chart")
    url = urls[0]
    if "://" not in url:
        folder = index.path.rpartition("/")[0]
        url = f"{index.origin}{url}" if url.startswith("/") else f"{index.origin}{folder}/{url}"
    return read_address(url)
