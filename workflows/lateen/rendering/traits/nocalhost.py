"""``nocalhost``: how the tool Nocalhost develops the component inside the cluster."""

import json
from typing import Any

from pydantic import Field
from typing_extensions import override

from lateen.model.base import Json
from lateen.rendering.context import RenderContext
from lateen.rendering.definitions import TraitType
from lateen.rendering.parameters import Named, Parameters, PortNumber, Quantity, to_json
from lateen.rendering.shapes.ports import component_selector, service
from lateen.rendering.shapes.workloads import child

_IMAGES = "nocalhost-docker.pkg.coding.net/nocalhost/dev-images"
_LANGUAGES = {"go": "golang", "java": "java", "python": "python", "node": "node", "ruby": "ruby"}


class DevCommand(Parameters):
    """How the developed process starts."""

    run: list[str] = Field(default=["sh", "run.sh"], description="Command that runs it.")
    debug: list[str] = Field(default=["sh", "debug.sh"], description="Command that debugs it.")


class DevDebug(Parameters):
    """How a debugger connects."""

    remote_debug_port: PortNumber | None = Field(
        default=None, description="Port that the debugger connects to."
    )


class DevSync(Parameters):
    """Which files go to the container."""

    type: Named = Field(default="send", description="Direction: `send` or `sendreceive`.")
    file_pattern: list[str] = Field(default=["./"], description="Files that are sent.")
    ignore_file_pattern: list[str] = Field(
        default=[".git", ".vscode", ".idea", ".gradle", "build"],
        description="Files that are left out.",
    )


class DevVariable(Parameters):
    """An environment variable of the development container."""

    name: Named = Field(description="Name of the variable.")
    value: str = Field(description="Its value.")


class PersistentDir(Parameters):
    """A directory that outlives the development container."""

    path: Named = Field(description="Path of the directory.")
    capacity: Quantity = Field(description="Its size, such as `10Gi`.")


class DevLimits(Parameters):
    """Most that the development container may use."""

    memory: Quantity = Field(default="2Gi", description="Memory.")
    cpu: Quantity = Field(default="2", description="CPU.")


class DevRequests(Parameters):
    """What the development container needs at least."""

    memory: Quantity = Field(default="512Mi", description="Memory.")
    cpu: Quantity = Field(default="0.5", description="CPU.")


class DevResources(Parameters):
    """Resources of the development container."""

    limits: DevLimits = Field(default=DevLimits(), description="Most that it may use.")
    requests: DevRequests = Field(default=DevRequests(), description="What it needs at least.")


class NocalhostParameters(Parameters):
    """Parameters of ``nocalhost``."""

    port: PortNumber = Field(description="Port of the component; a Service exposes it.")
    service_type: Named = Field(default="deployment", description="Kind of the workload.")
    git_url: Named | None = Field(default=None, description="Repository of the source code.")
    image: Named = Field(
        description="Image to develop in, or `go`, `java`, `python`, `node`, `ruby` for a ready one."
    )
    shell: Named = Field(default="bash", description="Shell of the image.")
    work_dir: Named = Field(default="/home/nocalhost-dev", description="Directory of the sources.")
    storage_class: Named | None = Field(
        default=None, description="Class of persistent directories."
    )
    command: DevCommand = Field(default=DevCommand(), description="How the process starts.")
    debug: DevDebug | None = Field(default=None, description="How a debugger connects.")
    hot_reload: bool = Field(default=True, description="Whether changed files restart the process.")
    sync: DevSync = Field(default=DevSync(), description="Which files go to the container.")
    env: list[DevVariable] | None = Field(default=None, description="Environment variables.")
    port_forward: list[str] | None = Field(
        default=None, description="Ports `local:remote`; that of `port` by default."
    )
    persistent_volume_dirs: list[PersistentDir] | None = Field(
        default=None, description="Directories that outlive the container."
    )
    resources: DevResources = Field(
        default=DevResources(), description="Resources of the development container."
    )


class Nocalhost(TraitType[NocalhostParameters]):
    """Annotates the workload for Nocalhost, and adds a Service."""

    type = "nocalhost"
    parameters = NocalhostParameters

    @override
    def apply(
        self, parameters: NocalhostParameters, workload: Json, context: RenderContext
    ) -> dict[str, Json]:
        """Write Nocalhost's configuration into annotations, and make the Service."""
        annotations = child(child(workload, "metadata"), "annotations")
        annotations["dev.nocalhost/application-name"] = context.application
        annotations["dev.nocalhost/application-namespace"] = context.namespace
        annotations["dev.nocalhost"] = _configuration(parameters, context.name)
        ports = [{"port": parameters.port, "targetPort": parameters.port}]
        selector = component_selector(context.name)
        return {
            "nocalhostService": service(
                context.name, selector=selector, ports=ports, service_type="ClusterIP"
            )
        }


def _configuration(parameters: NocalhostParameters, name: str) -> str:
    language = _LANGUAGES.get(parameters.image)
    written = to_json(parameters)
    forward = [f"{parameters.port}:{parameters.port}"]
    # The order is KubeVela's, so that taking over from it leaves the annotation as it is.
    dev: dict[str, Any] = {
        "gitUrl": written.get("gitUrl"),
        "image": f"{_IMAGES}/{language}:latest" if language else parameters.image,
        "storageClass": written.get("storageClass"),
        "persistentVolumeDirs": written.get("persistentVolumeDirs"),
        "command": written["command"],
        "debug": written.get("debug"),
        "shell": parameters.shell,
        "workDir": parameters.work_dir,
        "resources": written["resources"],
        "hotReload": parameters.hot_reload,
        "sync": written["sync"],
        "env": written.get("env"),
        "portForward": written.get("portForward", forward),
    }
    whole = {
        "name": name,
        "serviceType": parameters.service_type,
        "containers": [
            {"name": name, "dev": {key: each for key, each in dev.items() if each is not None}}
        ],
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
