"""A sample of the generated applications on real clusters: what is there is what KubeVela put there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from conformance.recordings import DIFFERENCES, PLACED, recorded
from lateen.kube.resources import BUILT_IN
from support.platforms import Platform

SAMPLE = [
    case
    for case in sorted(PLACED.iterdir())[::6]
    if case.name not in DIFFERENCES["placed"] and case.name != "differences"
]
REVISION_LABELS = (
    "app.oam.dev/appRevision",
    "app.oam.dev/app-revision-hash",
    "app.oam.dev/revision",
)
RECORDING_ANNOTATIONS = ("app.oam.dev/", "oam.dev/")

Json = dict[str, Any]


def live(platform: Platform, expected: Json) -> Json | None:
    metadata = expected["metadata"]
    resource = BUILT_IN[expected["apiVersion"], expected["kind"]]
    cluster = metadata["labels"]["app.oam.dev/cluster"]
    path = resource.path(metadata["namespace"])
    head = {"apiVersion": expected["apiVersion"], "kind": expected["kind"]}
    items = platform.api(cluster).get(path)["items"]
    return next(
        ({**head, **item} for item in items if item["metadata"]["name"] == metadata["name"]), None
    )


def claims(expected: Json) -> Json:
    """What a recorded manifest says, without what names KubeVela's own revision, hashes or times."""
    metadata = dict(expected["metadata"])
    labels = metadata["labels"]
    metadata["labels"] = {k: v for k, v in labels.items() if k not in REVISION_LABELS}
    annotations = metadata.pop("annotations", {})
    kept = {k: v for k, v in annotations.items() if not k.startswith(RECORDING_ANNOTATIONS)}
    return {**expected, "metadata": {**metadata, **({"annotations": kept} if kept else {})}}


def missing(expected: Any, found: Any, path: str = "") -> list[str]:
    """Say where a live value lacks what was recorded; what an API server adds does not count."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            line
            for key, value in expected.items()
            for line in (
                missing(value, found[key], f"{path}.{key}")
                if key in found
                else [f"{path}.{key}: not there" for _ in range(value not in ({}, [], None, "", 0))]
            )
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = zip(expected, found, strict=True)
        return [
            line
            for index, (one, other) in enumerate(pairs)
            for line in missing(one, other, f"{path}[{index}]")
        ]
    return (
        [] if same(expected, found) else [f"{path}: {expected!r} was recorded, {found!r} is there"]
    )


def same(expected: Any, found: Any) -> bool:
    """Compare scalars; quantities have one value in several spellings."""
    spellings = {"0.5": "500m", "0.25": "250m", "1024Mi": "1Gi"}
    return expected == found or spellings.get(str(expected), str(expected)) == str(found)


async def test_a_sample_arrives_where_and_as_kubevela_put_it(
    platform: Platform, tmp_path: Path
) -> None:
    assert len(SAMPLE) >= 5
    for case in SAMPLE:
        shutil.copy(case / "app.yaml", tmp_path / f"{case.name}.yaml")
    up = platform.lateen("up", "-f", str(tmp_path), "--create-namespace")
    assert up.returncode == 0, up.stderr
    for case in SAMPLE:
        held: set[tuple[str, str]] = set()
        for expected in recorded(case) or ():
            wanted = claims(expected)
            cluster = wanted["metadata"]["labels"]["app.oam.dev/cluster"]
            where = f"{wanted['kind']} {wanted['metadata']['name']} in {cluster}"
            found = live(platform, wanted)
            assert found is not None, f"{case.name}: {where} is missing"
            assert missing(wanted, found) == [], f"{case.name}: {where}"
            held.add((cluster, f"{wanted['kind']}/{wanted['metadata']['name']}"))
        inventories = platform.inventories(case.name)
        assert held == {
            (cluster, each) for cluster, listed in inventories.items() for each in listed
        }
    await platform.delete(*(case.name for case in SAMPLE))
