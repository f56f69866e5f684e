"""``problems_of``: each finding of pydantic, told with the user's own path and the way out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, RootModel, TypeAdapter, ValidationError

from lateen.model.application import Application
from lateen.model.base import Model
from lateen.model.findings import keys_of, revealed
from lateen.model.validation import problems_of


class Port(Model):
    container_port: int = Field(default=80, ge=1, le=65535)
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class Http(Model):
    kind: Literal["http"]
    path: str


class Tcp(Model):
    kind: Literal["tcp"]
    port: int


class Text(Model):
    text: str


class Code(Model):
    code: int
    level: int


class Names(RootModel[list[str]]):
    pass


class Sample(Model):
    image: str = Field(min_length=1)
    ports: list[Port] | None = None
    labels: dict[str, str] | None = None
    by_name: dict[str, Port] | None = None
    probe: Annotated[Http | Tcp, Field(discriminator="kind")] | None = None
    quantity: str | int | None = None
    body: Text | Code | None = None
    many: list[str | Text] | None = None
    names: Names | None = None
    paused: bool = False
    ratio: float = Field(default=1.0, gt=0)
    env: list[dict[str, Any]] | None = None
    password: str = ""
    pattern: str = Field(default="a", pattern="^a")
    pairs: list[str] = Field(default=["x", "y"], min_length=2, max_length=3)


def problems(value: Any, *, path: str = "p") -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(value)
    return [str(problem) for problem in problems_of(caught.value, Sample, path=path)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, "p.image: is required"),
        ({"image": ""}, "p.image: must not be empty (got '')"),
        ({"image": 5}, "p.image: expected a string (got 5); write it in quotes: '5'"),
        ({"image": True}, "p.image: expected a string (got True); write it in quotes: 'true'"),
        ({"image": None}, "p.image: expected a string, not null"),
        ({"image": {"a": 1}}, "p.image: expected a string"),
        ({"imag": "x", "image": "x"}, "p.imag: unknown key (got 'x'); did you mean 'image'?"),
        (
            {"image": "x", "ports": [{}, {"containerPrt": 1}]},
            "p.ports[1].containerPrt: unknown key (got 1); did you mean 'containerPort'?",
        ),
        (
            {"image": "x", "ports": [{"containerPort": "80"}]},
            "p.ports[0].containerPort: expected an integer (got '80'); write 80 without quotes",
        ),
        (
            {"image": "x", "ports": [{"containerPort": 0}]},
            "p.ports[0].containerPort: must be at least 1 (got 0)",
        ),
        (
            {"image": "x", "ports": [{"protocol": "UPD"}]},
            "p.ports[0].protocol: expected 'TCP', 'UDP' or 'SCTP' (got 'UPD'); did you mean 'UDP'?",
        ),
        (
            {"image": "x", "ports": {}},
            "p.ports: expected a list; put it in brackets: [...], or behind a '-' on a line of its own",
        ),
        ({"image": "x", "ports": ["80"]}, "p.ports[0]: expected an object (got '80')"),
        (
            {"image": "x", "labels": {"app.oam.dev/x": 1}},
            "p.labels[\"app.oam.dev/x\"]: expected a string (got 1); write it in quotes: '1'",
        ),
        (
            {"image": "x", "byName": {"web": {"prot": 1}}},
            "p.byName.web.prot: unknown key (got 1); did you mean 'protocol'?",
        ),
        (
            {"image": "x", "probe": {"kind": "http", "pth": "/", "path": "/"}},
            "p.probe.pth: unknown key (got '/'); did you mean 'path'?",
        ),
        ({"image": "x", "probe": {"kind": "udp"}}, "p.probe: expected 'http', 'tcp' (got 'udp')"),
        ({"image": "x", "probe": {}}, "p.probe.kind: is required"),
        ({"image": "x", "quantity": []}, "p.quantity: expected a string or an integer"),
        (
            {"image": "x", "body": {"txt": "a", "text": "b"}},
            "p.body.txt: unknown key (got 'a'); did you mean 'text'?",
        ),
        ({"image": "x", "body": 3}, "p.body: expected an object (got 3)"),
        (
            {"image": "x", "many": ["a", {"text": 1}]},
            "p.many[1].text: expected a string (got 1); write it in quotes: '1'",
        ),
        ({"image": "x", "many": [1]}, "p.many[0]: expected a string or an object (got 1)"),
        ({"image": "x", "names": ["a", []]}, "p.names[1]: expected a string"),
        (
            {"image": "x", "paused": "True"},
            "p.paused: expected true or false (got 'True'); write true without quotes",
        ),
        ({"image": "x", "ratio": 0}, "p.ratio: must be greater than 0 (got 0)"),
        ({"image": "x", "pattern": "b"}, "p.pattern: must match ^a (got 'b')"),
        ({"image": "x", "pairs": ["a"]}, "p.pairs: must have at least 2 items"),
        ({"image": "x", "pairs": ["a"] * 4}, "p.pairs: must have at most 3 items"),
    ],
)
def test_each_finding_is_told_in_plain_words(value: Any, expected: str) -> None:
    assert problems(value) == [expected]


def test_every_finding_is_reported_in_the_order_of_the_document() -> None:
    assert problems({"image": 1, "ports": [{"x": 1}], "paused": 2}, path="") == [
        "image: expected a string (got 1); write it in quotes: '1'",
        "ports[0].x: unknown key (got 1); known: containerPort, protocol",
        "paused: expected true or false (got 2)",
    ]


def test_values_that_could_be_secrets_are_not_repeated() -> None:
    told = problems({"image": "x", "password": 12345, "env": ["hunter2"], "tokn": "hunter2"})
    assert told[0] == "p.env[0]: expected an object"
    assert "12345" not in " ".join(told)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("metadata.name", True),
        ("spec.database", True),
        ("spec.env[0].value", False),
        ("data.key", False),
        ("spec.api_key", False),
        ("stringData.x", False),
    ],
)
def test_only_paths_that_do_not_smell_of_secrets_show_their_value(path: str, shown: bool) -> None:
    assert revealed(path, "v") == ("v" if shown else None)


def test_an_applications_own_errors_use_its_own_names() -> None:
    with pytest.raises(ValidationError) as caught:
        Application.model_validate(
            {
                "apiVersion": "core.oam.dev/v1beta1",
                "kind": "Application",
                "metadata": {"name": "A"},
                "spec": {"components": [{"name": "web", "type": "webservice", "dependson": []}]},
            }
        )
    name, key = problems_of(caught.value, Application, path="")
    assert name.path == "metadata.name"
    assert name.value == "A"
    assert key.path == "spec.components[0].dependson"
    assert key.hint == "did you mean 'dependsOn'?"


def test_keys_are_the_ones_that_users_write() -> None:
    assert keys_of(Port) == ["containerPort", "protocol"]


def test_a_root_model_without_fields_is_located_too() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Names).validate_python([1])
    assert [str(p) for p in problems_of(caught.value, Names, path="x")] == [
        "x[0]: expected a string (got 1); write it in quotes: '1'"
    ]
