"""One look at one application: what it says, what it records, and when it asks for a delivery."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from lateen.activities.drifting import check_drift, list_delivered
from lateen.activities.opening import digest_now
from lateen.activities.rooms import DeliverySettings, Rooms
from lateen.contracts.drift import CheckDrift, DriftChecked, ListDelivered
from lateen.hub.clusters import ClusterRegistry
from lateen.kube.errors import Unreachable
from lateen.model.base import Json
from lateen.model.drift import DriftMode
from lateen.model.parsing import parse_application
from lateen.model.records import Audit, DeliveryRecord, Phase, RevisionRef
from lateen.rendering.registry import builtin
from support.applications import application
from unit.hub.fakes import FakeCluster, FakeConnection

ID = "default/web"
DEPLOYMENT = ("apps", "Deployment", "default", "web")


class Bench:
    """A hub that was delivered to: it is its own target, ``local``."""

    def __init__(self, *, setting: DriftMode = "report") -> None:
        self.hub = FakeCluster()
        self.rooms = Rooms(
            hub=self.hub,
            clusters=ClusterRegistry(self.hub, "vela-system"),
            types=builtin(),
            settings=DeliverySettings(drift=setting),
        )

    async def deliver(self, app: Json, *, phase: Phase = "delivered", number: int = 1) -> Bench:
        """Put everything where a delivery leaves it."""
        parsed = parse_application(app)
        snapshot, resolved = await self.rooms.freeze(parsed)
        digest = await digest_now(self.rooms, parsed)
        ref = RevisionRef(name="web-v1", number=1, digest=digest)
        await self.rooms.revisions.create("default", "web", ref=ref, snapshot=snapshot)
        self.hub.put(app)
        clusters = await self.rooms.cluster_infos()
        steps: list[Json] = []
        for step in resolved.deploy_steps:
            placements = resolved.select(step, clusters).placements
            for placement in placements:
                for manifest in resolved.manifests(step, placement, revision=ref.name):
                    self.hub.put(manifest)
            told = [{**each.to_json(), "phase": "delivered"} for each in placements]
            steps.append({"name": step.name, "type": "deploy", "placements": told})
        record = DeliveryRecord(
            number=number, run_id="r", phase=phase, steps=steps, clusters=["local"]
        )
        audit = Audit(
            phase=phase,
            revision=ref.name,
            revision_digest=digest,
            latest_revision=1,
            latest_delivery=number,
            delivery=record,
            delivered=record if phase == "delivered" else None,
        )
        await self.rooms.audits.change("default", "web", lambda _: audit)
        return self

    def change(self, **spec: Any) -> None:
        """Change fields of the Deployment behind lateen's back."""
        live = copy.deepcopy(self.hub.objects[DEPLOYMENT])
        live["spec"] |= spec
        self.hub.put(live)

    def annotate(self, **annotations: str) -> None:
        """Annotate the stored application, as ``kubectl annotate`` does."""
        key = ("core.oam.dev", "Application", "default", "web")
        stored = copy.deepcopy(self.hub.objects[key])
        keys = {f"lateen.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}
        stored["metadata"]["annotations"] = keys
        self.hub.put(stored)

    async def check(self, **how: Any) -> DriftChecked:
        return await check_drift(self.rooms, CheckDrift(application=ID, **how))

    async def audit(self) -> Audit:
        return await self.rooms.audits.read("default", "web")


def scaled(**more: Any) -> Json:
    app = application("web", **more)
    app["spec"]["components"][0]["traits"] = [{"type": "scaler", "properties": {"replicas": 1}}]
    return app


def writes(hub: FakeCluster) -> list[str]:
    """Return what was written besides the audit."""
    verbs = ("create", "apply", "replace", "patch", "delete")
    return [each for each in hub.requests if each.startswith(verbs) and "Audit" not in each]


async def test_as_delivered_is_clean_and_costs_one_write_an_hour() -> None:
    bench = await Bench().deliver(scaled())
    assert (await bench.check()).report.is_quiet
    bench.hub.requests.clear()
    assert (await bench.check()).report.is_quiet
    assert [each for each in bench.hub.requests if not each.startswith(("get", "list"))] == []


async def test_a_changed_field_is_told_by_path_recorded_and_not_touched() -> None:
    bench = await Bench().deliver(scaled())
    bench.change(replicas=4711)
    bench.hub.requests.clear()
    checked = await bench.check()
    assert checked.report.drift is not None
    (found,) = checked.report.drift.objects
    assert (found.cluster, found.title, found.fields) == (
        "local",
        "Deployment default/web",
        ["spec.replicas"],
    )
    assert (checked.report.state, checked.submission) == ("drifted", None)
    assert writes(bench.hub) == []
    audit = await bench.audit()
    assert audit.drift == checked.report.drift
    assert "4711" not in json.dumps([checked.to_json(), audit.to_json()])


async def test_a_missing_object_is_drift() -> None:
    bench = await Bench().deliver(scaled())
    del bench.hub.objects[DEPLOYMENT]
    report = (await bench.check()).report
    assert report.drift is not None
    assert [(each.missing, each.fields) for each in report.drift.objects] == [(True, [])]


async def test_an_object_that_lost_its_owner_is_told_and_never_repaired() -> None:
    """A delivery would be refused: it is not for a check to take something over."""
    bench = await Bench(setting="repair").deliver(scaled())
    live = copy.deepcopy(bench.hub.objects[DEPLOYMENT])
    live["metadata"]["labels"] = {}
    bench.hub.put(live)
    report = (await bench.check()).report
    assert report.drift is not None
    assert report.drift.objects[0].note == "is not this application's any more"
    assert report.repair == "withheld"


@pytest.mark.parametrize(
    ("setting", "annotation", "how", "asked"),
    [
        ("report", None, {}, False),
        ("repair", None, {}, True),
        ("repair", "report", {}, False),
        ("report", "repair", {}, True),
        ("off", "repair", {}, True),
        ("report", None, {"repair": True}, True),
        ("report", "report", {"repair": True}, False),
        ("report", "report", {"repair": True, "named": True}, True),
        ("report", "off", {"repair": True, "named": True}, True),
        ("off", None, {"named": True}, False),
    ],
)
async def test_who_decides_about_repair(
    setting: DriftMode, annotation: str | None, how: dict[str, bool], asked: bool
) -> None:
    """The application over the operator; who names it over both."""
    bench = await Bench(setting=setting).deliver(scaled())
    if annotation:
        bench.annotate(drift=annotation)
    bench.change(replicas=3)
    checked = await bench.check(**how)
    assert checked.report.state == "drifted"
    assert (checked.report.repair == "asked") is asked
    assert (checked.submission is not None) is asked


async def test_a_repair_delivers_what_was_delivered() -> None:
    bench = await Bench(setting="repair").deliver(scaled())
    bench.change(replicas=3)
    submission = (await bench.check(actor="mia")).submission
    assert submission is not None
    assert submission["actor"] == "mia"
    assert submission["application"]["spec"] == parse_application(scaled()).spec.to_json()
    audit = await bench.audit()
    assert audit.drift is not None
    assert audit.drift.repairs == 1


@pytest.mark.parametrize(("annotation", "setting"), [("off", "repair"), ("", "off")])
async def test_off_is_not_even_looked_at(annotation: str, setting: DriftMode) -> None:
    bench = await Bench(setting=setting).deliver(scaled())
    if annotation:
        bench.annotate(drift=annotation)
    bench.change(replicas=3)
    assert (await bench.check()).report.state == "off"
    assert (await bench.audit()).drift is None


async def test_an_edit_that_waits_in_the_hub_is_not_undone() -> None:
    bench = await Bench(setting="repair").deliver(scaled())
    bench.hub.put(scaled(image="nginx:2"))
    bench.change(replicas=3)
    checked = await bench.check()
    assert (checked.report.repair, checked.submission) == ("withheld", None)
    assert "was changed and not delivered yet" in checked.report.message


async def test_a_changed_policy_of_the_hub_is_not_rolled_out_by_a_repair() -> None:
    bench = Bench(setting="repair")
    policy: Json = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": "more", "namespace": "default"},
        "type": "override",
        "properties": {"components": [{"name": "web", "properties": {"image": "nginx:1"}}]},
    }
    bench.hub.put(policy)
    step = {"name": "d", "type": "deploy", "properties": {"policies": ["here", "more"]}}
    await bench.deliver(scaled(steps=[step]))
    bench.change(replicas=3)
    assert (await bench.check()).report.repair == "asked"
    changed = copy.deepcopy(policy)
    changed["properties"]["components"][0]["properties"]["image"] = "nginx:9"
    bench.hub.put(changed)
    report = (await bench.check()).report
    assert report.repair == "withheld"
    assert "what the application uses was changed" in report.message


async def test_enough_is_enough_for_one_shard() -> None:
    bench = await Bench(setting="repair").deliver(scaled())
    bench.change(replicas=3)
    checked = await bench.check(may_submit=False)
    assert (checked.report.repair, checked.submission) == ("later", None)


async def test_a_fight_is_given_up_and_named() -> None:
    bench = await Bench(setting="repair").deliver(scaled())
    bench.change(replicas=3)
    asked = [(await bench.check()).report.repair for _ in range(5)]
    assert asked == ["asked"] * 3 + ["withheld"] * 2
    assert "apply-once" in (await bench.check()).report.message
    assert (await bench.check(repair=True, named=True)).report.repair == "asked"


@pytest.mark.parametrize(
    ("phase", "state"),
    [("waiting", "busy"), ("delivering", "busy"), ("failed", "undelivered")],
)
async def test_what_is_half_delivered_has_not_drifted(phase: Phase, state: str) -> None:
    bench = await Bench(setting="repair").deliver(scaled(), phase=phase)
    bench.change(replicas=3)
    checked = await bench.check(repair=True, named=True)
    assert (checked.report.state, checked.submission) == (state, None)
    assert (await bench.audit()).drift is None


async def test_a_delivery_that_begins_meanwhile_makes_the_look_worthless() -> None:
    """Another worker claims the next number just before the record is written."""
    bench = await Bench(setting="repair").deliver(scaled())
    bench.change(replicas=3)
    key = ("lateen.dev", "Audit", "default", "web")

    def claim() -> None:
        audit = copy.deepcopy(bench.hub.objects[key])
        audit["spec"]["latestDelivery"] = 2
        bench.hub.put(audit)

    bench.hub.before_write.append(claim)
    checked = await bench.check()
    assert (checked.report.state, checked.submission) == ("busy", None)
    assert (await bench.audit()).drift is None


async def test_a_cluster_that_is_down_is_unchecked() -> None:
    bench = await Bench(setting="repair").deliver(scaled())
    bench.change(replicas=3)
    connection = bench.hub.connection
    assert isinstance(connection, FakeConnection)
    connection.silence = Unreachable("connection refused", cluster="local")
    report = (await bench.check()).report
    assert (report.state, report.repair) == ("unchecked", "")
    assert report.drift is not None
    (unchecked,) = report.drift.unchecked
    assert (unchecked.cluster, unchecked.reason) == ("local", "connection refused")
    assert (report.drift.total, (await bench.audit()).events) == (0, [])


async def test_an_application_that_is_gone_is_unknown() -> None:
    assert (await Bench().check()).report.state == "unknown"


async def test_shards_end_with_the_last_application() -> None:
    bench = Bench()
    for name in ("c", "a", "d", "b"):
        bench.hub.put(application(name))
    first = await list_delivered(bench.rooms, ListDelivered(limit=3))
    assert (first.applications, first.after) == (
        ["default/a", "default/b", "default/c"],
        "default/c",
    )
    last = await list_delivered(bench.rooms, ListDelivered(limit=3, after=first.after))
    assert (last.applications, last.after, last.hub_uid) == (["default/d"], "", "hub-uid")
    other = await list_delivered(bench.rooms, ListDelivered(limit=3, namespace="shop"))
    assert other.applications == []
