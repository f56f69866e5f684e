"""The programs that the stack is made of: versions, sources, and how to know a usable one.

Programs of one set come from one source, so that an API server never meets the controller manager
of another release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODULES = Path(__file__).parent / "tools"
_KUBERNETES = "1.36.3"
_KUBERNETES_VERSION = "k8s.io/component-base/version"
_ANY_VERSION = r"v?(\d+)\.(\d+)\.\d+"


@dataclass(frozen=True)
class Toolset:
    """Programs that belong together.

    ``packages`` maps each program to its Go package. With a ``module`` they are built from that
    pinned ``go.mod``; without, by ``go install package@v<version>``. ``minimum`` is the oldest
    major and minor version taken from PATH; ``0.0`` is what a plain ``go build`` reports and counts
    as new. ``minutes`` is how long a first build takes on two cores.
    """

    name: str
    version: str
    packages: Mapping[str, str]
    minimum: tuple[int, int]
    minutes: int
    module: Path | None = None
    ldflags: str = ""
    version_pattern: str = _ANY_VERSION
    version_arguments: tuple[str, ...] = ("--version",)
    install: str = field(default="", kw_only=True)

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of the programs."""
        return tuple(self.packages)

    def usable_version(self, output: str) -> str | None:
        """Read what ``--version`` printed; None if it is too old or of another program."""
        found = re.search(self.version_pattern, output)
        if found is None:
            return None
        version = (int(found[1]), int(found[2]))
        usable = version >= self.minimum or version == (0, 0)
        return f"{version[0]}.{version[1]}" if usable else None


KWOKCTL = Toolset(
    name="kwokctl",
    version="0.8.0",
    packages={"kwokctl": "sigs.k8s.io/kwok/cmd/kwokctl"},
    minimum=(0, 8),
    minutes=2,
    install="kwokctl 0.8 or newer (https://kwok.sigs.k8s.io)",
)
KWOK = Toolset(
    name="kwok",
    version="0.8.0",
    packages={"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
    minimum=(0, 8),
    minutes=2,
    install="kwok 0.8 or newer (https://kwok.sigs.k8s.io)",
)
KUBERNETES = Toolset(
    name="kubernetes",
    version=_KUBERNETES,
    packages={
        name: f"k8s.io/kubernetes/cmd/{name}"
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    },
    minimum=(1, 34),
    minutes=6,
    module=_MODULES / "kubernetes",
    ldflags=(
        f"-X {_KUBERNETES_VERSION}.gitVersion=v{_KUBERNETES}"
        f" -X {_KUBERNETES_VERSION}.gitMajor=1 -X {_KUBERNETES_VERSION}.gitMinor=36"
    ),
    install="kube-apiserver, kube-controller-manager and kube-scheduler 1.34 or newer",
)
KUBECTL = Toolset(
    name="kubectl",
    version=_KUBERNETES,
    packages={"kubectl": "k8s.io/kubernetes/cmd/kubectl"},
    minimum=(1, 28),
    minutes=1,
    module=_MODULES / "kubernetes",
    ldflags=KUBERNETES.ldflags,
    version_arguments=("version", "--client"),
    install="kubectl 1.28 or newer",
)
ETCD = Toolset(
    name="etcd",
    version="3.6.8",
    packages={"etcd": "go.etcd.io/etcd/server/v3"},
    minimum=(3, 5),
    minutes=1,
    module=_MODULES / "kubernetes",
    install="etcd 3.5 or newer",
)
TEMPORAL = Toolset(
    name="temporal",
    version="1.5.1",
    packages={"temporal": "github.com/temporalio/cli/cmd/temporal"},
    minimum=(1, 29),
    minutes=4,
    module=_MODULES / "temporal",
    version_pattern=r"temporal version .*Server v?(\d+)\.(\d+)",
    install="the Temporal CLI with server 1.29 or newer (https://docs.temporal.io/cli)",
)
CUE = Toolset(
    name="cue",
    version="0.17.1",
    packages={"cue": "cuelang.org/go/cmd/cue"},
    minimum=(0, 14),
    minutes=1,
    module=_MODULES / "cue",
    version_pattern=r"cue version v?(\d+)\.(\d+)",
    version_arguments=("version",),
    install="cue 0.14 or newer (https://cuelang.org/docs/install)",
)
HELM = Toolset(
    name="helm",
    version="4.3.1",
    packages={"helm": "helm.sh/helm/v4/cmd/helm"},
    minimum=(3, 10),
    minutes=2,
    module=_MODULES / "helm",
    ldflags="-X helm.sh/helm/v4/internal/version.version=v4.3.1",
    version_pattern=r'version\.BuildInfo\{Version:"v?(\d+)\.(\d+)',
    version_arguments=("version",),
    install="helm 3.10 or newer (https://helm.sh/docs/intro/install)",
)
KIND = Toolset(
    name="kind",
    version="0.32.0",
    packages={"kind": "sigs.k8s.io/kind"},
    minimum=(0, 27),
    minutes=1,
    install="kind 0.27 or newer (https://kind.sigs.k8s.io)",
)

KWOK_CLUSTERS = (KWOKCTL, KWOK, KUBERNETES, ETCD, KUBECTL)
"""What clusters made by kwokctl need."""
