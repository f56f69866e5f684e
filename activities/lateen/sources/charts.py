"""Charts: pulled from where they are, rendered by helm, and made the objects that a revision holds."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lateen.model.errors import LateenError
from lateen.model.json_values import as_object, json_digest
from lateen.rendering.scopes import is_cluster_scoped
from lateen.sources.addresses import read_address
from lateen.sources.archives import LARGEST, ChartArchive, read_archive
from lateen.sources.helm import Rendering, render_chart
from lateen.sources.manifests import UnusableManifest, read_manifests
from lateen.sources.registries import Registries
from lateen.sources.repositories import Repositories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lateen.model.base import Json
    from lateen.model.fetched import ChartRequest
    from lateen.sources.fetching import Fetcher

_REMEMBERED = 32
_AT_ONCE = 2
_HOOK = "helm.sh/hook"
_KEEP = "helm.sh/resource-policy"
_TESTS = frozenset({"test", "test-success", "test-failure"})
_MOST_NAMED = 8


class UnusableChart(LateenError):
    """A chart makes what lateen does not deliver. ``hint`` is the way out."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class RenderedChart:
    """The objects of a chart, in helm's order, and what its author or user should know."""

    objects: Sequence[Json]
    warnings: Sequence[str]


class Charts:
    """Pulls and renders charts; what was rendered once is remembered."""

    def __init__(
        self, fetcher: Fetcher, *, render: Callable[[Rendering], str] = render_chart
    ) -> None:
        self._fetcher = fetcher
        self._repositories = Repositories(fetcher)
        self._registries = Registries(fetcher)
        self._render = render
        self._known: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def pull(self, request: ChartRequest) -> ChartArchive:
        """Fetch a chart. Raises what fetching does, ``UnusableArchive``, ``InvalidRange``."""
        if request.repo_url:
            pulled = self._repositories.pull(request.repo_url, request.source, request.version)
        elif request.source.lower().startswith("oci://"):
            pulled = self._registries.pull(request.source, request.version)
        else:
            pulled = self._fetcher.fetch(read_address(request.source), most=LARGEST)
        content = await pulled
        return await asyncio.to_thread(read_archive, content)

    async def render(
        self,
        archive: ChartArchive,
        request: ChartRequest,
        *,
        values: Json,
        kube_version: str,
        private: bool,
    ) -> RenderedChart:
        """Render a chart with all its values.

        Raises ``HelmMissing``, ``RenderFailed``, ``UnusableManifest``, ``UnusableChart``.
        """
        rendering = Rendering(
            archive=archive.content,
            release=request.release,
            namespace=request.namespace,
            values=values,
            include_crds=request.include_crds,
            kube_version=kube_version,
            private=private,
        )
        first, second = await self._rendered(archive, rendering)
        try:
            return await asyncio.to_thread(_made, first, second, request)
        except UnusableManifest:
            if private:
                raise UnusableManifest("makes no objects that Kubernetes reads") from None
            raise

    async def _rendered(self, archive: ChartArchive, rendering: Rendering) -> tuple[str, str]:
        """Render twice: a chart that makes up passwords or dates shows it by differing."""
        said = replace(rendering, archive=b"")
        key = json_digest([archive.digest, repr(said)])
        async with self._slots:
            known = self._known.get(key)
            if known is None:
                first = await asyncio.to_thread(self._render, rendering)
                second = await asyncio.to_thread(self._render, rendering)
                known = self._known[key] = (first, second)
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return known


def merged(layers: Iterable[Mapping[str, Any]]) -> Json:
    """Merge values, the later ones over the earlier: maps by key, all else as a whole, nulls too."""
    result: Json = {}
    for layer in layers:
        result = _over(result, layer)
    return result


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Json:
    result = dict(below)
    for key, value in above.items():
        lower, upper = as_object(result.get(key)), as_object(value)
        result[key] = value if lower is None or upper is None else _over(lower, upper)
    return result


def _made(first: str, second: str, request: ChartRequest) -> RenderedChart:
    """Sort out hooks, put objects into the release's namespace, and say what is odd."""
    objects = read_manifests(first, repeated_keys=True)
    hooks = [each for each in objects if _hooks_of(each)]
    real = [each for each in hooks if not _hooks_of(each) <= _TESTS]
    if real and not request.skip_hooks:
        raise UnusableChart(
            f"has hooks, which lateen does not run: {_listed(real)}",
            hint="leave them out with options.skipHooks: true, and do what they do otherwise, or use type helm",
        )
    kept = [_in_namespace(each, request.namespace) for each in objects if not _hooks_of(each)]
    warnings: list[str] = []
    staying = [each for each in kept if _annotations(each).get(_KEEP) == "keep"]
    if staying:
        warnings.append(
            f"{_KEEP}: keep has no effect ({_listed(staying)}); use a garbage-collect policy"
        )
    if first != second:
        again = read_manifests(second, repeated_keys=True)
        odd = [each for each in objects if not _hooks_of(each) and each not in again]
        if odd:
            warnings.append(
                f"renders differently each time ({_listed(odd)}), as with random passwords: every submit makes "
                "a new revision; set what it makes up with values"
            )
    return RenderedChart(kept, warnings)


def _annotations(manifest: Json) -> Json:
    return as_object(manifest["metadata"].get("annotations")) or {}


def _hooks_of(manifest: Json) -> set[str]:
    written = str(_annotations(manifest).get(_HOOK, ""))
    return {part.strip() for part in written.split(",") if part.strip()}


def _in_namespace(manifest: Json, namespace: str) -> Json:
    metadata = manifest["metadata"]
    if metadata.get("namespace") or is_cluster_scoped(manifest["apiVersion"], manifest["kind"]):
        return manifest
    return {**manifest, "metadata": {**metadata, "namespace": namespace}}


def _listed(manifests: Sequence[Json]) -> str:
    names = [f"{each['kind']} {each['metadata']['name']}" for each in manifests]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
