"""Definitions in CUE on real clusters: given to the hub, used, edited, and used wrongly."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from lateen.cli import codes
from lateen.client.documents import write_yaml
from lateen.definitions.programs import find_cue
from support.platforms import BEIJING, HANGZHOU_1, Platform, unique

Json = dict[str, Any]

DEFINITIONS = Path(__file__).parent.parent / "support" / "definitions" / "platform.yaml"

pytestmark = pytest.mark.skipif(
    find_cue() is None, reason="needs the program cue: run `lateen local tools`"
)


def site(name: str, *, kind: str = "site", **properties: Any) -> Json:
    """Build an application of a component and traits that only the hub defines."""
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "examples"},
        "spec": {
            "components": [
                {
                    "name": name,
                    "type": kind,
                    "properties": {"image": "nginx", "ports": [{"port": 80}], **properties},
                    "traits": [
                        {"type": "tracing", "properties": {"endpoint": "http://spans"}},
                        {"type": "scaler", "properties": {"replicas": 2}},
                        {"type": "recreate"},
                        {"type": "located"},
                    ],
                }
            ],
            "policies": [
                {
                    "name": "where",
                    "type": "topology",
                    "properties": {"clusters": [BEIJING, HANGZHOU_1]},
                }
            ],
        },
    }


def test_types_of_the_hub(platform: Platform, tmp_path: Path) -> None:
    """A definition's edit makes a new revision; what it does not allow is refused before anything."""

    def lateen(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lateen.cli", *arguments],
            env={**os.environ, **platform.stack.environment(), "LATEEN_NAMESPACE": "examples"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def write(*documents: Json) -> str:
        path = tmp_path / f"{unique('file')}.yaml"
        path.write_text(write_yaml(documents))
        return str(path)

    deadline = time.monotonic() + 120
    while "no worker" in lateen("ls").stderr:
        assert time.monotonic() < deadline, platform.logs
    name = unique("site")
    application = write(site(name))
    first = lateen("up", "-f", str(DEFINITIONS), "-f", application, "--create-namespace")
    assert (first.returncode, first.stdout) == (
        codes.DELIVERED,
        f"examples/{name}: delivered {name}-v1 to 2 placements\n",
    ), first.stderr
    assert "ComponentDefinition examples/site written to the hub" in first.stderr
    for cluster in (BEIJING, HANGZHOU_1):
        live = platform.deployment(cluster, name)
        assert live is not None
        spec = live["spec"]
        container = spec["template"]["spec"]["containers"][0]
        assert (spec["replicas"], spec["strategy"]["type"]) == (2, "Recreate")
        assert {"name": "TRACE_ENDPOINT", "value": "http://spans"} in container["env"]
        assert f'"cluster":"{cluster}"' in live["metadata"]["annotations"]["acme.example/located"]
    assert lateen("up", "-f", application, "--create-namespace").returncode == codes.UNCHANGED

    edited: list[Json] = list(yaml.safe_load_all(DEFINITIONS.read_text()))
    cue = edited[0]["spec"]["schematic"]["cue"]
    cue["template"] = cue["template"].replace("strings.ToLower(parameter.tier)", '"edited"')
    cue["template"] = cue["template"].replace('\t"strings"\n', "")
    second = lateen("up", "-f", write(edited[0]), "-f", application, "--create-namespace")
    assert f"delivered {name}-v2" in second.stdout, second.stderr
    live = platform.deployment(BEIJING, name)
    assert live is not None
    assert live["spec"]["template"]["metadata"]["labels"]["tier"] == "edited"
    path = f"/apis/lateen.dev/v1alpha1/namespaces/examples/revisions/{name}-v1"
    kept = str(platform.api("local").get(path))
    assert "edited" not in kept

    wrong = lateen("up", "-f", write(site(name, prots=[])))
    assert wrong.returncode != codes.DELIVERED
    assert "spec.components[0].properties.prots: unknown key" in wrong.stdout + wrong.stderr
    assert "did you mean 'ports'?" in wrong.stdout + wrong.stderr
    typo = lateen("up", "-f", write(site(unique("typo"), kind="sit")))
    assert "unknown component type" in typo.stdout + typo.stderr
    assert "did you mean 'site'?" in typo.stdout + typo.stderr
    assert lateen("delete", name).returncode == codes.DELIVERED
