"""Volumes of a pod and where a container mounts them: the present form and the deprecated one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, cast

from pydantic import Discriminator, Field, Tag

from lateen.rendering.parameters import Named, Parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lateen.model.base import Json

FileMode: TypeAlias = Annotated[int, Field(ge=0, le=0o777)]
"""Permission bits as a decimal number: 420 is 0644."""

DEFAULT_MODE = 420
ITEM_MODE = 511


class Item(Parameters):
    """One key of a ConfigMap or Secret, as a file."""

    key: Named = Field(description="The key.")
    path: Named = Field(description="Path of the file below the mount.")
    mode: FileMode = Field(default=ITEM_MODE, description="Permissions; 511 is 0777.")


class Source(Parameters):
    """A volume, and what it is made of."""

    name: Named = Field(description="Name of the volume; mounts of one name share the volume.")

    def source(self) -> Json:
        """Return what the volume is made of."""
        raise NotImplementedError


class Mount(Source):
    """A volume and where it is mounted."""

    mount_path: Named = Field(description="Path in the container.")
    sub_path: str | None = Field(default=None, description="Path inside the volume.")

    def mounted(self) -> Json:
        """Return the mount as a container lists it."""
        entry = {"name": self.name, "mountPath": self.mount_path}
        if self.sub_path is not None:
            entry["subPath"] = self.sub_path
        return entry


class ClaimSource(Source):
    """A PersistentVolumeClaim."""

    claim_name: Named = Field(description="Name of the claim.")

    def source(self) -> Json:
        """Return what the volume is made of."""
        return {"persistentVolumeClaim": {"claimName": self.claim_name}}


class ConfigMapSource(Source):
    """The content of a ConfigMap, as files."""

    default_mode: FileMode = Field(default=DEFAULT_MODE, description="Permissions; 420 is 0644.")
    cm_name: Named = Field(description="Name of the ConfigMap.")
    items: list[Item] | None = Field(default=None, description="The keys; all by default.")

    def source(self) -> Json:
        """Return what the volume is made of."""
        content = file_source("name", self.cm_name, self.default_mode, items=self.items)
        return {"configMap": content}


class SecretSource(Source):
    """The content of a Secret, as files."""

    default_mode: FileMode = Field(default=DEFAULT_MODE, description="Permissions; 420 is 0644.")
    secret_name: Named = Field(description="Name of the Secret.")
    items: list[Item] | None = Field(default=None, description="The keys; all by default.")

    def source(self) -> Json:
        """Return what the volume is made of."""
        content = file_source("secretName", self.secret_name, self.default_mode, items=self.items)
        return {"secret": content}


class EmptyDirSource(Source):
    """An empty directory that lives as long as the pod."""

    medium: Literal["", "Memory"] = Field(default="", description="`Memory` for a RAM disk.")

    def source(self) -> Json:
        """Return what the volume is made of."""
        return {"emptyDir": {"medium": self.medium}}


class ClaimMount(ClaimSource, Mount):
    """A PersistentVolumeClaim, mounted."""


class ConfigMapMount(ConfigMapSource, Mount):
    """The content of a ConfigMap, mounted as files."""


class SecretMount(SecretSource, Mount):
    """The content of a Secret, mounted as files."""


class EmptyDirMount(EmptyDirSource, Mount):
    """An empty directory that lives as long as the pod, mounted."""


class HostPathMount(Mount):
    """A path of the node, mounted."""

    path: Named = Field(description="Path on the node.")
    mount_propagation: Literal["None", "HostToContainer", "Bidirectional"] | None = Field(
        default=None, description="Whether later mounts below the path are seen on the other side."
    )
    read_only: bool = Field(default=False, description="Whether the mount is read-only.")

    def mounted(self) -> Json:
        """Return the mount as a container lists it."""
        entry = super().mounted()
        if self.mount_propagation is not None:
            entry["mountPropagation"] = self.mount_propagation
        if self.read_only:
            entry["readOnly"] = True
        return entry

    def source(self) -> Json:
        """Return what the volume is made of."""
        return {"hostPath": {"path": self.path}}


class VolumeMounts(Parameters):
    """Volumes by kind."""

    pvc: list[ClaimMount] | None = Field(default=None, description="PersistentVolumeClaims.")
    config_map: list[ConfigMapMount] | None = Field(default=None, description="ConfigMaps.")
    secret: list[SecretMount] | None = Field(default=None, description="Secrets.")
    empty_dir: list[EmptyDirMount] | None = Field(default=None, description="Empty directories.")
    host_path: list[HostPathMount] | None = Field(default=None, description="Paths of the node.")

    def all(self) -> list[Mount]:
        """Return the mounts of all kinds."""
        kinds: tuple[Sequence[Mount] | None, ...] = (
            self.pvc,
            self.config_map,
            self.secret,
            self.empty_dir,
            self.host_path,
        )
        return [mount for kind in kinds for mount in kind or ()]


class ClaimVolume(ClaimMount):
    """Deprecated form: a PersistentVolumeClaim."""

    type: Literal["pvc"] = Field(description="Kind of volume.")


class ConfigMapVolume(ConfigMapMount):
    """Deprecated form: the content of a ConfigMap."""

    type: Literal["configMap"] = Field(description="Kind of volume.")


class SecretVolume(SecretMount):
    """Deprecated form: the content of a Secret."""

    type: Literal["secret"] = Field(description="Kind of volume.")


class EmptyDirVolume(EmptyDirMount):
    """Deprecated form: an empty directory, which is the default."""

    type: Literal["emptyDir"] = Field(default="emptyDir", description="Kind of volume.")


class BareClaim(ClaimSource):
    """Not mounted: a PersistentVolumeClaim."""

    type: Literal["pvc"] = Field(description="Kind of volume.")


class BareConfigMap(ConfigMapSource):
    """Not mounted: the content of a ConfigMap."""

    type: Literal["configMap"] = Field(description="Kind of volume.")


class BareSecret(SecretSource):
    """Not mounted: the content of a Secret."""

    type: Literal["secret"] = Field(description="Kind of volume.")


class BareEmptyDir(EmptyDirSource):
    """Not mounted: an empty directory, which is the default."""

    type: Literal["emptyDir"] = Field(default="emptyDir", description="Kind of volume.")


def _volume_type(value: Any) -> str:
    if not isinstance(value, dict):
        return "emptyDir"
    found = cast("Json", value).get("type", "emptyDir")
    return found if isinstance(found, str) else ""


Volume: TypeAlias = Annotated[
    Annotated[ClaimVolume, Tag("pvc")]
    | Annotated[ConfigMapVolume, Tag("configMap")]
    | Annotated[SecretVolume, Tag("secret")]
    | Annotated[EmptyDirVolume, Tag("emptyDir")],
    Discriminator(_volume_type),
]
"""A mounted volume in the deprecated form, told apart by ``type``."""

BareVolume: TypeAlias = Annotated[
    Annotated[BareClaim, Tag("pvc")]
    | Annotated[BareConfigMap, Tag("configMap")]
    | Annotated[BareSecret, Tag("secret")]
    | Annotated[BareEmptyDir, Tag("emptyDir")],
    Discriminator(_volume_type),
]
"""A volume that is not mounted, told apart by ``type``."""


def pod_volumes(mounts: Iterable[Mount]) -> list[Json]:
    """Return the volumes as a pod lists them; the first of several with one name counts."""
    volumes: dict[str, Json] = {}
    for mount in mounts:
        if mount.name not in volumes:
            volumes[mount.name] = {"name": mount.name, **mount.source()}
    return list(volumes.values())


def container_mounts(mounts: Iterable[Mount]) -> list[Json]:
    """Return the mounts as a container lists them."""
    return [mount.mounted() for mount in mounts]


def file_source(name_key: str, name: str, mode: int, *, items: Sequence[Item] | None) -> Json:
    """Return the content of a ConfigMap or Secret as a volume; ``name_key`` differs by kind."""
    source: dict[str, Any] = {"defaultMode": mode, name_key: name}
    if items is not None:
        source["items"] = [
            {"key": item.key, "path": item.path, "mode": item.mode} for item in items
        ]
    return source
