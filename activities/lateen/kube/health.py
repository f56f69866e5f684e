"""Whether a live object is healthy: a pure function of the object.

A level, seen once: an object that is not healthy yet is progressing, until its own controller says
that it gave up. Nothing counts that was observed for an older generation of the object.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lateen.kube.shapes import as_number, as_object, as_objects, as_text
from lateen.model.labels import DISABLE_HEALTH_CHECK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lateen.model.base import Json

State = Literal["healthy", "progressing", "failed"]
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.:,-]{0,127}")


@dataclass(frozen=True, slots=True)
class Health:
    """What an object's own status says, and the reason or the numbers in a few words."""

    state: State
    message: str = ""

    @property
    def healthy(self) -> bool:
        """Whether nothing has to be waited for."""
        return self.state == "healthy"


@dataclass(frozen=True, slots=True)
class Condition:
    """One of ``status.conditions``. Its message is left out: it may quote anything."""

    type: str
    status: str
    reason: str


def evaluate(live: Json) -> Health:
    """Judge a live object by the rule of its kind, or else by its conditions."""
    metadata = as_object(live.get("metadata"))
    if metadata.get("deletionTimestamp"):
        return _progressing("is being deleted")
    if DISABLE_HEALTH_CHECK in as_object(metadata.get("annotations")):
        return Health("healthy", "health is not checked")
    if _lags(live):
        return _progressing("its controller has not seen the change yet")
    group = as_text(live.get("apiVersion")).rpartition("/")[0]
    rule = _RULES.get((group, as_text(live.get("kind"))), _by_conditions)
    return rule(live)


def conditions(live: Json) -> Iterator[Condition]:
    """Yield the conditions that were observed for the object's current generation."""
    generation = as_object(live.get("metadata")).get("generation")
    for item in as_objects(as_object(live.get("status")).get("conditions")):
        observed = item.get("observedGeneration")
        stale = isinstance(observed, int) and isinstance(generation, int) and observed < generation
        if not stale:
            yield Condition(
                type=word(item.get("type")),
                status=as_text(item.get("status")),
                reason=word(item.get("reason")),
            )


def word(value: Any) -> str:
    """Return a value when it is a single word, such as a condition's reason; else nothing."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _lags(live: Json) -> bool:
    """Whether a controller reports what generation it saw, and hasn't seen the current one."""
    generation = as_object(live.get("metadata")).get("generation")
    observed = as_object(live.get("status")).get("observedGeneration")
    if isinstance(observed, int) and isinstance(generation, int):
        return observed < generation
    return False


def _never_observed(live: Json) -> bool:
    """Whether the controller of a kind that always reports its generation hasn't done so yet."""
    return not isinstance(as_object(live.get("status")).get("observedGeneration"), int)


def _replicated(live: Json) -> Health:
    """Ask that every replica is of the new template and ready, and that no old one is left."""
    if _never_observed(live):
        return _progressing("its controller has not seen it yet")
    spec, status = as_object(live.get("spec")), as_object(live.get("status"))
    wanted = as_number(spec.get("replicas", 1))
    ready, updated, all_ = (
        as_number(status.get(key)) for key in ("readyReplicas", "updatedReplicas", "replicas")
    )
    message = f"Ready:{ready}/{wanted}"
    if ready == updated == all_ == wanted:
        return Health("healthy", message)
    if updated < wanted:
        message = f"{message} updated:{updated}/{wanted}"
    elif all_ > wanted:
        message = f"{message} surplus:{all_ - wanted}"
    return _progressing(message)


def _deployment(live: Json) -> Health:
    health = _replicated(live)
    if health.healthy or _never_observed(live):
        return health
    for condition in conditions(live):
        if condition.type == "Progressing" and condition.reason == "ProgressDeadlineExceeded":
            return Health("failed", f"{health.message} ProgressDeadlineExceeded")
    return health


def _stateful_set(live: Json) -> Health:
    spec = as_object(live.get("spec"))
    strategy = as_object(spec.get("updateStrategy"))
    partition = as_number(as_object(strategy.get("rollingUpdate")).get("partition"))
    if strategy.get("type") != "OnDelete" and not partition:
        return _replicated(live)
    # Old pods stay on purpose: all that can be asked for is that those above the partition are new.
    if _never_observed(live):
        return _progressing("its controller has not seen it yet")
    status, wanted = as_object(live.get("status")), as_number(spec.get("replicas", 1))
    ready = as_number(status.get("readyReplicas"))
    due = 0 if strategy.get("type") == "OnDelete" else max(0, wanted - partition)
    message = f"Ready:{ready}/{wanted}"
    done = ready == wanted and as_number(status.get("updatedReplicas")) >= due
    return Health("healthy", message) if done else _progressing(message)


def _replica_set(live: Json) -> Health:
    if _never_observed(live):
        return _progressing("its controller has not seen it yet")
    status = as_object(live.get("status"))
    wanted = as_number(as_object(live.get("spec")).get("replicas", 1))
    ready = as_number(status.get("readyReplicas"))
    message = f"Ready:{ready}/{wanted}"
    done = ready == as_number(status.get("replicas")) == wanted
    return Health("healthy", message) if done else _progressing(message)


def _daemon_set(live: Json) -> Health:
    if _never_observed(live):
        return _progressing("its controller has not seen it yet")
    spec, status = as_object(live.get("spec")), as_object(live.get("status"))
    wanted, ready, updated, current = (
        as_number(status.get(key))
        for key in (
            "desiredNumberScheduled",
            "numberReady",
            "updatedNumberScheduled",
            "currentNumberScheduled",
        )
    )
    message = f"Ready:{ready}/{wanted}"
    if as_object(spec.get("updateStrategy")).get("type") == "OnDelete":
        updated = wanted  # old pods stay until somebody deletes them
    if ready == updated == current == wanted:
        return Health("healthy", message)
    return _progressing(message)


def _job(live: Json) -> Health:
    spec, status = as_object(live.get("spec")), as_object(live.get("status"))
    active, failed, succeeded = (
        as_number(status.get(key)) for key in ("active", "failed", "succeeded")
    )
    message = f"Active/Failed/Succeeded:{active}/{failed}/{succeeded}"
    for condition in conditions(live):
        if condition.status == "True" and condition.type == "Complete":
            return Health("healthy", message)
        if condition.status == "True" and condition.type in {"Failed", "FailureTarget"}:
            return Health("failed", f"{message} {condition.reason or 'Failed'}")
    if spec.get("suspend") is True:
        return _progressing(f"{message} suspended")
    return _progressing(message)


def _service(live: Json) -> Health:
    if as_object(live.get("spec")).get("type") != "LoadBalancer":
        return Health("healthy")
    address = _load_balancer(live)
    if address:
        return Health("healthy", f"ExternalIP: {address}")
    return _progressing("no address from the load balancer yet")


def _ingress(live: Json) -> Health:
    """An Ingress works without an address too (as in KubeVela, it is healthy once it exists)."""
    address = _load_balancer(live)
    return Health("healthy", f"IP: {address}" if address else "")


def _load_balancer(live: Json) -> str:
    balancer = as_object(as_object(live.get("status")).get("loadBalancer"))
    for ingress in as_objects(balancer.get("ingress")):
        if address := _address_of(ingress):
            return address
    return ""


def _address_of(ingress: Json) -> str:
    """Return the IP address or, as AWS gives, the host name of a load balancer."""
    for key in ("ip", "hostname"):
        value = as_text(ingress.get(key))
        if re.fullmatch(r"[0-9A-Za-z.:-]{1,253}", value):
            return value
    return ""


def _pod(live: Json) -> Health:
    status = as_object(live.get("status"))
    match as_text(status.get("phase")):
        case "Succeeded":
            return Health("healthy", "Succeeded")
        case "Failed":
            return Health("failed", word(status.get("reason")) or "Failed")
        case phase:
            ready = any(c.type == "Ready" and c.status == "True" for c in conditions(live))
            return Health("healthy", "Ready") if ready else _progressing(word(phase) or "Pending")


def _claim(live: Json) -> Health:
    match as_text(as_object(live.get("status")).get("phase")):
        case "Bound":
            return Health("healthy", "Bound")
        case "Lost":
            return Health("failed", "Lost")
        case _:
            return _progressing("Pending")


def _crd(live: Json) -> Health:
    states = {c.type: c for c in conditions(live)}
    names, established = states.get("NamesAccepted"), states.get("Established")
    if names is not None and names.status == "False":
        return Health("failed", f"names not accepted: {names.reason}")
    if established is not None and established.status == "True":
        return Health("healthy", "Established")
    return _progressing("not established yet")


def _autoscaler(live: Json) -> Health:
    """An autoscaler scales or says why not; without metrics it still keeps what there is."""
    for condition in conditions(live):
        if condition.type == "AbleToScale" and condition.status == "False":
            return _progressing(condition.reason)
    return Health("healthy")


def _namespace(live: Json) -> Health:
    phase = as_object(live.get("status")).get("phase")
    return _progressing("is being deleted") if phase == "Terminating" else Health("healthy")


def _at_once(_: Json) -> Health:
    return Health("healthy")


def _by_conditions(live: Json) -> Health:
    """Judge by the conventional conditions (as kstatus does); without any it is healthy."""
    seen = {condition.type: condition for condition in conditions(live)}
    for kind in ("Stalled", "Failed"):
        if (found := seen.get(kind)) and found.status == "True":
            return Health("failed", found.reason or kind)
    if (found := seen.get("Reconciling")) and found.status == "True":
        return _progressing(found.reason or "Reconciling")
    for kind in ("Ready", "Available", "Synced", "Healthy", "Established"):
        if found := seen.get(kind):
            if found.status == "True":
                return Health("healthy", kind)
            return _progressing(": ".join(filter(None, (f"not {kind}", found.reason))))
    has_stale = bool(as_object(live.get("status")).get("conditions")) and not seen
    return _progressing("its conditions are of an older change") if has_stale else Health("healthy")


def _progressing(message: str) -> Health:
    return Health("progressing", message)


_RULES: dict[tuple[str, str], Callable[[Json], Health]] = {
    ("", "Namespace"): _namespace,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "ReplicationController"): _replica_set,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _crd,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch", "CronJob"): _at_once,
    ("batch", "Job"): _job,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("policy", "PodDisruptionBudget"): _at_once,
}
