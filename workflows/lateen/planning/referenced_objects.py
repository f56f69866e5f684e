"""Which objects an application's components copy: to be read before a revision is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from lateen.model.base import Record
from lateen.model.json_values import json_digest
from lateen.model.labels import WITHHELD
from lateen.model.objects import ObjectRef
from lateen.model.references import ObjectSelector, WithheldContent
from lateen.rendering.components.ref_objects import RefObjects
from lateen.rendering.context import RenderContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lateen.model.application import Application, Component
    from lateen.model.base import Json
    from lateen.model.records import Snapshot
    from lateen.rendering.registry import Registry


class Reference(Record):
    """Objects to be read; ``path`` is where the application asks for them."""

    path: str
    selector: ObjectSelector


def references(
    application: Application, deliveries: Iterable[Sequence[Component]], registry: Registry
) -> list[Reference]:
    """Return what an application refers to, everything once.

    ``deliveries`` are the components of each step, after its overrides. Those whose properties are invalid,
    which rendering reports, refer to nothing.
    """
    written = {
        component.name: f"spec.components[{index}]"
        for index, component in enumerate(application.spec.components)
    }
    context = RenderContext.of(application)
    found: dict[str, Reference] = {}
    for components in deliveries:
        for component in components:
            path = written.get(component.name, f"components[{component.name}]")
            for index, selector in enumerate(_selectors(component, context, registry)):
                where = f"{path}.properties.objects[{index}]"
                found.setdefault(selector.key, Reference(path=where, selector=selector))
    return list(found.values())


def _selectors(
    component: Component, context: RenderContext, registry: Registry
) -> list[ObjectSelector]:
    kind = registry.find_component(component.type)
    if not isinstance(kind, RefObjects):
        return []
    try:
        parameters = kind.parameters.model_validate(component.properties or {})
    except ValidationError:
        return []
    return parameters.selectors(context.inside(component))


def outside_warnings(snapshot: Snapshot) -> list[str]:
    """Say which copied objects are outside the application's namespace: few workers copy them."""
    home = snapshot.application["metadata"]["namespace"]
    outside = {
        str(ObjectRef.of(each))
        for found in snapshot.references
        for each in found.objects
        if each["metadata"].get("namespace") != home
    }
    return [
        f"{name} is outside namespace {home!r}: only workers with "
        "--allow-cross-namespace-references copy it"
        for name in sorted(outside)
    ]


def references_digest(snapshot: Snapshot) -> str:
    """Digest the objects that a snapshot holds."""
    return json_digest(sorted([each.selector.key, each.objects] for each in snapshot.references))


def withheld(snapshot: Snapshot) -> Mapping[str, WithheldContent]:
    """Return the Secrets of a snapshot whose content it does not hold, by digest.

    The annotation of a manifest alone says nothing: anybody can write one.
    """
    return {each.digest: each for each in _withheld(snapshot)}


def _withheld(snapshot: Snapshot) -> Iterator[WithheldContent]:
    for found in snapshot.references:
        for each in found.objects:
            metadata: Json = each["metadata"]
            annotations: Json = metadata.get("annotations") or {}
            digest = annotations.get(WITHHELD)
            if is_secret(each) and digest:
                yield WithheldContent(
                    cluster=found.selector.cluster,
                    namespace=metadata["namespace"],
                    name=metadata["name"],
                    digest=digest,
                )


def is_secret(manifest: Json) -> bool:
    """Tell whether a manifest is a Secret: its content never gets into a record."""
    return (manifest["apiVersion"], manifest["kind"]) == ("v1", "Secret")
