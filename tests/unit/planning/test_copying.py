"""What is left of a live object when it is copied, and what of a Secret gets into a revision."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lateen.model.labels import CREDENTIAL_TYPE, WITHHELD
from lateen.planning.copying import content_digest, copied, never_copied, with_content, withheld

Json = dict[str, Any]


def live(kind: str = "ConfigMap", api_version: str = "v1", **fields: Any) -> Json:
    metadata = {
        "name": "web",
        "namespace": "shop",
        "uid": "11",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{}],
        "ownerReferences": [{"kind": "ReplicaSet"}],
        "finalizers": ["acme.example/keep"],
        **fields.pop("metadata", {}),
    }
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def test_what_the_server_added_is_left_behind() -> None:
    found = live(
        data={"key": "value"},
        status={"phase": "Active"},
        metadata={
            "labels": {"app": "web", "app.oam.dev/name": "other", "trait.oam.dev/type": "x"},
            "annotations": {
                "note": "ours",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "deployment.kubernetes.io/revision": "3",
            },
        },
    )
    before = copy.deepcopy(found)
    assert copied(found) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "labels": {"app": "web"},
            "annotations": {"note": "ours"},
        },
        "data": {"key": "value"},
    }
    assert found == before


def test_labels_and_annotations_that_are_all_others_leave_nothing() -> None:
    found = live(metadata={"labels": {"app.oam.dev/name": "x"}, "annotations": {WITHHELD: "x"}})
    assert copied(found)["metadata"] == {"name": "web", "namespace": "shop"}


TOKEN = {"name": "kube-api-access-x7k2p"}


@pytest.mark.parametrize(
    ("found", "left"),
    [
        (
            live(
                "Service",
                spec={
                    "clusterIP": "10.0.0.1",
                    "clusterIPs": ["10.0.0.1"],
                    "ipFamilies": ["IPv4"],
                    "ipFamilyPolicy": "SingleStack",
                    "ports": [{"port": 80, "nodePort": 31000}],
                },
            ),
            {"ports": [{"port": 80}]},
        ),
        (
            live(
                "Service",
                spec={
                    "clusterIP": "None",
                    "clusterIPs": ["None"],
                    "ipFamilies": ["IPv4", "IPv6"],
                    "ipFamilyPolicy": "RequireDualStack",
                },
            ),
            {
                "clusterIP": "None",
                "ipFamilies": ["IPv4", "IPv6"],
                "ipFamilyPolicy": "RequireDualStack",
            },
        ),
        (
            live("PersistentVolumeClaim", spec={"volumeName": "pv-1", "storageClassName": "fast"}),
            {"storageClassName": "fast"},
        ),
        (
            live(
                "Job",
                "batch/v1",
                spec={
                    "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "1"}},
                    "template": {
                        "metadata": {
                            "creationTimestamp": None,
                            "labels": {
                                "app": "web",
                                "batch.kubernetes.io/controller-uid": "1",
                                "batch.kubernetes.io/job-name": "web",
                                "controller-uid": "1",
                                "job-name": "web",
                            },
                        }
                    },
                },
            ),
            {"template": {"metadata": {"labels": {"app": "web"}}}},
        ),
        (
            live("Job", "batch/v1", spec={"manualSelector": True, "selector": {"matchLabels": {}}}),
            {"manualSelector": True, "selector": {"matchLabels": {}}},
        ),
        (
            live(
                "Pod",
                spec={
                    "nodeName": "node-1",
                    "volumes": [{"name": "data"}, TOKEN],
                    "containers": [{"name": "web", "volumeMounts": [TOKEN, {"name": "data"}]}],
                },
            ),
            {
                "volumes": [{"name": "data"}],
                "containers": [{"name": "web", "volumeMounts": [{"name": "data"}]}],
            },
        ),
    ],
    ids=["service", "headless", "claim", "job", "manual-job", "pod"],
)
def test_what_a_cluster_gave_out_is_left_behind(found: Json, left: Json) -> None:
    assert copied(found)["spec"] == left


def test_an_account_loses_its_tokens() -> None:
    assert "secrets" not in copied(live("ServiceAccount", secrets=[{"name": "token-1"}]))


SECRET = live("Secret", type="Opaque", data={"password": "aHVudGVyMg=="})


def test_the_content_of_a_secret_is_left_out_and_comes_back() -> None:
    kept = withheld(copied(SECRET), key="11")
    assert kept == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "annotations": {WITHHELD: content_digest(SECRET, key="11")},
        },
        "type": "Opaque",
    }
    assert with_content(kept, SECRET) == {**kept, "data": SECRET["data"]}


def test_the_digest_of_a_secret_is_of_its_content_and_of_that_very_object() -> None:
    """Equal passwords don't show, and nobody without the UID can try passwords."""
    digest = content_digest(SECRET, key="11")
    assert content_digest({**SECRET, "metadata": {}}, key="11") == digest
    assert content_digest(SECRET, key="12") != digest
    assert content_digest({**SECRET, "data": {"password": "eA=="}}, key="11") != digest


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (live("Secret", metadata={"labels": {CREDENTIAL_TYPE: "X509Certificate"}}), "credentials"),
        (live("Secret", type="kubernetes.io/service-account-token"), "token"),
        (live("Secret", type="bootstrap.kubernetes.io/token"), "token"),
    ],
)
def test_credentials_of_clusters_are_never_copied(found: Json, said: str) -> None:
    assert said in never_copied(found)


def test_other_secrets_and_kinds_may_be_copied() -> None:
    labelled = live(metadata={"labels": {CREDENTIAL_TYPE: "x"}})
    assert (never_copied(SECRET), never_copied(labelled)) == ("", "")
