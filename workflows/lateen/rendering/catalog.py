"""The built-in types: one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lateen.rendering.components.cron_task import CronTask
from lateen.rendering.components.daemon import Daemon
from lateen.rendering.components.helm import Helm
from lateen.rendering.components.helmchart import Helmchart
from lateen.rendering.components.k8s_objects import K8sObjects
from lateen.rendering.components.kustomize import Kustomize
from lateen.rendering.components.raw import Raw
from lateen.rendering.components.ref_objects import RefObjects
from lateen.rendering.components.statefulset import Statefulset
from lateen.rendering.components.task import Task
from lateen.rendering.components.webservice import Webservice
from lateen.rendering.components.worker import Worker
from lateen.rendering.traits.affinity import Affinity
from lateen.rendering.traits.annotations import Annotations
from lateen.rendering.traits.command import Command
from lateen.rendering.traits.configmap import Configmap
from lateen.rendering.traits.container_image import ContainerImage
from lateen.rendering.traits.container_ports import ContainerPorts
from lateen.rendering.traits.cpuscaler import Cpuscaler
from lateen.rendering.traits.env import Env
from lateen.rendering.traits.expose import Expose
from lateen.rendering.traits.gateway import Gateway
from lateen.rendering.traits.hostalias import Hostalias
from lateen.rendering.traits.hpa import Hpa
from lateen.rendering.traits.ingress import Ingress
from lateen.rendering.traits.ingress_1_20 import Ingress120
from lateen.rendering.traits.init_container import InitContainer
from lateen.rendering.traits.json_merge_patch import JsonMergePatch
from lateen.rendering.traits.json_patch import JsonPatch
from lateen.rendering.traits.k8s_update_strategy import K8sUpdateStrategy
from lateen.rendering.traits.kustomize_json_patch import KustomizeJsonPatch
from lateen.rendering.traits.kustomize_patch import KustomizePatch
from lateen.rendering.traits.kustomize_strategy_merge import KustomizeStrategyMerge
from lateen.rendering.traits.labels import Labels
from lateen.rendering.traits.lifecycle import Lifecycle
from lateen.rendering.traits.nocalhost import Nocalhost
from lateen.rendering.traits.node_affinity import NodeAffinity
from lateen.rendering.traits.podsecuritycontext import Podsecuritycontext
from lateen.rendering.traits.pure_ingress import PureIngress
from lateen.rendering.traits.pvc import Pvc
from lateen.rendering.traits.resource import Resource
from lateen.rendering.traits.scaler import Scaler
from lateen.rendering.traits.securitycontext import Securitycontext
from lateen.rendering.traits.service_account import ServiceAccount
from lateen.rendering.traits.service_binding import ServiceBinding
from lateen.rendering.traits.sidecar import Sidecar
from lateen.rendering.traits.startup_probe import StartupProbe
from lateen.rendering.traits.storage import Storage
from lateen.rendering.traits.topologyspreadconstraints import Topologyspreadconstraints
from lateen.rendering.traits.volumes import Volumes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.rendering.definitions import ComponentType, TraitType

COMPONENTS: tuple[ComponentType[Any], ...] = (
    CronTask(),
    Daemon(),
    Helm(),
    Helmchart(),
    K8sObjects(),
    Kustomize(),
    Raw(),
    RefObjects(),
    Statefulset(),
    Task(),
    Webservice(),
    Worker(),
)

TRAITS: tuple[TraitType[Any], ...] = (
    Affinity(),
    Annotations(),
    Command(),
    Configmap(),
    ContainerImage(),
    ContainerPorts(),
    Cpuscaler(),
    Env(),
    Expose(),
    Gateway(),
    Hostalias(),
    Hpa(),
    Ingress(),
    Ingress120(),
    InitContainer(),
    JsonMergePatch(),
    JsonPatch(),
    K8sUpdateStrategy(),
    KustomizeJsonPatch(),
    KustomizePatch(),
    KustomizeStrategyMerge(),
    Labels(),
    Lifecycle(),
    Nocalhost(),
    NodeAffinity(),
    Podsecuritycontext(),
    PureIngress(),
    Pvc(),
    Resource(),
    Scaler(),
    Securitycontext(),
    ServiceAccount(),
    ServiceBinding(),
    Sidecar(),
    StartupProbe(),
    Storage(),
    Topologyspreadconstraints(),
    Volumes(),
)

UNSUPPORTED_TRAITS: Mapping[str, str] = {
    "helm-labels": "set the labels with the chart's values",
    "kruise-rollout": "use k8s-update-strategy",
    "rollout": "use k8s-update-strategy",
}
"""Traits that KubeVela has and lateen doesn't yet, and what to do instead."""
