"""What an application refers to, after the overrides of every step; and what its revision says of it."""

from __future__ import annotations

from typing import Any

from lateen.model.labels import WITHHELD
from lateen.model.records import Snapshot
from lateen.model.references import FoundObjects, ObjectSelector
from lateen.planning.referenced_objects import outside_warnings, references
from lateen.planning.resolving import Resolved, snapshot_digest
from lateen.rendering.registry import builtin

Json = dict[str, Any]


def application(*components: Json, policies: list[Json] | None = None) -> Json:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"components": list(components), "policies": policies or []},
    }


def copies(name: str, *objects: Json) -> Json:
    return {"name": name, "type": "ref-objects", "properties": {"objects": list(objects)}}


def override(name: str, *components: Json) -> Json:
    return {"name": name, "type": "override", "properties": {"components": list(components)}}


def wanted(content: Json) -> list[tuple[str, str]]:
    resolved = Resolved(Snapshot(application=content), builtin())
    deliveries = [resolved.components(step) for step in resolved.deploy_steps]
    found = references(resolved.application, deliveries, builtin())
    return [(each.path, each.selector.name) for each in found]


def test_an_application_without_copies_refers_to_nothing() -> None:
    web = {"name": "web", "type": "webservice", "properties": {"image": "nginx"}}
    assert wanted(application(web)) == []


def test_each_object_is_wanted_once_wherever_it_is_asked_for() -> None:
    same = {"resource": "configmaps", "name": "one"}
    content = application(copies("a", same, {"resource": "configmaps"}), copies("b", same))
    assert wanted(content) == [
        ("spec.components[0].properties.objects[0]", "one"),
        ("spec.components[0].properties.objects[1]", "a"),
    ]


def test_overrides_change_and_add_what_is_wanted() -> None:
    """As the last step's override alone may name what is to be read, all steps count."""
    change = {"name": "a", "properties": {"objects": [{"resource": "cm", "name": "two"}]}}
    content = application(
        copies("a", {"resource": "cm", "name": "one"}),
        policies=[override("change", change), override("add", copies("extra", {"resource": "cm"}))],
    )
    steps = [
        {"name": name, "type": "deploy", "properties": {"policies": policies}}
        for name, policies in (("plain", []), ("changed", ["change", "add"]))
    ]
    content["spec"]["workflow"] = {"steps": steps}
    content["spec"]["policies"].append({"name": "here", "type": "topology", "properties": {}})
    assert wanted(content) == [
        ("spec.components[0].properties.objects[0]", "one"),
        ("spec.components[0].properties.objects[0]", "two"),
        ("components[extra].properties.objects[0]", "extra"),
    ]


def snapshot(*objects: Json, namespace: str = "shop") -> Snapshot:
    selector = ObjectSelector(namespace=namespace, resource="cm")
    found = FoundObjects(selector=selector, objects=list(objects))
    return Snapshot(application=application(copies("a", {"resource": "cm"})), references=[found])


def manifest(kind: str = "ConfigMap", namespace: str | None = "shop", **more: Any) -> Json:
    metadata: Json = {"name": "a", **({"namespace": namespace} if namespace else {})}
    metadata |= more.pop("metadata", {})
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


def test_what_was_found_belongs_to_the_revision() -> None:
    plain = snapshot_digest(Snapshot(application=application(copies("a", {"resource": "cm"}))))
    one, two = (snapshot_digest(snapshot(manifest(data={"k": v}))) for v in "12")
    assert len({plain, one, two}) == 3
    read_back = Snapshot.model_validate(snapshot(manifest(data={"k": "1"})).to_json())
    assert snapshot_digest(read_back) == one


def test_only_secrets_that_the_revision_holds_are_filled_in_later() -> None:
    noted = {"annotations": {WITHHELD: "d1"}}
    held = snapshot(manifest("Secret", metadata=noted), manifest(metadata=noted))
    (source,) = Resolved(held, builtin()).withheld.values()
    assert (source.cluster, source.namespace, source.name, source.digest) == (
        "local",
        "shop",
        "a",
        "d1",
    )
    forged = {
        "name": "forged",
        "type": "k8s-objects",
        "properties": {"objects": [manifest("Secret", "vault", metadata=noted)]},
    }
    assert Resolved(Snapshot(application=application(forged)), builtin()).withheld == {}


def test_people_are_told_what_few_workers_copy() -> None:
    assert outside_warnings(snapshot(manifest())) == []
    (foreign,) = outside_warnings(snapshot(manifest(namespace="vault")))
    assert foreign.startswith("ConfigMap vault/a is outside namespace 'shop'")
    (scoped,) = outside_warnings(snapshot(manifest("Namespace", namespace=None)))
    assert scoped.startswith("Namespace a is outside")
