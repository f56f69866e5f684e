"""``storage``: volumes of all kinds, with the objects behind them."""

from typing import Literal, TypeAlias

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters
from lateen.rendering.shapes.claims import Claim, StorageResources, claim_object
from lateen.rendering.shapes.volumes import DEFAULT_MODE, FileMode, Item, file_source
from lateen.rendering.shapes.workloads import first_container, pod_of, put

HostPathType: TypeAlias = Literal[
    "Directory",
    "DirectoryOrCreate",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
]


class StoredClaim(Claim):
    """A PersistentVolumeClaim of the component."""

    access_modes: list[str] = Field(
        default=["ReadWriteOnce"], description="How nodes may mount the volume."
    )
    resources: StorageResources | None = Field(default=None, description="Capacity; 8Gi at least.")

    name: Named = Field(description="Name of the claim.")
    mount_only: bool = Field(default=False, description="Mount an existing claim.")
    mount_path: Named = Field(description="Path in the container; of the device in mode `Block`.")
    sub_path: str | None = Field(default=None, description="Path inside the volume.")


class ConfigMapToEnv(Parameters):
    """A key of the ConfigMap as an environment variable."""

    env_name: Named = Field(description="Name of the variable.")
    config_map_key: Named = Field(description="The key.")


class SecretToEnv(Parameters):
    """A key of the Secret as an environment variable."""

    env_name: Named = Field(description="Name of the variable.")
    secret_key: Named = Field(description="The key.")


class StoredFiles(Parameters):
    """What ConfigMaps and Secrets have in common."""

    name: Named = Field(description="Name of the object.")
    mount_only: bool = Field(default=False, description="Mount an existing object.")
    sub_path: str | None = Field(default=None, description="Path inside the volume.")
    default_mode: FileMode = Field(default=DEFAULT_MODE, description="Permissions; 420 is 0644.")
    read_only: bool = Field(
        default=False, description="No effect: these volumes are read-only always."
    )
    data: dict[str, str] | None = Field(default=None, description="Content, by key.")
    items: list[Item] | None = Field(default=None, description="The keys to mount; all by default.")


class StoredConfigMap(StoredFiles):
    """A ConfigMap of the component."""

    mount_path: Named | None = Field(
        default=None, description="Path in the container; without it, only variables are set."
    )
    mount_to_env: ConfigMapToEnv | None = Field(default=None, description="One variable.")
    mount_to_envs: list[ConfigMapToEnv] | None = Field(default=None, description="Variables.")


class StoredSecret(StoredFiles):
    """A Secret of the component."""

    mount_path: Named = Field(description="Path in the container.")
    mount_to_env: SecretToEnv | None = Field(default=None, description="One variable.")
    mount_to_envs: list[SecretToEnv] | None = Field(default=None, description="Variables.")
    string_data: dict[str, str] | None = Field(
        default=None, description="Content in the clear, by key; `data` is in base64."
    )


class StoredEmptyDir(Parameters):
    """An empty directory that lives as long as the pod."""

    name: Named = Field(description="Name of the volume.")
    mount_path: Named = Field(description="Path in the container.")
    sub_path: str | None = Field(default=None, description="Path inside the volume.")
    medium: Literal["", "Memory"] = Field(default="", description="`Memory` for a RAM disk.")


class StoredHostPath(Parameters):
    """A path of the node."""

    name: Named = Field(description="Name of the volume.")
    path: Named = Field(description="Path on the node.")
    mount_path: Named = Field(description="Path in the container.")
    type: HostPathType = Field(default="Directory", description="What the path has to be.")


class StorageParameters(Parameters):
    """Parameters of ``storage``."""

    pvc: list[StoredClaim] = Field(default=[], description="PersistentVolumeClaims.")
    config_map: list[StoredConfigMap] = Field(default=[], description="ConfigMaps.")
    secret: list[StoredSecret] = Field(default=[], description="Secrets.")
    empty_dir: list[StoredEmptyDir] = Field(default=[], description="Empty directories.")
    host_path: list[StoredHostPath] = Field(default=[], description="Paths of the node.")


class Storage(TraitType[StorageParameters]):
    """Adds volumes to the pods and mounts to the first container, and makes what is not there."""

    type = "storage"
    parameters = StorageParameters

    @override
    def apply(
        self, parameters: StorageParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Patch pod and container; the outputs are claims, ConfigMaps and Secrets."""
        container, pod = first_container(workload), pod_of(workload)
        put(pod, "volumes", _volumes(parameters))
        put(container, "env", _variables(parameters))
        put(container, "volumeDevices", _devices(parameters), key="devicePath")
        put(container, "volumeMounts", _mounts(parameters), key="mountPath")
        return _objects(parameters)


def _volumes(parameters: StorageParameters) -> list[Json]:
    volumes: list[Json] = [
        {"name": f"pvc-{each.name}", "persistentVolumeClaim": {"claimName": each.name}}
        for each in parameters.pvc
    ]
    volumes += [
        {
            "name": f"configmap-{each.name}",
            "configMap": file_source("name", each.name, each.default_mode, items=each.items),
        }
        for each in parameters.config_map
        if each.mount_path is not None
    ]
    volumes += [
        {
            "name": f"secret-{each.name}",
            "secret": file_source("secretName", each.name, each.default_mode, items=each.items),
        }
        for each in parameters.secret
    ]
    volumes += [
        {"name": f"emptydir-{each.name}", "emptyDir": {"medium": each.medium}}
        for each in parameters.empty_dir
    ]
    volumes += [
        {"name": f"hostpath-{each.name}", "hostPath": {"path": each.path, "type": each.type}}
        for each in parameters.host_path
    ]
    return volumes


def _mounts(parameters: StorageParameters) -> list[Json]:
    mounted: list[tuple[str, str, str | None]] = [
        (f"pvc-{each.name}", each.mount_path, each.sub_path)
        for each in parameters.pvc
        if each.volume_mode != "Block"
    ]
    mounted += [
        (f"configmap-{each.name}", each.mount_path, each.sub_path)
        for each in parameters.config_map
        if each.mount_path is not None
    ]
    mounted += [
        (f"secret-{each.name}", each.mount_path, each.sub_path) for each in parameters.secret
    ]
    mounted += [
        (f"emptydir-{each.name}", each.mount_path, each.sub_path) for each in parameters.empty_dir
    ]
    mounted += [(f"hostpath-{each.name}", each.mount_path, None) for each in parameters.host_path]
    return [
        {"name": name, "mountPath": path, **({"subPath": inner} if inner is not None else {})}
        for name, path, inner in mounted
    ]


def _devices(parameters: StorageParameters) -> list[Json]:
    return [
        {"name": f"pvc-{each.name}", "devicePath": each.mount_path}
        for each in parameters.pvc
        if each.volume_mode == "Block"
    ]


def _variables(parameters: StorageParameters) -> list[Json]:
    taken: list[tuple[str, str, str, str]] = []
    for each in parameters.config_map:
        wanted = [*([each.mount_to_env] if each.mount_to_env else []), *(each.mount_to_envs or ())]
        taken += [
            (env.env_name, "configMapKeyRef", each.name, env.config_map_key) for env in wanted
        ]
    for secret in parameters.secret:
        needed = [
            *([secret.mount_to_env] if secret.mount_to_env else []),
            *(secret.mount_to_envs or ()),
        ]
        taken += [(env.env_name, "secretKeyRef", secret.name, env.secret_key) for env in needed]
    return [
        {"name": variable, "valueFrom": {kind: {"name": name, "key": key}}}
        for variable, kind, name, key in taken
    ]


def _objects(parameters: StorageParameters) -> dict[str, Json]:
    made: dict[str, Json] = {
        f"pvc-{each.name}": claim_object(
            each.name, each, access_modes=each.access_modes, resources=each.resources
        )
        for each in parameters.pvc
        if not each.mount_only
    }
    for each in parameters.config_map:
        if not each.mount_only:
            made[f"configmap-{each.name}"] = _content("ConfigMap", each.name, data=each.data)
    for secret in parameters.secret:
        if not secret.mount_only:
            made[f"secret-{secret.name}"] = _content(
                "Secret", secret.name, data=secret.data, stringData=secret.string_data
            )
    return made


def _content(kind: str, name: str, **content: dict[str, str] | None) -> Json:
    filled = {key: dict(value) for key, value in content.items() if value is not None}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **filled}
