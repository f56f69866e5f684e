"""Fetching what a revision takes from outside clusters: manifests at URLs, and charts with their values."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from lateen.kube.errors import Forbidden
from lateen.kube.shapes import as_object, as_text
from lateen.model.errors import LateenError, Problem
from lateen.model.fetched import FetchedObjects
from lateen.model.objects import ObjectRef
from lateen.planning.referenced_objects import is_secret
from lateen.sources.addresses import OPTION, InvalidAddress, NotAllowed, read_address
from lateen.sources.archives import UnusableArchive
from lateen.sources.charts import Charts, UnusableChart, merged
from lateen.sources.fetching import Fetcher, FetchFailed
from lateen.sources.helm import HelmMissing, RenderFailed
from lateen.sources.manifests import UnusableManifest, read_manifests
from lateen.sources.versions import InvalidRange
from lateen.texts.yaml_reading import YamlError, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lateen.kube.cluster import Cluster
    from lateen.model.base import Json
    from lateen.model.fetched import ChartRequest, ValuesSource
    from lateen.planning.fetched_objects import Fetch
    from lateen.sources.archives import ChartArchive

LARGEST_MANIFESTS = 1 << 20
"""Bytes at one URL of ``ref-objects``."""

SECONDS = 100.0
"""How long all fetching and rendering for an application may take: opening a delivery has 2 minutes."""

_AT_ONCE = 8
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.")
_CONTENT = ("data", "stringData")
_USELESS = (
    FetchFailed,
    InvalidAddress,
    InvalidRange,
    UnusableArchive,
    UnusableManifest,
    RenderFailed,
    HelmMissing,
)

Pulls = dict[tuple[str, str, str], "asyncio.Future[ChartArchive]"]


class _Refused(LateenError):
    """Something can't be fetched; the problem says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Sources:
    """Fetches manifests and charts.

    Only allowed URLs are asked. Unless ``allow_secrets``, contents of Secrets are refused, since a revision
    keeps what was fetched; unless ``allow_foreign``, values come from the application's own namespace.
    """

    def __init__(
        self,
        hub: Cluster,
        *,
        fetcher: Fetcher | None = None,
        charts: Charts | None = None,
        allow_foreign: bool = False,
        allow_secrets: bool = False,
        seconds: float = SECONDS,
    ) -> None:
        self._hub = hub
        self._fetcher = fetcher or Fetcher()
        self._charts = charts or Charts(self._fetcher)
        self._allow_foreign = allow_foreign
        self._allow_secrets = allow_secrets
        self._seconds = seconds

    async def fetch(
        self, fetching: Sequence[Fetch], *, held: Sequence[FetchedObjects], home: str
    ) -> tuple[list[FetchedObjects], list[Problem]]:
        """Return what was fetched, and all that could not be.

        What a stored revision holds already is taken from there. ``home`` is the application's namespace.
        """
        kept = {each.key: each for each in held}
        pulls: Pulls = {}
        slots = asyncio.Semaphore(_AT_ONCE)
        deadline = asyncio.get_running_loop().time() + self._seconds

        async def one(fetch: Fetch) -> FetchedObjects | Problem:
            if fetch.key in kept:
                return kept[fetch.key]
            try:
                async with asyncio.timeout_at(deadline), slots:
                    return await self._one(fetch, home, pulls)
            except TimeoutError:
                message = f"could not be fetched and rendered within {self._seconds:g} s"
                return Problem(fetch.path, message, hint="submit again, or take fewer charts")

        answers = await asyncio.gather(*map(one, fetching))
        found = [each for each in answers if isinstance(each, FetchedObjects)]
        return found, [each for each in answers if isinstance(each, Problem)]

    async def _one(self, fetch: Fetch, home: str, pulls: Pulls) -> FetchedObjects | Problem:
        path = fetch.path
        try:
            if fetch.chart is not None:
                return await self._chart(fetch, fetch.chart, home, pulls)
            return await self._manifests(fetch)
        except _Refused as error:
            return error.problem
        except NotAllowed as error:
            users = "an option of lateen worker, adopt, diff, dry-run and vet"
            hint = f"allow it with {OPTION} {error.prefix} ({users})"
            return Problem(path, str(error), hint=hint)
        except UnusableChart as error:
            return Problem(path, str(error), hint=error.hint)
        except _USELESS as error:
            return Problem(path, str(error))

    async def _manifests(self, fetch: Fetch) -> FetchedObjects:
        address = read_address(fetch.url)
        content = await self._fetcher.fetch(address, most=LARGEST_MANIFESTS)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise UnusableManifest("is no text in UTF-8") from None
        objects = await asyncio.to_thread(read_manifests, text)
        if not objects:
            raise UnusableManifest("holds no objects")
        hint = "copy the Secret from the hub with objects, or allow it with --allow-inline-secrets"
        self._refuse_secrets(fetch, objects, hint)
        return FetchedObjects.of(fetch.key, objects, origin=str(address))

    async def _chart(
        self, fetch: Fetch, chart: ChartRequest, home: str, pulls: Pulls
    ) -> FetchedObjects:
        values = merged(
            [*[await self._values(fetch, each, home) for each in chart.values_from], chart.values]
        )
        archive = await self._pulled(chart, pulls)
        made = await self._charts.render(
            archive,
            chart,
            values=values,
            kube_version=await self._kube_version(),
            private=bool(chart.values_from),
        )
        hint = (
            "let the chart use a Secret that exists, as many do with a value existingSecret, or allow it with "
            "--allow-inline-secrets"
        )
        self._refuse_secrets(fetch, made.objects, hint)
        name = f"chart {archive.name} {archive.version}"
        return FetchedObjects.of(
            fetch.key,
            made.objects,
            origin=f"{name} (sha256:{archive.digest})",
            warnings=[f"{name}: {line}" for line in (*fetch.remarks, *made.warnings)],
        )

    async def _pulled(self, chart: ChartRequest, pulls: Pulls) -> ChartArchive:
        """Pull a chart once, for however many namespaces it is rendered."""
        wanted = (chart.source, chart.repo_url, chart.version)
        if wanted not in pulls:
            pulls[wanted] = asyncio.ensure_future(self._charts.pull(chart))
        return await pulls[wanted]

    async def _kube_version(self) -> str:
        """Return the hub's minor version: charts ask for the cluster that they go to."""
        told = as_text((await self._hub.connection.version()).get("gitVersion"))
        found = _VERSION.match(told)
        return f"{found[1]}.{found[2]}.0" if found else ""

    def _refuse_secrets(self, fetch: Fetch, objects: Sequence[Json], hint: str) -> None:
        if self._allow_secrets:
            return
        full = [each for each in objects if is_secret(each) and any(map(each.get, _CONTENT))]
        if full:
            names = ", ".join(f"Secret {each['metadata']['name']}" for each in full)
            message = f"makes {names} with content, which a revision would keep in the clear"
            raise _Refused(Problem(fetch.path, message, hint=hint))

    async def _values(self, fetch: Fetch, source: ValuesSource, home: str) -> Mapping[str, Any]:
        path = f"{fetch.path.removesuffix('.chart')}.valuesFrom"
        named = f"{source.kind} {source.namespace}/{source.name}"
        if source.kind == "Secret" and not self._allow_secrets:
            message = f"{named}: the content of a Secret would be kept in the revision in the clear"
            hint = (
                "use a ConfigMap, and let the chart use a Secret that exists, or allow it with "
                "--allow-inline-secrets"
            )
            raise _Refused(Problem(path, message, hint=hint))
        if source.namespace != home and not self._allow_foreign:
            hint = (
                f"keep it in {home!r}, or let the operator allow others with "
                "lateen worker --allow-cross-namespace-references"
            )
            message = f"{named} is not in the application's own namespace"
            raise _Refused(Problem(path, message, hint=hint))
        try:
            text = await self._stored(source)
            return _parsed(text)
        except _Missing as error:
            if source.optional:
                return {}
            hint = "create it in the hub, or say optional: true"
            raise _Refused(Problem(path, f"{named} {error}", hint=hint)) from None
        except (UnusableManifest, Forbidden) as error:
            raise _Refused(Problem(path, f"{named}: {error}")) from None

    async def _stored(self, source: ValuesSource) -> str:
        live = await self._hub.get(
            ObjectRef(
                api_version="v1",
                kind=source.kind,
                namespace=source.namespace,
                name=source.name,
            )
        )
        if live is None:
            raise _Missing("is not in the hub")
        value = as_object(live.get("data")).get(source.key)
        if not isinstance(value, str):
            raise _Missing(f"has no key {source.key!r}")
        if source.kind == "ConfigMap":
            return value
        try:
            return base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise UnusableManifest(f"{source.key!r} is no text") from None


class _Missing(LateenError):
    """An object or its key is not there."""


def _parsed(text: str) -> Mapping[str, Any]:
    """Read values; errors say where, never what."""
    try:
        documents = [each.value for each in read_yaml(text) if each.value is not None]
    except YamlError as error:
        raise UnusableManifest(f"is no YAML (line {error.line})") from None
    if not documents:
        return {}
    if len(documents) > 1 or not isinstance(documents[0], dict):
        raise UnusableManifest("holds no values: expected one YAML mapping")
    return as_object(documents[0])
