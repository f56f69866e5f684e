"""The fence: what a late attempt may still write, which is nothing. A hand-written cluster tells the order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from lateen.activities.applying import Applier, Found
from lateen.hub.audits import SupersededDelivery
from lateen.kube.cluster import Applied
from lateen.kube.errors import Conflict, Forbidden, Target, Unreachable
from lateen.model.objects import ObjectRef

Json = dict[str, Any]

LABELS = {"app.oam.dev/name": "web", "app.oam.dev/namespace": "shop"}
MANIFEST: Json = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "web", "namespace": "shop", "labels": LABELS},
}


class OneObject:
    """A cluster with at most one object; every write has a new version. ``before_write`` can interfere."""

    name = "member"

    def __init__(self, version: int = 0) -> None:
        self.version = version
        self.written: list[Json] = []
        self.before_write: Callable[[], None] = lambda: None

    async def get(self, ref: ObjectRef) -> Json | None:
        return self._live() if self.version else None

    async def apply(
        self,
        manifest: Json,
        *,
        field_manager: str,
        force: bool = False,
        dry_run: bool = False,
        guard: Callable[[], None] | None = None,
    ) -> Applied:
        interfere, self.before_write = self.before_write, lambda: None
        interfere()
        if guard is not None:
            try:
                guard()
            except OSError as error:
                raise Unreachable("aborted", cluster=self.name) from error
        wanted = manifest["metadata"].get("resourceVersion")
        if wanted is not None and wanted != str(self.version):
            raise Conflict(Target(self.name, "apply", "/"), status=409)
        created = self.version == 0
        self.version += 1
        self.written.append(manifest)
        return Applied(self._live(), created=created)

    def _live(self) -> Json:
        return {
            **MANIFEST,
            "metadata": {**MANIFEST["metadata"], "resourceVersion": str(self.version)},
        }


class Hold:
    """A lease that a newer delivery can take, and that can run out."""

    def __init__(self) -> None:
        self.taken = False
        self.late = False

    async def check(self, *, fresh: bool = False) -> None:
        if fresh or self.late:
            self.late = False
            if self.taken:
                raise SupersededDelivery("a newer delivery took over")

    def expired(self) -> bool:
        return self.late


def applier(cluster: OneObject, lease: Hold) -> Applier:
    return Applier(cluster, application="shop/web", lease=lease)  # type: ignore[arg-type] # a fake


async def test_an_update_that_a_newer_delivery_overtook_is_not_written() -> None:
    cluster, lease = OneObject(version=5), Hold()

    def newer_delivery_writes() -> None:
        lease.taken = True
        cluster.version += 1

    cluster.before_write = newer_delivery_writes
    with pytest.raises(SupersededDelivery):
        await applier(cluster, lease).write([Found(MANIFEST, "5")])
    assert cluster.written == []


async def test_a_creation_that_was_frozen_before_it_was_sent_is_not_written() -> None:
    cluster, lease = OneObject(), Hold()

    def frozen_while_a_newer_delivery_creates() -> None:
        lease.taken, lease.late = True, True
        cluster.version += 1

    cluster.before_write = frozen_while_a_newer_delivery_creates
    with pytest.raises(SupersededDelivery):
        await applier(cluster, lease).write([Found(MANIFEST)])
    assert cluster.written == []


async def test_a_creation_that_was_only_slow_is_sent_after_another_look() -> None:
    cluster, lease = OneObject(), Hold()

    def slow() -> None:
        lease.late = True

    cluster.before_write = slow
    await applier(cluster, lease).write([Found(MANIFEST)])
    assert len(cluster.written) == 1


async def test_a_status_update_in_between_is_no_reason_to_give_up() -> None:
    cluster, lease = OneObject(version=5), Hold()

    def controller_writes_status() -> None:
        cluster.version += 1

    cluster.before_write = controller_writes_status
    await applier(cluster, lease).write([Found(MANIFEST, "5")])
    assert [m["metadata"]["resourceVersion"] for m in cluster.written] == ["6"]


async def test_an_attempt_is_not_over_while_one_of_its_writes_is_under_way() -> None:
    """The next delivery would begin beside it."""

    class OneRefuses(OneObject):
        async def apply(self, manifest: Json, **how: Any) -> Applied:
            if manifest["metadata"]["name"] == "bad":
                raise Forbidden(Target(self.name, "apply", "/"), status=403)
            await asyncio.sleep(0.01)
            return await super().apply(manifest, **how)

    cluster = OneRefuses()
    bad = {**MANIFEST, "metadata": {**MANIFEST["metadata"], "name": "bad"}}
    with pytest.raises(Forbidden):
        await applier(cluster, Hold()).write([Found(bad), Found(MANIFEST)])
    assert len(cluster.written) == 1


class KubeVelasObject(OneObject):
    """An object that KubeVela wrote, until its fields change owner."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.owner = "kubevela"
        self.calls: list[str] = []

    async def patch_steps(self, ref: ObjectRef, steps: list[Json], *, field_manager: str) -> Json:
        interfere, self.before_write = self.before_write, lambda: None
        interfere()
        if steps[-1]["value"] != str(self.version):
            raise Conflict(Target(self.name, "patch", "/"), status=409)
        self.version += 1
        self.owner = steps[0]["value"][0]["manager"]
        self.calls.append("hand over")
        return self._live()

    async def apply(self, manifest: Json, **how: Any) -> Applied:
        applied = await super().apply(manifest, **how)
        if not how.get("dry_run"):
            self.calls.append("apply")
        return applied

    def _live(self) -> Json:
        live = super()._live()
        operation = "Update" if self.owner == "kubevela" else "Apply"
        entry = {"manager": self.owner, "operation": operation, "apiVersion": "v1", "fieldsV1": {}}
        return {**live, "metadata": {**live["metadata"], "managedFields": [entry]}}


@pytest.mark.parametrize("moved", [False, True], ids=["quiet", "written to meanwhile"])
async def test_what_kubevela_delivered_changes_owner_before_the_apply(moved: bool) -> None:
    """Both writes hold for the version that was read; when it moved on, it is looked at again."""
    cluster = KubeVelasObject(version=5)
    found = await applier(cluster, Hold())._owned(MANIFEST)

    def somebody_writes() -> None:
        cluster.version += 1

    if moved:
        cluster.before_write = somebody_writes
    await applier(cluster, Hold()).write([found])
    assert cluster.calls == ["hand over", "apply"]
    assert cluster.owner == "lateen:shop/web"
    expected = "7" if moved else "6"
    assert [m["metadata"]["resourceVersion"] for m in cluster.written] == [expected]


async def test_a_newer_delivery_keeps_a_late_one_from_changing_owners() -> None:
    cluster, lease = KubeVelasObject(version=5), Hold()
    found = await applier(cluster, lease)._owned(MANIFEST)

    def newer_delivery_writes() -> None:
        lease.taken = True
        cluster.version += 1

    cluster.before_write = newer_delivery_writes
    with pytest.raises(SupersededDelivery):
        await applier(cluster, lease).write([found])
    assert (cluster.calls, cluster.owner) == ([], "kubevela")
