"""What is different between two revisions: in what was written, and in what placements get. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.json_values import as_object
from lateen.model.labels import APP_COMPONENT, APP_REVISION
from lateen.model.objects import ObjectRef
from lateen.model.parsing import parse_application, parse_policy
from lateen.model.placement import Placement
from lateen.model.records import Snapshot
from lateen.model.references import FoundObjects
from lateen.planning.differences import (
    Action,
    ApplicationDifference,
    FieldDifference,
    ObjectDifference,
    PlacementDifference,
    concealed,
    differences,
    masked,
    masked_at,
)
from lateen.planning.inline_secrets import policy_secret_paths, secret_paths
from lateen.planning.references import inline_policy
from lateen.planning.resolving import Resolved
from lateen.policies.rules.field_paths import FieldPath, parse_path
from lateen.policies.topology import ClusterInfo


def written_differences(before: Snapshot, after: Snapshot) -> list[FieldDifference]:
    """Compare what two revisions hold, field by field; secrets are only said to be different."""
    return differences(_comparable(before), _comparable(after))


def shown(snapshot: Snapshot) -> Json:
    """Return what a revision holds, with masks in the place of everything secret."""
    document: Json = {
        "application": masked_at(snapshot.application, _secrets(snapshot.application)),
        "policies": [masked_at(each, _policy_secrets(each)) for each in snapshot.policies],
        "workflow": snapshot.workflow,
        "definitions": [each.to_json() for each in snapshot.definitions],
        "references": [
            {"selector": each.selector.to_json(), "objects": [masked(o) for o in each.objects]}
            for each in snapshot.references
        ],
        "plugins": dict(snapshot.plugins),
    }
    return {key: value for key, value in document.items() if value}


def _comparable(snapshot: Snapshot) -> Json:
    """Arrange a snapshot so that what has one name is compared, whatever its place."""
    application = concealed(snapshot.application, _secrets(snapshot.application))
    policies = [concealed(each, _policy_secrets(each)) for each in snapshot.policies]
    document: Json = {
        "application": {
            "labels": application["metadata"].get("labels") or {},
            "annotations": application["metadata"].get("annotations") or {},
            **application["spec"],
        },
        "policies": {each["metadata"]["name"]: _content(each) for each in policies},
        "definitions": {
            "@".join(filter(None, (f"{each.kind} {each.name}", each.version))): each.spec
            for each in snapshot.definitions
        },
        "references": {_title(each): _objects(each) for each in snapshot.references},
        "plugins": dict(snapshot.plugins),
    }
    if snapshot.workflow is not None:
        document["workflow"] = _content(snapshot.workflow)
    return document


def _secrets(application: Json) -> list[FieldPath]:
    return [parse_path(path) for path in secret_paths(parse_application(application))]


def _policy_secrets(policy: Json) -> list[FieldPath]:
    return [parse_path(path) for path in policy_secret_paths(inline_policy(parse_policy(policy)))]


def _content(document: Json) -> Json:
    return {key: document[key] for key in document if key not in ("apiVersion", "kind", "metadata")}


def _title(found: FoundObjects) -> str:
    selector = found.selector
    labels = ",".join(f"{key}={value}" for key, value in sorted(selector.labels.items()))
    which = selector.name or labels or "*"
    return f"{selector.kind_name} {selector.cluster}/{selector.namespace}/{which}"


def _objects(found: FoundObjects) -> Json:
    return {f"{each['kind']} {each['metadata']['name']}": masked(each) for each in found.objects}


@dataclass(frozen=True)
class Rendered:
    """What a revision gives to each placement with the clusters as they are now, and what it can't tell."""

    objects: dict[tuple[str, ObjectRef], tuple[Placement, Json]]
    steps: dict[Placement, list[str]] = field(default_factory=dict[Placement, list[str]])
    problems: list[str] = field(default_factory=list[str])


def rendered(resolved: Resolved, clusters: Sequence[ClusterInfo], *, revision: str) -> Rendered:
    """Render a revision for all its placements; where several steps write one object, the last one counts."""
    found = Rendered({})
    for step in resolved.deploy_steps:
        try:
            placements = resolved.select(step, clusters).placements
        except InvalidApplication as error:
            found.problems.append(f"{revision}: {error}")
            continue
        for place in placements:
            found.steps.setdefault(place, []).append(step.name)
            for manifest in resolved.manifests(step, place, revision=revision):
                found.objects[place.cluster, ObjectRef.of(manifest)] = place, _plain(manifest)
    return found


def rendered_differences(
    application: str, before: Rendered, after: Rendered
) -> ApplicationDifference:
    """Compare what two revisions give to the placements, object by object; secrets are masked."""
    places = {**before.steps, **after.steps}
    changes: dict[Placement, list[ObjectDifference]] = {place: [] for place in places}
    same = dict.fromkeys(places, 0)
    for key in {**before.objects, **after.objects}:
        old, new = before.objects.get(key), after.objects.get(key)
        place, _ = new or old or (Placement(cluster="", namespace=""), {})
        difference = _difference(key[1], old[1] if old else None, new[1] if new else None)
        if difference is None:
            same[place] += 1
        else:
            changes[place].append(difference)
    return ApplicationDifference(
        application=application,
        placements=[
            _placement(place, changes[place], steps=places[place], same=same[place])
            for place in places
        ],
        problems=[*before.problems, *after.problems],
    )


def _difference(ref: ObjectRef, old: Json | None, new: Json | None) -> ObjectDifference | None:
    labels = as_object(((new or old) or {})["metadata"].get("labels")) or {}
    action: Action = "create" if old is None else "delete" if new is None else "change"
    fields = differences(old, new) if old is not None and new is not None else []
    if action == "change" and not fields:
        return None
    return ObjectDifference(
        action=action,
        api_version=ref.api_version,
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        component=str(labels.get(APP_COMPONENT, "")),
        fields=fields,
        manifest=masked(new) if old is None and new is not None else None,
    )


def _placement(
    place: Placement, objects: Iterable[ObjectDifference], *, steps: list[str], same: int
) -> PlacementDifference:
    found = list(objects)
    actions = [each.action for each in found]
    return PlacementDifference(
        cluster=place.cluster,
        namespace=place.namespace,
        steps=steps,
        objects=found,
        create=actions.count("create"),
        change=actions.count("change"),
        delete=actions.count("delete"),
        unchanged=same,
    )


def _plain(manifest: Json) -> Json:
    """Leave out the label that every revision changes."""
    metadata: Json = manifest["metadata"]
    labels: Json = as_object(metadata.get("labels")) or {}
    others = {key: value for key, value in labels.items() if key != APP_REVISION}
    return {**manifest, "metadata": {**metadata, "labels": others}}
