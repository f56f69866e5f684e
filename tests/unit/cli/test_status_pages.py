"""What `lateen status --tree`, `--pod`, `--endpoint` and `--detail` write."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from lateen.cli.live import cropped
from lateen.cli.status_pages import Views, notes_of, status_pages
from lateen.client.results import ApplicationStatus


def status(**more: Any) -> ApplicationStatus:
    base: dict[str, Any] = {
        "application": "prod/web",
        "namespace": "prod",
        "name": "web",
        "phase": "delivered",
        "revision": "web-v2",
    }
    return ApplicationStatus.model_validate({**base, **more})


def step(name: str, *places: str, phase: str = "succeeded", **more: Any) -> dict[str, Any]:
    placements = [
        {"cluster": place.split("/")[0], "namespace": place.split("/")[1], "phase": "delivered"}
        for place in places
    ]
    return {"name": name, "type": "deploy", "phase": phase, "placements": placements, **more}


def resource(kind: str, cluster: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "placement": "prod",
        "component": "web",
        "kind": kind,
        "namespace": "prod",
        "name": "web",
        "state": "healthy",
        "revision": "web-v2",
        **more,
    }


def pod(**more: Any) -> dict[str, Any]:
    base = {"cluster": "a", "namespace": "prod", "component": "web", "name": "web-1"}
    return {
        **base,
        "owner": "Deployment/web",
        "phase": "Running",
        "ready": 1,
        "containers": 1,
        **more,
    }


TREE = Views(tree=True)


def test_a_tree_has_application_steps_placements_components_and_objects() -> None:
    found = status(
        steps=[step("stage", "local/test"), step("ship", "a/prod", "b/prod")],
        plan=[
            {"name": "stage", "policies": ["staging"]},
            {"name": "ship", "policies": ["everywhere", "big"]},
        ],
        resources=[
            resource("Deployment", message="Ready:1/1"),
            resource("Service", trait="expose"),
            resource("Job", "b", component="seed", state="failed", message="BackoffLimitExceeded"),
            resource("ConfigMap", "local", placement="test", namespace="test", state="missing"),
        ],
    )
    assert status_pages(found, TREE).splitlines() == [
        "prod/web  delivered, web-v2",
        "├── stage (staging)  succeeded",
        "│   └── local/test  delivered",
        "│       └── web",
        "│           └── ❌ ConfigMap web  does not exist",
        "└── ship (everywhere, big)  succeeded",
        "    ├── a/prod  delivered",
        "    │   └── web",
        "    │       ├── ✅ Deployment web  Ready:1/1",
        "    │       └── ✅ Service web (expose)",
        "    └── b/prod  delivered",
        "        └── seed",
        "            └── ❌ Job web  failed: BackoffLimitExceeded",
    ]


def test_groups_hold_their_steps_and_a_placement_is_drawn_once() -> None:
    found = status(
        steps=[
            {"name": "all", "type": "step-group", "phase": "succeeded"},
            step("one", "a/prod"),
            step("two", "a/prod"),
        ],
        plan=[{"name": "all"}, {"name": "one", "group": "all"}, {"name": "two", "group": "all"}],
        resources=[resource("Deployment")],
    )
    assert status_pages(found, TREE).splitlines() == [
        "prod/web  delivered, web-v2",
        "└── all (step-group)  succeeded",
        "    ├── one (deploy)  succeeded",
        "    │   └── a/prod  delivered; objects: see two",
        "    └── two (deploy)  succeeded",
        "        └── a/prod  delivered",
        "            └── web",
        "                └── ✅ Deployment web",
    ]


def test_a_reason_is_told_once_where_it_belongs() -> None:
    why = "Deployment prod/web: Ready:0/1; pod web-1 waiting: ImagePullBackOff"
    failed = step("ship", "a/prod", "b/prod", phase="failed", message=f"a/prod: {why}")
    for placement in failed["placements"]:
        placement |= {"phase": "failed", "message": f"not healthy within its deadline: {why}"}
    troubled = resource("Deployment", state="progressing", message="Ready:0/1; pod web-1 waiting")
    found = status(
        phase="failed", message=f"step 'ship': {why}", steps=[failed], resources=[troubled]
    )
    assert status_pages(found, TREE).splitlines() == [
        "prod/web  failed, web-v2",
        "└── ship (deploy)  failed",
        "    ├── a/prod  failed: not healthy within its deadline",
        "    │   └── web",
        "    │       └── ❌ Deployment web  progressing: Ready:0/1; pod web-1 waiting",
        f"    └── b/prod  failed: not healthy within its deadline: {why}",
    ]
    early = status(phase="failed", message="spec.components: no such type")
    assert status_pages(early, TREE).startswith(
        "prod/web  failed, web-v2: spec.components: no such"
    )


def test_what_is_old_dark_or_in_no_step_is_told() -> None:
    found = status(
        phase="delivering",
        steps=[step("ship", "a/prod", phase="delivering")],
        resources=[
            resource("Deployment", state="unknown", revision="web-v1", outdated=True),
            resource("Service", "c", state="progressing", message="no address"),
        ],
        retries=[{"subject": "a/prod", "attempt": 3, "message": "cluster a: no connection"}],
        unseen=[{"cluster": "a", "message": "the cluster does not answer"}],
    )
    text = status_pages(found, TREE)
    assert "a/prod  delivered: attempt 3: no connection" in text
    assert "❔ the cluster does not answer; what is recorded:" in text
    assert "❔ Deployment web  of web-v1, not web-v2, not looked at" in text
    assert "└── delivered earlier, in no step now" in text
    assert "❌ Service web  progressing: no address" in text
    assert list(notes_of(found)) == ["cluster a: the cluster does not answer"]
    assert "nothing is delivered (yet)" in status_pages(status(), TREE)


def test_pods_are_a_table_that_is_never_cut() -> None:
    trouble = "waiting: CrashLoopBackOff (exit code 7)"
    pods = [
        pod(node="n-1"),
        pod(name="web-2", phase="Pending", ready=0, restarts=4, reason=trouble),
    ]
    lines = status_pages(status(pods=pods), Views(pods=True)).splitlines()
    assert lines[0].split() == [
        *("CLUSTER", "NAMESPACE", "COMPONENT", "POD", "PHASE", "READY", "RESTARTS", "NODE", "AGE"),
        "REASON",
    ]
    assert lines[1].split() == ["a", "prod", "web", "web-1", "Running", "1/1", "0", "n-1"]
    assert lines[2].endswith(f"0/1     4          -            {trouble}")
    assert status_pages(status(), Views(pods=True)) == "no pods"


def test_endpoints_say_what_they_belong_to_and_why_there_is_none() -> None:
    base = {
        "cluster": "a",
        "component": "web",
        "kind": "Service",
        "namespace": "prod",
        "name": "web",
    }
    endpoints = [
        {**base, "endpoint": "http://web.prod", "inner": True, "portName": "http"},
        {**base, "message": "waits for a load balancer's address"},
    ]
    text = status_pages(status(endpoints=endpoints), Views(endpoints=True))
    assert [line.split() for line in text.splitlines()] == [
        ["CLUSTER", "COMPONENT", "REF(KIND/NAMESPACE/NAME)", "ENDPOINT", "INNER", "NOTE"],
        ["a", "web", "Service/prod/web", "http://web.prod", "true", "http"],
        [
            "a",
            "web",
            "Service/prod/web",
            "-",
            "false",
            *["waits", "for", "a", "load", "balancer's", "address"],
        ],
    ]
    assert status_pages(status(), Views(endpoints=True)) == "no endpoints"


def test_details_list_conditions_pods_and_events_of_each_object() -> None:
    event = {"type": "Warning", "reason": "FailedMount", "count": 3, "note": "secret x not found"}
    found = status(
        resources=[
            resource(
                "Deployment",
                conditions=[{"type": "Available", "status": "False", "reason": "Minimum"}],
                events=[event],
            )
        ],
        pods=[pod(restarts=2)],
    )
    told = [
        "conditions: Available=False (Minimum)",
        "pod web-1 Running 1/1, 2 restarts",
        "event: Warning FailedMount x3 (secret x not found)",
    ]
    words = status_pages(found, Views(details=True))
    assert words.startswith("About:")
    assert "\n  a/prod\n    ✅ Deployment web\n         " + "\n         ".join(told) in words
    tree = status_pages(found, Views(tree=True, details=True))
    assert all(line in tree for line in told)
    assert "About:" not in tree


def test_several_views_follow_each_other() -> None:
    both = Views(tree=True, pods=True, endpoints=True)
    parts = status_pages(status(pods=[pod()]), both).split("\n\n")
    assert [part.split()[0] for part in parts] == ["prod/web", "CLUSTER", "no"]


def test_nothing_from_a_cluster_drives_the_terminal() -> None:
    evil = "x\x1b[2Jy\rz"
    found = status(
        steps=[step("ship", "a/prod")],
        resources=[resource("Deployment", name=evil, message=evil)],
        pods=[pod(name=evil)],
        endpoints=[{"cluster": "a", "kind": "Service", "name": evil, "endpoint": evil}],
    )
    text = status_pages(found, Views(tree=True, pods=True, endpoints=True, details=True))
    assert "\x1b" not in text
    assert "\r" not in text


def test_a_live_view_is_cut_to_the_terminal() -> None:
    console = Console(width=20, height=5, force_terminal=True, color_system=None)
    drawing = cropped("\n".join(f"line {n} {'x' * 30}" for n in range(9)), console, footer="a note")
    with console.capture() as captured:
        console.print(drawing)
    lines = captured.get().splitlines()
    assert len(lines) == 5
    assert all(len(line) <= 20 for line in lines)
    assert lines[3] == "… 6 more lines"
    assert lines[4] == "a note"
