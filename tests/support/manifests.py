"""Copies of the package's manifests in ``deploy/kubernetes``; ``make manifests`` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lateen.cli.output import to_yaml
from lateen.hub.installing import manifests, member_manifests

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"

_HEADER = "# Written by `make manifests` from activities/lateen/hub/manifests: change it there.\n"

Json = dict[str, Any]


def copies() -> dict[Path, str]:
    """Return what each copy must hold."""
    hub = manifests()
    local = [item for item in manifests(deliver_to_hub=True) if item not in hub]
    roles = [item for item in local if item["kind"] == "ClusterRole"]
    account = [item for item in member_manifests() if item not in roles]
    return {
        KUBERNETES / "base" / "hub.yaml": _text(hub),
        KUBERNETES / "roles" / "roles.yaml": _text(roles),
        KUBERNETES / "member" / "account.yaml": _text(account),
        KUBERNETES / "hub-as-target" / "bindings.yaml": _text(
            [item for item in local if item not in roles]
        ),
    }


def built(folder: str) -> list[Json]:
    """Return the objects of a kustomization, as far as they are files; generators are left out."""
    root = KUBERNETES / folder
    found: list[Json] = []
    for name in yaml.safe_load((root / "kustomization.yaml").read_text())["resources"]:
        path = (root / name).resolve()
        if path.is_dir():
            found += built(str(path.relative_to(KUBERNETES)))
        else:
            found += yaml.safe_load_all(path.read_text())
    return found


def _text(documents: list[Json]) -> str:
    return _HEADER + "---\n".join(to_yaml(document) for document in documents)


if __name__ == "__main__":
    for path, text in copies().items():
        path.write_text(text)
