"""What kwok is told to pretend."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from lateen.local.simulating import BEHAVIOURS, SIMULATE, simulation


def test_every_behaviour_has_a_stage_and_is_left_out_of_the_usual_one(tmp_path: Path) -> None:
    """A pod that asks for trouble must not be made Ready by kwok's usual stage."""
    documents = [
        document
        for text in simulation("local", directory=tmp_path, port=1234)
        for document in yaml.safe_load_all(text)
    ]
    stages = {each["metadata"]["name"]: each for each in documents if each["kind"] == "Stage"}
    asked = {
        value
        for name, stage in stages.items()
        for match in stage["spec"]["selector"]["matchExpressions"]
        if SIMULATE in match.get("key", "") and match["operator"] == "In"
        for value in match["values"]
    }
    assert asked == set(BEHAVIOURS)
    usual = stages["pod-ready"]["spec"]["selector"]["matchExpressions"]
    (refusal,) = [match for match in usual if SIMULATE in match["key"]]
    assert refusal["operator"] == "NotIn"
    assert set(refusal["values"]) == set(BEHAVIOURS)


def test_containers_have_a_log_that_kwok_can_read(tmp_path: Path) -> None:
    """Each line is in the format of container runtimes, and the configuration names the file."""
    texts = simulation("cluster-beijing", directory=tmp_path, port=1234)
    log = tmp_path / "container.log"
    assert any(str(log) in text for text in texts)
    for line in log.read_text().splitlines():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z stdout F cluster-beijing: .+", line)
