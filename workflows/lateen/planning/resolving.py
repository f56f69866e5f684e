"""A revision made ready to deliver: its steps, each step's placements, and the manifests of a placement.

What does not depend on the placement is done once: a step's components are overridden and rendered at the
first use and then only placed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lateen.model.application import Application, Component, InlinePolicy
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.json_values import json_digest
from lateen.model.labels import APP_COMPONENT, LOCAL, REPLICA_KEY, TRAIT_RESOURCE
from lateen.model.objects import ObjectRef
from lateen.model.parsing import content_digest, parse_application, parse_policy, parse_workflow
from lateen.model.placement import Placement
from lateen.model.records import PlacementDigest, Snapshot
from lateen.planning.component_links import expected_of, read_links, read_outputs
from lateen.planning.component_order import component_order
from lateen.planning.environments import environments
from lateen.planning.fetched_objects import fetched_digest, fetched_warnings, objects_by_key
from lateen.planning.filling import UnfitValue, as_planned, identity_of
from lateen.planning.plan import PlannedStep
from lateen.planning.referenced_objects import references_digest, withheld
from lateen.planning.references import inline_policy
from lateen.planning.step_graph import Copy, StepGraph
from lateen.planning.step_types import DEPLOY
from lateen.planning.steps import plan_steps
from lateen.policies.override import apply_overrides
from lateen.policies.replication import replica_keys
from lateen.policies.rules.selectors import Facts
from lateen.policies.rules.treatments import Rules, Treatment
from lateen.policies.topology import (
    TOPOLOGY,
    ClusterInfo,
    Selection,
    select_placements,
    target_namespaces,
)
from lateen.rendering.context import RenderContext, Target
from lateen.rendering.digest import digest
from lateen.rendering.ordering import apply_order
from lateen.rendering.parameter_keys import KeyMismatch, Values
from lateen.rendering.placeholders import placeholders
from lateen.rendering.registry import Registry
from lateen.rendering.render import RenderedObject, place, reads_target, render
from lateen.rendering.scopes import is_cluster_scoped

_DIGEST_LENGTH = 32


def snapshot_digest(snapshot: Snapshot) -> str:
    """Digest what a revision holds: what the user wrote, and the external objects that it uses."""
    application = parse_application(snapshot.application)
    content = {
        "application": content_digest(application),
        "policies": sorted(
            json_digest([p.metadata.name, p.type, p.properties])
            for p in map(parse_policy, snapshot.policies)
        ),
        "workflow": _workflow_digest(snapshot.workflow),
        "plugins": snapshot.plugins,
    }
    if snapshot.references:  # Revisions without any keep the digest that they always had.
        content["references"] = references_digest(snapshot)
    if snapshot.fetched:
        content["fetched"] = fetched_digest(snapshot)
    if snapshot.definitions:
        content["definitions"] = sorted(
            json_digest(each.to_json()) for each in snapshot.definitions
        )
    return json_digest(content)[:_DIGEST_LENGTH]


def _workflow_digest(data: Json | None) -> str:
    if data is None:
        return ""
    workflow = parse_workflow(data)
    mode = workflow.mode.to_json() if workflow.mode else None
    return json_digest([workflow.metadata.name, mode, [s.to_json() for s in workflow.steps]])


class Resolved:
    """A snapshot, parsed, planned and ready to render.

    Raises ``InvalidApplication`` with everything that is wrong with steps and policies.
    """

    def __init__(self, snapshot: Snapshot, registry: Registry) -> None:
        self.application: Application = parse_application(snapshot.application)
        external = {
            policy.metadata.name: inline_policy(policy)
            for policy in map(parse_policy, snapshot.policies)
        }
        workflow = parse_workflow(snapshot.workflow) if snapshot.workflow is not None else None
        self.plan = plan_steps(self.application, policies=external, workflow=workflow)
        inline = {policy.name: policy for policy in self.application.spec.policies or ()}
        envs = environments(self.application, external=external)
        self.rules = Rules.of(inline.values())
        self._policies: Mapping[str, InlinePolicy] = {**external, **inline, **envs.policies}
        self._registry = registry
        self._context = replace(
            RenderContext.of(self.application),
            references=objects_by_key(snapshot),
        )
        self.withheld = withheld(snapshot)
        self.warnings = (*self.plan.warnings, *fetched_warnings(snapshot))
        self._steps = {step.name: step for step in self.plan.leaves}
        self._graphs: dict[tuple[str, ...], StepGraph] = {}
        self._objects: dict[tuple[str, ...], tuple[RenderedObject, ...]] = {}
        self._digests: dict[tuple[str, ...], str] = {}
        self._reading: dict[tuple[str, ...], bool] = {}
        self._versions: dict[str, str] = {}

    @property
    def namespace(self) -> str:
        """The application's own namespace."""
        return self.application.metadata.namespace

    @property
    def deploy_steps(self) -> list[PlannedStep]:
        """The steps that deliver, in order."""
        return [step for step in self.plan.leaves if step.type == DEPLOY]

    def step(self, name: str) -> PlannedStep:
        """Return a step by name; a ``KeyError`` is a bug."""
        return self._steps[name]

    def find_step(self, name: str) -> PlannedStep | None:
        """Return a step by name if it delivers something."""
        step = self._steps.get(name)
        return step if step is not None and step.type == DEPLOY else None

    def graph(self, step: PlannedStep) -> StepGraph:
        """Return the components of a step and what ties them together."""
        key = self._key(step)
        known = self._graphs.get(key)
        if known is None:
            known = self._graphs[key] = self._make_graph(step)
        return known

    @property
    def links_components(self) -> bool:
        """Whether in some step a component has to wait for another."""
        return any(self.graph(step).links for step in self.deploy_steps)

    @property
    def evaluates(self) -> bool:
        """Whether rendering runs definitions of the hub: it takes a while, and blocks."""
        return self._registry.evaluates

    @property
    def reads_targets(self) -> bool:
        """Whether some type renders differently on each placement: ``see`` the clusters first."""
        return any(self._reads_target(step) for step in self.deploy_steps)

    def see(self, clusters: Iterable[ClusterInfo]) -> None:
        """Take note of what templates may ask of clusters: their versions."""
        self._versions |= {cluster.name: cluster.git_version for cluster in clusters}

    def select(self, step: PlannedStep, clusters: Sequence[ClusterInfo]) -> Selection:
        """Return where a step delivers to, as the clusters are now."""
        if step.local:
            return Selection(placements=(Placement(cluster=LOCAL, namespace=self.namespace),))
        topologies = [p for p in self.policies_of(step) if p.type == TOPOLOGY]
        return select_placements(topologies, clusters, namespace=self.namespace)

    def namespaces(self, step: PlannedStep) -> list[str]:
        """Return the namespaces that a step delivers to, whatever the clusters are."""
        return target_namespaces(self.policies_of(step), namespace=self.namespace)

    def components(self, step: PlannedStep) -> Sequence[Component]:
        """Return the components of a step: the application's, after the step's overrides."""
        return self.graph(step).components

    def manifests(self, step: PlannedStep, placement: Placement, *, revision: str) -> list[Json]:
        """Return what a placement is sent, in the order of applying."""
        placed = place(
            self._rendered(step, placement, revision=revision),
            cluster=placement.cluster,
            namespace=placement.namespace,
            revision=revision,
        )
        return apply_order(placed)

    def treatment(self, manifest: Json) -> Treatment:
        """Return what the application's rule policies say about one of its objects."""
        facts = Facts.of(manifest)
        return self.rules.treatment(facts)

    def placement_digest(self, step: PlannedStep, placement: Placement) -> PlacementDigest:
        """Digest what a placement is sent; the revision's name does not count.

        The objects are digested once for all placements of a step; a placement adds only where it is, since
        that is all that placing depends on. Types that read the target make each placement's own.
        """
        shared = self._shared_digest(step, placement)
        text = f"{shared}/{placement.cluster}/{placement.namespace}"
        return PlacementDigest(
            step=step.name,
            cluster=placement.cluster,
            namespace=placement.namespace,
            digest=hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH],
        )

    def grouped(
        self, step: PlannedStep, placement: Placement, *, revision: str
    ) -> dict[Copy, list[Json]]:
        """Return what ``manifests`` returns, by who makes it.

        What all copies of a component share stands under the component without a key.
        """
        groups: dict[Copy, list[Json]] = {}
        for manifest in self.manifests(step, placement, revision=revision):
            groups.setdefault(self.copy_of(step, manifest), []).append(manifest)
        return groups

    def copy_of(self, step: PlannedStep, manifest: Json) -> Copy:
        """Return which copy of a component made an object of a step."""
        labels = manifest["metadata"]["labels"]
        name = labels[APP_COMPONENT]
        replicated = name in self.graph(step).replicas
        return Copy(name, labels.get(REPLICA_KEY, "") if replicated else "")

    def outputs_of(
        self, step: PlannedStep, placement: Placement, copy: Copy
    ) -> dict[str, ObjectRef]:
        """Return the objects of a copy by the name of the output; the workload is ""."""
        made = self._copy(step, placement, copy)
        placed = self._place(made, placement, revision="")
        refs = [ObjectRef.of(manifest) for manifest in placed]
        named = [manifest["metadata"]["labels"].get(TRAIT_RESOURCE, "") for manifest in placed]
        return {"": refs[0], **{name: ref for name, ref in zip(named, refs, strict=True) if name}}

    def filled(
        self,
        step: PlannedStep,
        placement: Placement,
        copy: Copy,
        *,
        values: Values,
        revision: str,
        group: Sequence[Json],
    ) -> list[Json]:
        """Return a group of a placement's manifests with the values of its inputs in them.

        An object stays the one that was planned: its name, if it is made of its content, does not follow
        the values. Raises ``UnfitValue`` when a value fits no property, or would make other objects.
        """
        planned = self._copy(step, placement, copy)
        made = self._copy(step, placement, copy, values=values, revision=revision)
        if [identity_of(each) for each in made] != [identity_of(each) for each in planned]:
            raise UnfitValue(copy, values, "would make objects of other names, kinds or number")
        names = (each.manifest["metadata"]["name"] for each in planned)
        renamed = [each.called(name) for each, name in zip(made, names, strict=True)]
        final = {
            ObjectRef.of(manifest): manifest
            for manifest in self._place(renamed, placement, revision=revision)
        }
        return [as_planned(final[ObjectRef.of(manifest)], manifest) for manifest in group]

    def object_count(self, step: PlannedStep, placement: Placement) -> int:
        """Return how many objects a placement of a step gets."""
        return len(self._rendered(step, placement))

    def policies_of(self, step: PlannedStep) -> list[InlinePolicy]:
        """Return the policies that a step names, in its order."""
        return [self._policies[name] for name in step.policies]

    def _key(self, step: PlannedStep) -> tuple[str, ...]:
        """What decides about a step's objects: every policy that isn't about where."""
        return tuple(p.name for p in self.policies_of(step) if p.type != TOPOLOGY)

    def _shared_digest(self, step: PlannedStep, placement: Placement) -> str:
        if self._reads_target(step):
            return _digest(self._rendered(step, placement))
        key = self._key(step)
        known = self._digests.get(key)
        if known is None:
            known = self._digests[key] = _digest(self._rendered(step, placement))
        return known

    def _reads_target(self, step: PlannedStep) -> bool:
        key = self._key(step)
        known = self._reading.get(key)
        if known is None:
            known = reads_target(self.components(step), self._registry)
            self._reading[key] = known
        return known

    def _rendered(
        self, step: PlannedStep, placement: Placement, *, revision: str = ""
    ) -> tuple[RenderedObject, ...]:
        context = self._context_at(step, placement, revision=revision)
        if self._reads_target(step):
            return self._render(step, context)
        key = self._key(step)
        known = self._objects.get(key)
        if known is None:
            known = self._objects[key] = self._render(step, context)
        return known

    def _context_at(
        self, step: PlannedStep, placement: Placement, *, revision: str
    ) -> RenderContext:
        context = self._context.among(self.components(step))
        if not self._reads_target(step):
            return context
        target = Target(
            cluster=placement.cluster,
            namespace=placement.namespace,
            git_version=self._versions.get(placement.cluster, ""),
            revision=revision,
        )
        return context.at(target)

    def _render(self, step: PlannedStep, context: RenderContext) -> tuple[RenderedObject, ...]:
        graph = self.graph(step)
        return render(
            graph.components,
            context,
            self._registry,
            replicas=graph.replicas,
            values=graph.values,
            order=graph.order,
        )

    def _copy(
        self,
        step: PlannedStep,
        placement: Placement,
        copy: Copy,
        *,
        values: Values | None = None,
        revision: str = "",
    ) -> tuple[RenderedObject, ...]:
        """Render one copy of one component by itself; without values with placeholders."""
        graph = self.graph(step)
        component = next(each for each in graph.components if each.name == copy.component)
        supplied = graph.values.get(copy.component) if values is None else values
        try:
            return render(
                [component],
                self._context_at(step, placement, revision=revision),
                self._registry,
                replicas={copy.component: (copy.key,)} if copy.key else None,
                values={copy.component: supplied or {}},
            )
        except (InvalidApplication, KeyMismatch) as error:
            if values is None:
                raise
            raise UnfitValue(copy, values, "does not fit there", error) from None

    def _place(
        self, objects: Sequence[RenderedObject], placement: Placement, *, revision: str
    ) -> list[Json]:
        return place(
            objects, cluster=placement.cluster, namespace=placement.namespace, revision=revision
        )

    def _make_graph(self, step: PlannedStep) -> StepGraph:
        written, policies = self.application.spec.components, self.policies_of(step)
        components = apply_overrides(written, policies)
        replicas = replica_keys(components, policies)
        links = read_links(components, written)
        if not links:
            return StepGraph(components, replicas, links, {}, ())
        outputs = read_outputs(written)
        try:
            values = {
                each.name: placeholders(
                    each, expected_of(links.inputs[each.name], outputs), self._registry
                )
                for each in components
                if each.name in links.inputs
            }
        except KeyMismatch as error:
            raise InvalidApplication.at("spec.components", str(error)) from None
        return StepGraph(components, replicas, links, values, component_order(components))


def _digest(objects: Sequence[RenderedObject]) -> str:
    return digest(place(objects, cluster="", namespace="", revision=""))


def refuse_foreign_objects(manifests: Iterable[Json], *, namespace: str) -> None:
    """Refuse objects outside the application's namespace, for ``--allow-cross-namespace-resource=false``.

    Cluster-scoped kinds are outside every namespace. Raises ``InvalidApplication`` naming each object.
    """
    for manifest in manifests:
        metadata = manifest["metadata"]
        scoped = is_cluster_scoped(manifest["apiVersion"], manifest["kind"])
        where = "" if scoped else metadata.get("namespace", "")
        if where != namespace:
            place_of = f"in namespace {where!r}" if where else "cluster-scoped"
            raise InvalidApplication.at(
                f"{manifest['kind']} {metadata['name']}",
                f"is {place_of}, and this worker keeps applications in their own namespace",
                namespace,
                "remove the topology's namespace, or let the operator allow it with "
                "--allow-cross-namespace-resource",
            )
