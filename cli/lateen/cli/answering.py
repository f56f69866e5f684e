"""What the API servers would make of a preview: each placement's own, by a server-side dry run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lateen.activities.comparing import reached, survey
from lateen.activities.differing import stored
from lateen.model.errors import LateenError
from lateen.model.labels import CREATE_NAMESPACE
from lateen.model.objects import ObjectRef
from lateen.planning.differences import masked

if TYPE_CHECKING:
    from lateen.activities.applying import Found
    from lateen.cli.preview import PlacementPreview, Preview, StepPreview
    from lateen.hub.clusters import ClusterRegistry
    from lateen.model.application import Application

_AT_ONCE = 20


async def answer_all(
    previews: Sequence[Preview], applications: Sequence[Application], *, clusters: ClusterRegistry
) -> list[Preview]:
    """Put what the servers would store in the place of what would be sent to them.

    A refusal, or a cluster that doesn't answer, stands in the placement and stops no other.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    known = {application.id: application for application in applications}

    async def answer(application: Application, placement: PlacementPreview) -> PlacementPreview:
        async with slots:
            return await _answer(application, placement, clusters=clusters)

    async def answer_step(application: Application, step: StepPreview) -> StepPreview:
        answered = await asyncio.gather(*(answer(application, each) for each in step.placements))
        return step.model_copy(update={"placements": list(answered)})

    async def answer_preview(preview: Preview) -> Preview:
        application = known[preview.application]
        steps = await asyncio.gather(*(answer_step(application, each) for each in preview.steps))
        return preview.model_copy(update={"steps": list(steps)})

    return list(await asyncio.gather(*map(answer_preview, previews)))


async def _answer(
    application: Application, placement: PlacementPreview, *, clusters: ClusterRegistry
) -> PlacementPreview:
    annotations: Mapping[str, str] = application.metadata.annotations
    creates = [placement.namespace] if annotations.get(CREATE_NAMESPACE) == "true" else []
    try:
        cluster = await reached(clusters, placement.cluster)
        found = await survey(
            cluster, placement.manifests, application=application.id, creates=creates
        )
    except LateenError as error:
        return placement.model_copy(update={"manifests": [], "refused": [str(error)]})
    taken = [each for each in found if not isinstance(each, LateenError)]
    return placement.model_copy(
        update={
            "manifests": [masked(stored(each.planned or each.manifest)) for each in taken],
            # A missing namespace is one refusal, whatever would go there.
            "refused": list(
                dict.fromkeys(str(each) for each in found if isinstance(each, LateenError))
            ),
            "unasked": [_unasked(each) for each in taken if each.planned is None],
        }
    )


def _unasked(found: Found) -> str:
    ref = ObjectRef.of(found.manifest)
    return f"{ref}: as it would be sent; the delivery itself brings its kind or its namespace"
