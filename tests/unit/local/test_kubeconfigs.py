"""Kubeconfigs that can be handed on."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from lateen.local import kubeconfigs


def written_by_kwokctl(directory: Path) -> Path:
    """A kubeconfig as kwokctl writes it: files by path, names with a prefix."""
    for name in ("ca.crt", "admin.crt", "admin.key"):
        (directory / name).write_text(f"content of {name}")
    document = {
        "clusters": [
            {
                "name": "kwok-x",
                "cluster": {
                    "server": "https://127.0.0.1:12345",
                    "certificate-authority": str(directory / "ca.crt"),
                },
            }
        ],
        "users": [
            {
                "name": "kwok-x",
                "user": {"client-certificate": "admin.crt", "client-key": "admin.key"},
            }
        ],
        "contexts": [{"name": "kwok-x", "context": {"cluster": "kwok-x", "user": "kwok-x"}}],
    }
    path = directory / "kubeconfig.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_credentials_are_taken_inline(tmp_path: Path) -> None:
    """No path is left, absolute or relative, and every entry has the cluster's name."""
    flat = kubeconfigs.flatten(written_by_kwokctl(tmp_path), name="cluster-beijing")
    assert flat["current-context"] == "cluster-beijing"
    assert flat["contexts"] == [
        {
            "name": "cluster-beijing",
            "context": {"cluster": "cluster-beijing", "user": "cluster-beijing"},
        }
    ]
    user = flat["users"][0]["user"]
    assert set(user) == {"client-certificate-data", "client-key-data"}
    assert base64.b64decode(user["client-key-data"]) == b"content of admin.key"
    assert str(tmp_path) not in yaml.safe_dump(flat)


def test_one_file_has_a_context_for_each_cluster(tmp_path: Path) -> None:
    """The hub is the current context."""
    source = written_by_kwokctl(tmp_path)
    parts = [kubeconfigs.flatten(source, name=name) for name in ("local", "cluster-beijing")]
    merged = kubeconfigs.merge(parts, current="local")
    assert [context["name"] for context in merged["contexts"]] == ["local", "cluster-beijing"]
    assert merged["current-context"] == "local"


def test_only_the_owner_can_read_a_kubeconfig(tmp_path: Path) -> None:
    """It holds the credentials of a cluster's administrator."""
    path = tmp_path / "deep" / "kubeconfig"
    kubeconfigs.write(path, {"kind": "Config"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert kubeconfigs.read(path) == {"kind": "Config"}
    assert list(path.parent.iterdir()) == [path]
