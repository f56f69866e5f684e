"""What of a live object is worth copying: what its authors wrote, nothing that a server or controller added."""

from __future__ import annotations

import copy
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from lateen.model.json_values import as_list, as_object, canonical_json
from lateen.model.labels import CREDENTIAL_TYPE, WITHHELD
from lateen.planning.referenced_objects import is_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lateen.model.base import Json

_SECRET_CONTENT = ("data", "stringData")
_SERVER_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
_OTHERS_ANNOTATIONS = frozenset(
    {
        "app.oam.dev/last-applied-configuration",
        "app.oam.dev/last-applied-time",
        "control-plane.alpha.kubernetes.io/leader",
        "deployment.kubernetes.io/revision",
        "deprecated.daemonset.template.generation",
        "kubectl.kubernetes.io/last-applied-configuration",
        "oam.dev/kubevela-version",
        "pv.kubernetes.io/bind-completed",
        "pv.kubernetes.io/bound-by-controller",
        "volume.kubernetes.io/selected-node",
        "volume.kubernetes.io/storage-provisioner",
        WITHHELD,
    }
)
_OTHERS_LABELS = ("app.oam.dev/", "workload.oam.dev/", "trait.oam.dev/")
"""Prefixes of labels that say which application an object belongs to: the copy belongs to another."""

_JOB_LABELS = ("controller-uid", "job-name")
_TOKENS = ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token")


def copied(live: Json) -> Json:
    """Return a live object as an apply to another cluster takes it; its namespace stays."""
    made = {key: value for key, value in copy.deepcopy(live).items() if key != "status"}
    made["metadata"] = _metadata(_object(made.get("metadata")))
    clean = _KINDS.get((made["apiVersion"], made["kind"]))
    if clean is not None:
        clean(made)
    template = _object(_object(made.get("spec")).get("template"))
    if _object(template.get("metadata")).get("creationTimestamp", "") is None:
        del template["metadata"]["creationTimestamp"]
    return made


def withheld(made: Json, *, key: str) -> Json:
    """Return a Secret without its content, and with the digest that tells whether it changes.

    ``key`` is the live object's UID: without reading the Secret nobody can try passwords against the digest.
    """
    metadata = {**made["metadata"]}
    metadata["annotations"] = {
        **_object(metadata.get("annotations")),
        WITHHELD: content_digest(made, key=key),
    }
    rest = {name: value for name, value in made.items() if name not in _SECRET_CONTENT}
    return {**rest, "metadata": metadata}


def content_digest(secret: Json, *, key: str) -> str:
    """Digest what a Secret holds, keyed by its UID."""
    content = {name: secret[name] for name in _SECRET_CONTENT if name in secret}
    return hmac.new(key.encode(), canonical_json(content), hashlib.sha256).hexdigest()


def with_content(manifest: Json, secret: Json) -> Json:
    """Return a rendered Secret with the content that the live one has."""
    return {**manifest, **{name: secret[name] for name in _SECRET_CONTENT if name in secret}}


def never_copied(live: Json) -> str:
    """Say why an object must not be copied by anybody; empty when it may be."""
    metadata = _object(live.get("metadata"))
    if not is_secret(live):
        return ""
    if CREDENTIAL_TYPE in _object(metadata.get("labels")):
        return "holds the credentials of a cluster, which are never copied"
    if live.get("type") in _TOKENS:
        return "is a token of its own cluster, which is never copied"
    return ""


def _metadata(written: Json) -> Json:
    kept = {key: value for key, value in written.items() if key not in _SERVER_METADATA}
    labels = {
        key: value
        for key, value in _object(kept.pop("labels", None)).items()
        if not key.startswith(_OTHERS_LABELS)
    }
    annotations = {
        key: value
        for key, value in _object(kept.pop("annotations", None)).items()
        if key not in _OTHERS_ANNOTATIONS
    }
    if labels:
        kept["labels"] = labels
    if annotations:
        kept["annotations"] = annotations
    return kept


def _service(made: Json) -> None:
    """Forget addresses and ports that the cluster gave out; headless stays headless."""
    spec = _object(made.get("spec"))
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
    spec.pop("clusterIPs", None)
    spec.pop("healthCheckNodePort", None)
    if spec.get("ipFamilyPolicy") == "SingleStack":
        spec.pop("ipFamilyPolicy")
        spec.pop("ipFamilies", None)
    for port in _list(spec.get("ports")):
        _object(port).pop("nodePort", None)


def _job(made: Json) -> None:
    """Forget the selector that the cluster made up, and its labels."""
    spec = _object(made.get("spec"))
    if spec.get("manualSelector"):
        return
    spec.pop("selector", None)
    for owner in (made, _object(spec.get("template"))):
        labels = _object(_object(owner.get("metadata")).get("labels"))
        for name in _JOB_LABELS:
            labels.pop(name, None)
            labels.pop(f"batch.kubernetes.io/{name}", None)


def _claim(made: Json) -> None:
    """Forget the volume that the cluster found."""
    _object(made.get("spec")).pop("volumeName", None)


def _pod(made: Json) -> None:
    """Forget the node, and the token's volume that admission added."""
    spec = _object(made.get("spec"))
    spec.pop("nodeName", None)
    containers = [*_list(spec.get("containers")), *_list(spec.get("initContainers"))]
    for holder, key in (
        (spec, "volumes"),
        *((_object(each), "volumeMounts") for each in containers),
    ):
        if key in holder:
            holder[key] = [each for each in _list(holder[key]) if not _is_token(each)]


def _is_token(named: Any) -> bool:
    return str(_object(named).get("name", "")).startswith("kube-api-access-")


def _account(made: Json) -> None:
    """Forget the tokens that belong to the account here."""
    made.pop("secrets", None)


def _object(value: Any) -> Json:
    found = as_object(value)
    return {} if found is None else found


def _list(value: Any) -> list[Any]:
    return as_list(value) or []


_KINDS: Mapping[tuple[str, str], Callable[[Json], None]] = {
    ("v1", "Service"): _service,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "Pod"): _pod,
    ("v1", "ServiceAccount"): _account,
    ("batch/v1", "Job"): _job,
}
