"""`lateen diff` and `lateen dry-run --server` against real API servers: what they say, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lateen.cli import codes
from lateen.client.documents import write_yaml
from support.platforms import BEIJING, HANGZHOU_1, HANGZHOU_2, Platform, application, unique

Json = dict[str, Any]
SECRET = "hunter2-in-the-clear"


@dataclass
class Command:
    """Runs ``lateen`` in a process of its own, with its output in a pipe."""

    platform: Platform
    folder: Path

    def __call__(
        self, *arguments: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lateen.cli", *arguments],
            env={
                **os.environ,
                **self.platform.stack.environment(),
                "LATEEN_NAMESPACE": "examples",
                **environment,
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def write(self, *documents: Json) -> str:
        path = self.folder / f"{unique('file')}.yaml"
        path.write_text(write_yaml(documents))
        return str(path)

    def up(self, *arguments: str) -> None:
        """Deliver through the worker with the settings of the tests."""
        done = self("up", *arguments)
        assert done.returncode == codes.DELIVERED, done.stdout + done.stderr

    def compared(self, *arguments: str) -> tuple[int, Json]:
        """Return exit code and document of ``lateen diff -o json``; that of the only application."""
        done = self("diff", *arguments, "-o", "json")
        assert done.stdout, done.stderr
        (only,) = json.loads(done.stdout)["applications"]
        return done.returncode, only


@pytest.fixture
def lateen(platform: Platform, tmp_path: Path) -> Command:
    return Command(platform, tmp_path)


def by_object(placement: Json) -> dict[str, str]:
    return {f"{each['kind']}/{each['name']}": each["action"] for each in placement["objects"]}


async def test_create_change_delete_and_nothing(lateen: Command) -> None:
    """The life of an application, foretold before each step of it."""
    name = unique("diff")
    app = application(name, clusters=[BEIJING, HANGZHOU_1], ports=[{"port": 80, "expose": True}])
    file = lateen.write(app)
    code, new = lateen.compared("-f", file)
    assert code == codes.DIFFERENT
    assert [(p["cluster"], p["create"], p["steps"]) for p in new["placements"]] == [
        (BEIJING, 2, ["deploy-where"]),
        (HANGZHOU_1, 2, ["deploy-where"]),
    ]
    assert lateen.platform.deployment(BEIJING, name) is None
    lateen.up("-f", file)
    same = lateen("diff", "-f", file)
    assert (same.returncode, same.stdout.splitlines()[0]) == (
        codes.SAME,
        f"examples/{name}: no changes to 4 objects in 2 placements",
    )
    assert lateen("diff", name).returncode == codes.SAME
    # A new image, no Service any more, another component, one cluster less.
    app["spec"]["components"][0]["properties"] = {"image": "nginx:1.27"}
    more = {"name": f"{name}-more", "type": "worker", "properties": {"image": "busybox"}}
    app["spec"]["components"].append(more)
    app["spec"]["policies"][0]["properties"] = {"clusters": [BEIJING]}
    code, edited = lateen.compared("-f", lateen.write(app))
    assert code == codes.DIFFERENT
    beijing, hangzhou = edited["placements"]
    assert by_object(beijing) == {
        f"Deployment/{name}": "change",
        f"Deployment/{name}-more": "create",
        f"Service/{name}": "delete",
    }
    assert by_object(hangzhou) == {f"Deployment/{name}": "delete", f"Service/{name}": "delete"}
    (changed,) = [each for each in beijing["objects"] if each["action"] == "change"]
    told = {field["path"]: (field["before"], field["after"]) for field in changed["fields"]}
    assert told[f"spec.template.spec.containers[{name}].image"] == ("nginx", "nginx:1.27")
    # Only what an edit changes: neither defaults nor the label of the revision.
    assert all(path.startswith("spec.template.spec.containers") for path in told), told
    lateen.up("-f", lateen.write(app))
    assert lateen.platform.deployment(HANGZHOU_1, name) is None
    assert lateen("diff", name).returncode == codes.SAME
    await lateen.platform.delete(name)


async def test_drift_is_a_difference_of_what_is_stored(lateen: Command) -> None:
    name = unique("drift")
    lateen.up("-f", lateen.write(application(name, clusters=[BEIJING])))
    path = f"/apis/apps/v1/namespaces/examples/deployments/{name}"
    container = {"name": name, "image": "nginx:evil"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    lateen.platform.api(BEIJING).patch(path, patch)
    done = lateen("diff", name)
    assert done.returncode == codes.DIFFERENT
    line = f'~ spec.template.spec.containers[{name}].image: "nginx:evil" -> "nginx"'
    assert line in [each.strip() for each in done.stdout.splitlines()]
    assert "\x1b" not in done.stdout
    lateen.up("-f", lateen.write(application(name, clusters=[BEIJING])))
    assert lateen("diff", name).returncode == codes.SAME
    await lateen.platform.delete(name)


def test_contents_of_secrets_are_never_shown(lateen: Command) -> None:
    """Not on the way in, not from the cluster, in no form of output."""
    name = unique("secret")
    app = application(name, clusters=[BEIJING])
    secret: Json = {"name": name, "mountPath": "/s", "stringData": {"password": SECRET}}
    app["spec"]["components"][0]["traits"] = [
        {"type": "storage", "properties": {"secret": [secret]}}
    ]
    file = lateen.write(app)
    # Somebody's application has the same Secret already; its labels say that it is this one's.
    labels = {"app.oam.dev/name": name, "app.oam.dev/namespace": "examples"}
    metadata = {"name": name, "namespace": "examples", "labels": labels}
    live = {
        "kind": "Secret",
        "metadata": metadata,
        "stringData": {"password": "live-value", "x": "y"},
    }
    lateen.platform.api(BEIJING).post("/api/v1/namespaces/examples/secrets", live)
    try:
        for form in ("text", "json"):
            done = lateen("diff", "-f", file, "-o", form)
            assert done.returncode == codes.DIFFERENT, done.stderr
            assert "data.password" in done.stdout
            assert_hidden(done.stdout + done.stderr)
        assert "~ data.password: changed (not shown)" in lateen("diff", "-f", file).stdout
        shown = lateen("dry-run", "--server", "-f", file)
        assert shown.returncode == 0, shown.stderr
        assert_hidden(shown.stdout)
    finally:
        lateen.platform.api(BEIJING).delete(f"/api/v1/namespaces/examples/secrets/{name}")


def assert_hidden(text: str) -> None:
    import base64

    for word in (SECRET, "live-value"):
        assert word not in text
        assert base64.b64encode(word.encode()).decode() not in text


def test_trouble_in_one_place_is_named_and_stops_no_other(lateen: Command) -> None:
    """A namespace that isn't there, somebody else's object, a cluster that is down."""
    name = unique("trouble")
    app = application(name, clusters=[BEIJING, HANGZHOU_2])
    nowhere = {"clusters": [BEIJING], "namespace": "no-such-namespace"}
    app["spec"]["policies"].append({"name": "nowhere", "type": "topology", "properties": nowhere})
    foreign = {"metadata": {"name": name}, "data": {"a": "b"}}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"a": "c"},
    }
    app["spec"]["components"].append(
        {"name": f"{name}-c", "type": "k8s-objects", "properties": {"objects": [config]}}
    )
    lateen.platform.api(BEIJING).post("/api/v1/namespaces/examples/configmaps", foreign)
    file = lateen.write(app)
    lateen.platform.stack.stop_cluster(HANGZHOU_2)
    try:
        code, found = lateen.compared("-f", file)
        text = lateen("diff", "-f", file)
        asked = lateen("dry-run", "--server", "-f", file)
    finally:
        lateen.platform.stack.start_cluster(HANGZHOU_2)
        lateen.platform.api(BEIJING).delete(f"/api/v1/namespaces/examples/configmaps/{name}")
    assert (code, text.returncode) == (codes.TROUBLE, codes.TROUBLE)
    problems = {
        (each["cluster"], each["namespace"]): " ".join(each["problems"])
        for each in found["placements"]
    }
    assert f"ConfigMap examples/{name} exists but is not managed" in problems[BEIJING, "examples"]
    assert "'no-such-namespace' does not exist" in problems[BEIJING, "no-such-namespace"]
    assert HANGZHOU_2 in problems[HANGZHOU_2, "examples"]
    (beijing,) = [
        p for p in found["placements"] if (p["cluster"], p["namespace"]) == (BEIJING, "examples")
    ]
    assert by_object(beijing) == {f"Deployment/{name}": "create"}
    assert "not everything could be told" in text.stdout.splitlines()[0]
    assert asked.returncode == codes.ERROR
    assert f"# {BEIJING}/examples refused: ConfigMap examples/{name} exists" in asked.stdout
    assert f"# {HANGZHOU_2}/examples refused: " in asked.stdout
    kinds = [document["kind"] for document in yaml.safe_load_all(asked.stdout) if document]
    assert kinds == ["Deployment"]


async def test_a_removal_by_labels_is_kept_until_it_is_confirmed(lateen: Command) -> None:
    name, label = unique("labels"), unique("tier")
    lateen.platform.label(BEIJING, label, "a")
    lateen.platform.label(HANGZHOU_1, label, "a")
    try:
        app = application(name, topology={"clusterLabelSelector": {label: "a"}})
        lateen.up("-f", lateen.write(app))
        lateen.platform.label(HANGZHOU_1, label, None)
        done = lateen("diff", name)
        assert done.returncode == codes.SAME, done.stderr
        assert f"kept: {HANGZHOU_1}: Deployment examples/{name}" in done.stdout
        assert f"--confirm-removal {HANGZHOU_1}" in done.stdout
        code, found = lateen.compared(name, "--confirm-removal", HANGZHOU_1)
        assert code == codes.DIFFERENT
        deleted = [(p["cluster"], by_object(p)) for p in found["placements"] if p["delete"]]
        assert deleted == [(HANGZHOU_1, {f"Deployment/{name}": "delete"})]
        assert (found["retained"], found["removals"]) == ([], [])
    finally:
        for cluster in (BEIJING, HANGZHOU_1):
            lateen.platform.label(cluster, label, None)
    await lateen.platform.delete(name)


def test_errors_never_look_like_differences(lateen: Command, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    nowhere = application(unique("nowhere"), clusters=["no-such-cluster"])
    for arguments, said in (
        (("-f", str(broken)), "line 2"),
        (("no-such-application",), "stores no application"),
        (("-f", lateen.write(nowhere)), "no such cluster"),
        ((), "give either files"),
    ):
        done = lateen("diff", *arguments)
        assert done.returncode == codes.TROUBLE, done.stdout + done.stderr
        assert said in done.stdout + done.stderr
    nobody = "/nonexistent/kubeconfig"
    fine = lateen.write(application(unique("fine"), clusters=["local"]))
    gone = lateen("diff", "-f", fine, "--hub-kubeconfig", nobody)
    assert gone.returncode == codes.TROUBLE


def test_the_server_says_what_it_stores_and_what_it_refuses(lateen: Command) -> None:
    name = unique("server")
    app = application(name, clusters=[BEIJING])
    shown = lateen("dry-run", "--server", "-f", "-", stdin=write_yaml([app]))
    assert shown.returncode == 0, shown.stderr
    (deployment,) = [d for d in yaml.safe_load_all(shown.stdout) if d]
    assert deployment["spec"]["progressDeadlineSeconds"] == 600
    assert not {"managedFields", "uid", "resourceVersion"} & deployment["metadata"].keys()
    assert "status" not in deployment
    assert lateen.platform.deployment(BEIJING, name) is None
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}}
    objects = [{**service, "spec": {"ports": [{"port": 99999}]}}]
    app["spec"]["components"].append(
        {"name": f"{name}-s", "type": "k8s-objects", "properties": {"objects": objects}}
    )
    refused = lateen("dry-run", "--server", "-f", lateen.write(app), "-o", "json")
    assert refused.returncode == codes.ERROR
    (placement,) = json.loads(refused.stdout)[0]["steps"][0]["placements"]
    assert [m["kind"] for m in placement["manifests"]] == ["Deployment"]
    (why,) = placement["refused"]
    assert f"Service examples/{name}" in why
    assert "spec.ports[0].port: must be between 1 and 65535" in why
    both = lateen("dry-run", "--server", "--offline", "-f", "-", stdin=write_yaml([app]))
    assert both.returncode == 2
