"""Where secrets stand in the clear: every place is found, and no value is ever repeated."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.model.application import Application, InlinePolicy
from lateen.model.errors import InvalidApplication
from lateen.planning.inline_secrets import (
    credential_variables,
    inline_secrets,
    names_credential,
    policy_secrets,
    refuse_inline_secrets,
)

Json = dict[str, Any]
VALUE = "geheim"
SECRET: Json = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}


def application(
    kind: str = "webservice",
    properties: Json | None = None,
    *,
    traits: list[Json] | None = None,
    policies: list[Json] | None = None,
) -> Application:
    component: Json = {"name": "web", "type": kind, "properties": properties or {"image": "nginx"}}
    if traits:
        component["traits"] = traits
    return Application.model_validate(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "shop"},
            "spec": {"components": [component], "policies": policies},
        }
    )


def storage(**secret: Any) -> Json:
    item = {"name": "s", "mountPath": "/s", **secret}
    return {"type": "storage", "properties": {"secret": [{"name": "x"}, item]}}


def override(*components: Json) -> Json:
    return {"name": "o", "type": "override", "properties": {"components": list(components)}}


COMPONENT = "spec.components[0]"
PATCH = "spec.policies[0].properties.components[0]"
CASES: dict[str, tuple[Application, list[str]]] = {
    "raw": (
        application("raw", {**SECRET, "stringData": {"p": VALUE}}),
        [f"{COMPONENT}.properties.stringData"],
    ),
    "objects": (
        application("k8s-objects", {"objects": [{"kind": "X"}, {**SECRET, "data": {"p": VALUE}}]}),
        [f"{COMPONENT}.properties.objects[1].data"],
    ),
    "both": (
        application("raw", {**SECRET, "data": {"a": VALUE}, "stringData": {"p": VALUE}}),
        [f"{COMPONENT}.properties.data", f"{COMPONENT}.properties.stringData"],
    ),
    "list": (
        application(
            "k8s-objects",
            {"objects": [{"kind": "List", "items": [{**SECRET, "data": {"p": VALUE}}]}]},
        ),
        [f"{COMPONENT}.properties.objects[0].items[0].data"],
    ),
    "storage": (
        application(traits=[storage(data={"p": VALUE})]),
        [f"{COMPONENT}.traits[0].properties.secret[1].data"],
    ),
    "storage in the clear": (
        application(traits=[{"type": "scaler"}, storage(stringData={"p": VALUE})]),
        [f"{COMPONENT}.traits[1].properties.secret[1].stringData"],
    ),
    "override of a trait": (
        application(policies=[override({"traits": [storage(stringData={"p": VALUE})]})]),
        [f"{PATCH}.traits[0].properties.secret[1].stringData"],
    ),
    "override that adds": (
        application(
            policies=[
                override(
                    {"name": "s", "type": "raw", "properties": {**SECRET, "data": {"p": VALUE}}}
                )
            ]
        ),
        [f"{PATCH}.properties.data"],
    ),
    "override of a Secret": (
        application(
            "raw",
            SECRET,
            policies=[override({"name": "web", "properties": {"data": {"p": VALUE}}})],
        ),
        [f"{PATCH}.properties.data"],
    ),
    "env-binding": (
        application(
            policies=[
                {
                    "name": "e",
                    "type": "env-binding",
                    "properties": {
                        "envs": [
                            {
                                "name": "test",
                                "patch": {"components": [{"traits": [storage(data={"p": VALUE})]}]},
                            }
                        ]
                    },
                }
            ]
        ),
        [
            (
                "spec.policies[0].properties.envs[0].patch.components[0]"
                ".traits[0].properties.secret[1].data"
            )
        ],
    ),
    "patch": (
        application(
            "raw",
            SECRET,
            traits=[{"type": "json-merge-patch", "properties": {"stringData": {"p": VALUE}}}],
        ),
        [f"{COMPONENT}.traits[0].properties.stringData"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_contents_are_found_and_not_repeated(case: str) -> None:
    given, paths = CASES[case]
    assert [problem.path for problem in inline_secrets(given)] == paths
    with pytest.raises(InvalidApplication) as caught:
        refuse_inline_secrets(given)
    assert "default/shop" in str(caught.value)
    assert "--allow-inline-secrets" in str(caught.value)
    assert VALUE not in str(caught.value)
    assert VALUE not in str(caught.value.to_json())


@pytest.mark.parametrize(
    "given",
    [
        application(),
        application("raw", SECRET),
        application("raw", {**SECRET, "data": {}, "stringData": None}),
        application("k8s-objects", {"objects": [{"kind": "ConfigMap", "data": {"password": "x"}}]}),
        application(traits=[storage()]),
        application(
            traits=[{"type": "storage", "properties": {"configMap": [{"data": {"a": "b"}}]}}]
        ),
        application(policies=[override({"properties": {"data": {"a": "b"}}})]),
        application(policies=[{"name": "o", "type": "override", "properties": {"components": 5}}]),
        application(policies=[{"name": "t", "type": "topology"}]),
    ],
)
def test_what_is_no_content_of_a_secret_passes(given: Application) -> None:
    assert inline_secrets(given) == []
    refuse_inline_secrets(given)


def test_policies_of_the_hub_count_too() -> None:
    policy = InlinePolicy.model_validate(override({"traits": [storage(data={"p": VALUE})]}))
    (problem,) = policy_secrets(policy, path="properties")
    assert problem.path == "properties.components[0].traits[0].properties.secret[1].data"
    with pytest.raises(InvalidApplication, match=r"policies\[o\]\.properties\.components\[0\]"):
        refuse_inline_secrets(application(), [policy])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DB_PASSWORD", True),
        ("MYSQL_ROOT_PASSWD", True),
        ("apiKey", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("GITHUB_TOKEN", True),
        ("client-secret", True),
        ("PASSPHRASE", True),
        ("DB_PASSWORD_FILE", False),
        ("SECRET_NAME", False),
        ("TOKEN_TTL", False),
        ("credentialsPath", False),
        ("KEY", False),
        ("PUBLIC_KEY", False),
        ("USER", False),
        ("MONKEY", False),
    ],
)
def test_names_of_credentials(name: str, expected: bool) -> None:
    assert names_credential(name) is expected


def test_variables_are_only_warned_about_and_named_without_their_values() -> None:
    env = [
        {"name": "DB_PASSWORD", "value": VALUE},
        {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "t"}}},
        {"name": "PASSWORD", "value": ""},
    ]
    trait = {"type": "env", "properties": {"env": {"API_KEY": VALUE, "LEVEL": "debug"}}}
    given = application(properties={"image": "nginx", "env": env}, traits=[trait])
    assert inline_secrets(given) == []
    first, second = credential_variables(given)
    assert first.startswith("spec.components[0].properties.env[0].value (variable DB_PASSWORD): ")
    assert second.startswith("spec.components[0].traits[0].properties.env.API_KEY: ")
    assert VALUE not in first + second
