"""A revision made ready to deliver: its steps, each step's placements, and the manifests of a placement.

What does not depend on the placement is done once: a step's components are overridden and rendered at the
first use and then only placed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from lateen.model.application import Application, Component, InlinePolicy
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.json_values import json_digest
from lateen.model.labels import LOCAL
from lateen.model.parsing import content_digest, parse_application, parse_policy, parse_workflow
from lateen.model.placement import Placement
from lateen.model.records import PlacementDigest, Snapshot
from lateen.planning.dependents import dependency_ranks
from lateen.planning.environments import environments
from lateen.planning.plan import PlannedStep
from lateen.planning.references import inline_policy
from lateen.planning.step_types import DEPLOY
from lateen.planning.steps import plan_steps
from lateen.policies.override import apply_overrides
from lateen.policies.replication import replica_keys
from lateen.policies.rules.selectors import Facts
from lateen.policies.rules.treatments import Rules, Treatment
from lateen.policies.topology import TOPOLOGY, ClusterInfo, Selection, select_placements
from lateen.rendering.context import RenderContext, Target
from lateen.rendering.digest import digest
from lateen.rendering.ordering import apply_order
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
        self._ranks = dependency_ranks(self.application.spec.components)
        self._policies: Mapping[str, InlinePolicy] = {**external, **inline, **envs.policies}
        self._registry = registry
        self._context = RenderContext.of(self.application)
        self._steps = {step.name: step for step in self.plan.leaves}
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

    def components(self, step: PlannedStep) -> Sequence[Component]:
        """Return the components of a step: the application's, after the step's overrides."""
        return apply_overrides(self.application.spec.components, self.policies_of(step))

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
        return self.rules.treatment(facts, rank=self._ranks.get(facts.component, 0))

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
        if self._reads_target(step):
            target = Target(
                cluster=placement.cluster,
                namespace=placement.namespace,
                git_version=self._versions.get(placement.cluster, ""),
                revision=revision,
            )
            return self._render(step, self._context.at(target))
        key = self._key(step)
        known = self._objects.get(key)
        if known is None:
            known = self._objects[key] = self._render(step, self._context)
        return known

    def _render(self, step: PlannedStep, context: RenderContext) -> tuple[RenderedObject, ...]:
        components = self.components(step)
        replicas = replica_keys(components, self.policies_of(step))
        return render(components, context, self._registry, replicas=replicas)


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
