"""What was recorded of KubeVela: cases, their applications and manifests, and the differences."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import yaml

from lateen.model.application import Application

HERE = Path(__file__).parent
RENDER = HERE / "data" / "render"
PLACED = HERE / "data" / "placed"
DIFFERENCES: dict[str, Any] = tomllib.loads((HERE / "differences.toml").read_text())


def load(case: Path) -> Application:
    """Read the application of a case."""
    return Application.model_validate(yaml.safe_load((case / "app.yaml").read_text()))


def recorded(case: Path) -> list[dict[str, Any]] | None:
    """Return KubeVela's manifests: those applied, else those of its dry-run, else None."""
    for name in ("applied.yaml", "expected.yaml"):
        if (case / name).exists():
            found = [each for each in yaml.safe_load_all((case / name).read_text()) if each]
            return [_with_cluster(each) for each in found]
    return None


def _with_cluster(manifest: dict[str, Any]) -> dict[str, Any]:
    """KubeVela leaves labels empty where lateen names the target: see ``differences.toml``."""
    labels = manifest["metadata"]["labels"]
    for label, rule in DIFFERENCES["labels"].items():
        if labels.get(label, "") == rule["kubevela"]:
            labels[label] = rule["lateen"]
    return manifest
