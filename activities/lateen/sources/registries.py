"""Charts in OCI registries, pulled without credentials; an anonymous token is asked for where one is wanted.

On this very machine a registry is spoken to by http, as other tools do.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from lateen.model.json_values import as_list, as_object
from lateen.sources.addresses import Address, InvalidAddress, read_address
from lateen.sources.archives import LARGEST
from lateen.sources.fetching import FetchFailed
from lateen.sources.versions import choose, is_exact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.sources.fetching import Answer, Fetcher

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_LARGEST_ANSWER = 4 << 20
_MOST_PAGES = 20
_NEXT = re.compile(r"<[^>]*\?([\w=&%.~+-]+)>\s*;\s*rel=\"?next")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Registries:
    """Pulls charts."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    async def pull(self, reference: str, version: str) -> bytes:
        """Return the archive of a chart ``oci://host/path``. Raises as ``Repositories.pull`` does."""
        named = read_address(reference)
        self._fetcher.allowed.check(named)
        visit = _Visit(self._fetcher, named)
        tag = version if is_exact(version) else await visit.choose(version)
        manifest = await visit.manifest(tag.replace("+", "_"))
        layers = [as_object(each) or {} for each in as_list(manifest.get("layers")) or ()]
        digests = [str(each.get("digest")) for each in layers if each.get("mediaType") == _CHART]
        if not digests:
            raise FetchFailed(f"{named}:{tag} is no chart")
        return await visit.blob(digests[0])


class _Visit:
    """One pull: the registry's origin is trusted for the allowed reference, others are not."""

    def __init__(self, fetcher: Fetcher, named: Address) -> None:
        self._fetcher = fetcher
        self._named = named
        self._home = replace(named, scheme="http" if named.is_local else "https")
        self._repository = named.path.strip("/")
        self._headers: Mapping[str, str] = {}

    async def choose(self, version: str) -> str:
        tags = [tag.replace("_", "+") for tag in await self._tags()]
        chosen = choose(version, tags)
        if chosen is None:
            shown = ", ".join(tags[-8:])
            raise FetchFailed(f"{self._named} has no version {version!r}, but: {shown}")
        return chosen

    async def _tags(self) -> list[str]:
        """List all tags, page by page."""
        tags: list[str] = []
        query = "n=1000"
        for _ in range(_MOST_PAGES):
            answer = await self._ask("tags/list", accept="application/json", query=query)
            tags += map(str, as_list(_json(answer).get("tags")) or ())
            following = _NEXT.search(answer.headers.get("Link", ""))
            if following is None:
                return tags
            query = following[1]
        raise FetchFailed(f"{self._named} has too many tags; name a version of three parts")

    async def manifest(self, tag: str) -> dict[str, Any]:
        return _json(await self._ask(f"manifests/{tag}", accept=_MANIFEST))

    async def blob(self, digest: str) -> bytes:
        answer = await self._ask(f"blobs/{digest}", accept="*/*", most=LARGEST)
        if f"sha256:{hashlib.sha256(answer.body).hexdigest()}" != digest:
            raise FetchFailed(f"{self._named} sent what has another digest")
        return answer.body

    async def _ask(
        self, what: str, *, accept: str, most: int = _LARGEST_ANSWER, query: str = ""
    ) -> Answer:
        address = replace(self._home, path=f"/v2/{self._repository}/{what}", query=query)
        answer = await self._send(address, accept, most)
        if answer.status == 401 and not self._headers:
            self._headers = await self._token(answer)
            answer = await self._send(address, accept, most)
        if answer.status in {401, 403}:
            raise FetchFailed(f"{self._named} wants credentials, which lateen does not send")
        if answer.status != 200:
            raise FetchFailed(f"{address} answered {answer.status}")
        return answer

    async def _send(self, address: Address, accept: str, most: int) -> Answer:
        headers = {"Accept": accept, **self._headers}
        return await self._fetcher.ask(address, most=most, headers=headers, trusted=self._home)

    async def _token(self, answer: Answer) -> Mapping[str, str]:
        """Ask for a token that anybody may have, at the place that the registry names."""
        challenge = answer.headers.get("WWW-Authenticate", "")
        told = dict(_CHALLENGE.findall(challenge))
        if not challenge.lower().startswith("bearer ") or "realm" not in told:
            raise FetchFailed(f"{self._named} wants credentials, which lateen does not send")
        query = {"service": told.get("service", ""), "scope": f"repository:{self._repository}:pull"}
        try:
            realm = read_address(told["realm"])
        except InvalidAddress as error:
            raise FetchFailed(f"{self._named} names a place for tokens that {error}") from None
        address = replace(realm, query=urlencode({k: v for k, v in query.items() if v}))
        given = _json(await self._fetcher.ask(address, most=_LARGEST_ANSWER, trusted=self._home))
        token = given.get("token") or given.get("access_token")
        if not isinstance(token, str):
            raise FetchFailed(f"{realm} gave no token")
        return {"Authorization": f"Bearer {token}"}


def _json(answer: Answer) -> dict[str, Any]:
    try:
        found = as_object(json.loads(answer.body))
    except (ValueError, RecursionError):
        found = None
    if found is None:
        raise FetchFailed("a registry answered with what is no JSON object")
    return found
