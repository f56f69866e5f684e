"""From components to manifests: once for the application, then cheaply for each placement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lateen.model.errors import InvalidApplication, Problem
from lateen.model.labels import (
    APP_CLUSTER,
    APP_REVISION,
    REPLICA_KEY,
    RESOURCE_TYPE,
    TRAIT_RESOURCE,
    TRAIT_TYPE,
    WORKLOAD_TYPE,
)
from lateen.rendering.checking import Draft, Prepared, draft, prepare
from lateen.rendering.digest import digest
from lateen.rendering.parameter_keys import with_values
from lateen.rendering.scopes import group_of, is_cluster_scoped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lateen.model.application import Component
    from lateen.model.base import Json
    from lateen.rendering.context import RenderContext
    from lateen.rendering.definitions import TraitType
    from lateen.rendering.parameter_keys import Values
    from lateen.rendering.registry import Registry

_AUXILIARY = "AuxiliaryWorkload"
_NAME_DIGEST = 10


@dataclass(frozen=True, slots=True)
class RenderedObject:
    """An object of the application with everything that is the same on each placement.

    ``manifest`` is shared by all placements: whoever gets it must not change it. ``namespace`` is
    where the object goes unless the placement says otherwise, empty for cluster-scoped kinds;
    ``home`` is the application's own namespace. ``named`` is False for a name made of the content.
    """

    component: str
    manifest: Json
    namespace: str
    home: str
    named: bool = True

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two objects the same one: group, kind, namespace, name."""
        group = group_of(self.manifest["apiVersion"])
        return (group, self.manifest["kind"], self.namespace, self.manifest["metadata"]["name"])

    def equals(self, other: RenderedObject) -> bool:
        """Whether both have the same content; metadata doesn't count."""
        own = {key: value for key, value in self.manifest.items() if key != "metadata"}
        theirs = {key: value for key, value in other.manifest.items() if key != "metadata"}
        return own == theirs

    def called(self, name: str) -> RenderedObject:
        """Return the object under another name."""
        metadata = {**self.manifest["metadata"], "name": name}
        return replace(self, manifest={**self.manifest, "metadata": metadata})

    def placed(self, *, cluster: str, namespace: str, revision: str) -> Json:
        """Return the manifest for one placement; metadata is its own, the rest is shared."""
        metadata = dict(self.manifest["metadata"])
        metadata["labels"] = {
            **metadata["labels"],
            APP_CLUSTER: cluster,
            APP_REVISION: revision,
        }
        if "annotations" in metadata:
            metadata["annotations"] = dict(metadata["annotations"])
        if self.namespace:
            metadata["namespace"] = self.namespace if namespace in ("", self.home) else namespace
        return {**self.manifest, "metadata": metadata}


def render(
    components: Sequence[Component],
    context: RenderContext,
    registry: Registry,
    *,
    replicas: Mapping[str, Sequence[str]] | None = None,
    values: Mapping[str, Values] | None = None,
    order: Sequence[str] = (),
) -> tuple[RenderedObject, ...]:
    """Render components with their traits, in order; the workload of each comes first.

    ``replicas`` are the keys of components that are rendered several times, once for each key. What
    is equal in all copies is one object, without a key. ``values`` are what inputs supply, by
    component. ``order`` names components in the order of their dependencies, if they have any: an
    object that several of them make then belongs to the first.

    Raises ``InvalidApplication`` with every problem of every component, and when two components or
    two objects have the same name.
    """
    problems = list(_duplicates(components))
    objects: list[RenderedObject] = []
    for index, component in enumerate(components):
        filled = with_values(component, (values or {}).get(component.name))
        prepared = prepare(filled, registry, path=f"spec.components[{index}]")
        if isinstance(prepared, list):
            problems += prepared
            continue
        for key in (replicas or {}).get(component.name) or ("",):
            inside = context.inside(component, replica_key=key)
            drafted = draft(prepared, inside)
            if isinstance(drafted, list):
                problems += drafted
                break
            objects += _decorated(drafted, prepared, inside)
    if order:
        rank = {name: at for at, name in enumerate(order)}
        objects.sort(key=lambda each: rank[each.component])
    if not problems:
        objects = _distinct(objects, problems)
    if problems:
        raise InvalidApplication(problems, subject=f"{context.namespace}/{context.application}")
    return tuple(objects)


def reads_target(components: Iterable[Component], registry: Registry) -> bool:
    """Tell whether a component or trait of them renders differently on each placement.

    Types that nobody knows count as those that don't: ``render`` reports them.
    """
    return any(
        kind.reads_target
        for component in components
        for kind in (
            registry.find_component(component.type),
            *(registry.find_trait(trait.type) for trait in component.trait_list),
        )
        if kind is not None
    )


def place(
    objects: Iterable[RenderedObject], *, cluster: str, namespace: str, revision: str
) -> list[Json]:
    """Return the final manifests for one placement.

    A ``namespace`` is forced on every namespaced object. Empty, or the application's own, which is
    the same placement, leaves each object in the namespace that it names itself.
    """
    return [
        each.placed(cluster=cluster, namespace=namespace, revision=revision) for each in objects
    ]


def _decorated(
    drafted: Draft, prepared: Prepared, context: RenderContext
) -> Iterable[RenderedObject]:
    common = context.object_labels()
    own = {**common, RESOURCE_TYPE: "WORKLOAD", WORKLOAD_TYPE: prepared.type.type}
    yield _object(drafted.workload, labels=own, context=context, name=context.name)
    for trait, output, made in drafted.outputs:
        labels = {**common, **_output_labels(trait, output)}
        name = _generated_name(made, context, trait)
        yield _object(made, labels=labels, context=context, name=name)


def _output_labels(trait: TraitType[Any] | None, output: str) -> dict[str, str]:
    labels = {TRAIT_TYPE: trait.type if trait else _AUXILIARY}
    if output:
        labels[TRAIT_RESOURCE] = output
    if trait is None or not trait.after_dispatch:
        labels[RESOURCE_TYPE] = "TRAIT"
    return labels


def _generated_name(made: Json, context: RenderContext, trait: TraitType[Any] | None) -> str:
    if made.get("metadata", {}).get("name"):
        return ""
    suffix = digest([made])[:_NAME_DIGEST]
    return f"{context.name}-{trait.type if trait else 'object'}-{suffix}"


def _object(
    made: Json, *, labels: dict[str, str], context: RenderContext, name: str
) -> RenderedObject:
    written: Json = made.get("metadata") or {}
    metadata: Json = {**written, "name": written.get("name") or name}
    metadata["labels"] = {**(written.get("labels") or {}), **labels}
    annotations: Json = {**(written.get("annotations") or {}), **context.annotations}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    namespace = metadata.pop("namespace", None) or context.namespace
    if is_cluster_scoped(made["apiVersion"], made["kind"]):
        namespace = ""
    head = {"apiVersion": made["apiVersion"], "kind": made["kind"], "metadata": metadata}
    return RenderedObject(
        context.name,
        {**head, **made, "metadata": metadata},
        namespace,
        context.namespace,
        named=bool(written.get("name")) or name == context.name,
    )


def _duplicates(components: Sequence[Component]) -> Iterable[Problem]:
    first: dict[str, int] = {}
    for index, component in enumerate(components):
        if component.name in first:
            yield Problem(
                f"spec.components[{index}].name",
                f"is the name of spec.components[{first[component.name]}] already",
                component.name,
                "give each component a name of its own",
            )
        first.setdefault(component.name, index)


def _distinct(objects: list[RenderedObject], problems: list[Problem]) -> list[RenderedObject]:
    """Keep one of several equal objects, such as a ConfigMap that two components share.

    Different content under one identity is a problem: the last one written would win.
    """
    kept: dict[tuple[str, str, str, str], RenderedObject] = {}
    for each in objects:
        other = kept.setdefault(each.key, each)
        if other is each:
            continue
        if other.equals(each):
            kept[each.key] = _without_key(other)
            continue
        _, kind, _, name = each.key
        problems.append(
            Problem(
                "spec.components",
                f"{kind} {name} is made twice, by {_origin(other)} and by {_origin(each)}",
                hint="name one of them differently or leave one out",
            )
        )
    return list(kept.values())


def _without_key(each: RenderedObject) -> RenderedObject:
    """Return what several copies share: it belongs to none of them alone."""
    metadata = each.manifest["metadata"]
    if REPLICA_KEY not in metadata["labels"]:
        return each
    labels = {key: value for key, value in metadata["labels"].items() if key != REPLICA_KEY}
    shared = {**each.manifest, "metadata": {**metadata, "labels": labels}}
    return replace(each, manifest=shared)


def _origin(each: RenderedObject) -> str:
    labels: dict[str, str] = each.manifest["metadata"]["labels"]
    trait = labels.get(TRAIT_TYPE, _AUXILIARY)
    owner = f"component {each.component!r}"
    if REPLICA_KEY in labels:
        owner += f" with replica key {labels[REPLICA_KEY]!r}"
    return owner if trait == _AUXILIARY else f"trait {trait!r} of {owner}"
