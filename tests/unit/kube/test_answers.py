"""Refusals become our errors, with what people need to know and without what a server wrote."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from lateen.kube.answers import read_error
from lateen.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    ServerError,
    Target,
    Unauthorized,
)
from lateen.model.objects import ObjectRef
from unit.kube.apiserver import status

SECRET = "hunter2-very-secret"
REF = ObjectRef(api_version="v1", kind="Secret", namespace="shop", name="db")
TARGET = Target("east", "apply", "/api/v1/namespaces/shop/secrets/db", REF)


def read(code: int, reason: str = "", message: str = "", **details: Any) -> ApiError:
    _, answer = status(code, reason, message, **details)
    return read_error(TARGET, status=code, headers={}, body=orjson.dumps(answer))


@pytest.mark.parametrize(
    ("code", "reason", "expected", "retryable"),
    [
        (400, "BadRequest", Invalid, False),
        (401, "Unauthorized", Unauthorized, False),
        (403, "Forbidden", Forbidden, False),
        (404, "NotFound", NotFound, False),
        (409, "AlreadyExists", AlreadyExists, False),
        (409, "Conflict", Conflict, True),
        (410, "Expired", Expired, True),
        (422, "Invalid", Invalid, False),
        (500, "InternalError", ServerError, True),
        (503, "ServiceUnavailable", ServerError, True),
        (504, "Timeout", ServerError, True),
        (418, "", ServerError, True),
    ],
)
def test_every_status_has_its_error_and_never_the_servers_text(
    code: int, reason: str, expected: type[ApiError], retryable: bool
) -> None:
    error = read(code, reason, f"something about {SECRET}", name=SECRET)
    assert type(error) is expected
    assert error.retryable is retryable
    assert (error.status, error.reason, error.kind, error.name) == (code, reason, "Secret", "db")
    assert str(error).startswith("cluster east: apply Secret shop/db: ")
    assert SECRET not in f"{error}{error!r}"


@pytest.mark.parametrize("body", [b"", b"<html>" + SECRET.encode(), b"[1]", b'{"kind": "Pod"}'])
def test_a_refusal_that_is_no_status_still_has_its_class(body: bytes) -> None:
    error = read_error(TARGET, status=403, headers={}, body=body)
    assert type(error) is Forbidden
    assert SECRET not in str(error)


def test_an_ownership_conflict_lists_managers_and_fields() -> None:
    error = read(
        409,
        "Conflict",
        'Apply failed with 2 conflicts: conflicts with "kubectl" using apps/v1: ...',
        causes=[
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "kubectl" using apps/v1',
                "field": ".spec.replicas",
            },
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "lateen:shop/other"',
                "field": ".metadata.labels.app\x1b[31m",
            },
        ],
    )
    assert isinstance(error, Conflict)
    assert error.managers == ("kubectl", "lateen:shop/other")
    assert error.fields == (".spec.replicas", ".metadata.labels.app[31m")
    assert not error.retryable
    assert "\x1b" not in str(error)
    assert ".spec.replicas: owned by 'kubectl'" in str(error)


def test_invalid_fields_keep_path_and_reason_but_no_value() -> None:
    error = read(
        422,
        "Invalid",
        f'Secret "db" is invalid: data: {SECRET}',
        causes=[
            {
                "reason": "FieldValueInvalid",
                "message": f'Invalid value: "{SECRET}": field is immutable',
                "field": "spec.selector",
            },
            {
                "reason": "FieldValueInvalid",
                "message": f'Invalid value: "{SECRET}": no good',
                "field": "data[x]",
            },
            {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.image"},
        ],
    )
    assert [str(problem) for problem in error.problems] == [
        "spec.selector: field is immutable",
        "data[x]: invalid value",
        "spec.image: required",
    ]
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("code", "message", "problem"),
    [
        (
            500,
            (
                "failed to create typed patch object (shop/db; apps/v1, Kind=Deployment): "
                '.spec.template.spec.containers[name="x"].imag: field not declared in schema'
            ),
            '.spec.template.spec.containers[name="x"].imag: field not declared in schema',
        ),
        (
            500,
            (
                "failed to create typed patch object (shop/db; apps/v1, Kind=Deployment): "
                ".spec.replicas: expected numeric (int or float), got string"
            ),
            ".spec.replicas: expected numeric (int or float), got string",
        ),
        (
            500,
            "failed to convert new object: error decoding from json: illegal base64 data at 7",
            "data: not valid base64",
        ),
        (
            400,
            (
                'Widget in version "v1" cannot be handled: strict decoding error: '
                'unknown field "spec.colour"'
            ),
            "spec.colour: unknown field",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_the_schema_is_invalid_for_good(
    code: int, message: str, problem: str
) -> None:
    """API servers answer these as 500; retrying them would never help."""
    error = read(code, "", message)
    assert type(error) is Invalid
    assert not error.retryable
    assert [str(found) for found in error.problems] == [problem]


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (
            f'admission webhook "policy.example.com" denied the request: {SECRET}',
            "denied by admission webhook policy.example.com",
        ),
        (
            f"deployments.apps \"x\" is forbidden: ValidatingAdmissionPolicy 'no-root' with {SECRET}",
            "denied by ValidatingAdmissionPolicy no-root",
        ),
        (
            f'pods "x" is forbidden: violates PodSecurity "restricted:latest": {SECRET}',
            "violates PodSecurity restricted:latest",
        ),
        ("exceeded quota: compute, requested: ...", "exceeds ResourceQuota compute"),
        (
            f'User "{SECRET}" cannot patch resource "secrets" in API group ""',
            "the credentials lack the right to patch it",
        ),
    ],
)
def test_forbidden_says_who_forbids(message: str, detail: str) -> None:
    error = read(403, "Forbidden", message)
    assert error.detail == detail
    assert SECRET not in str(error)


def test_a_namespace_that_is_going_away_may_be_tried_again() -> None:
    error = read(
        403,
        "Forbidden",
        "unable to create new content in namespace shop because it is being terminated",
    )
    assert error.retryable
    assert "namespace shop is being deleted" in str(error)


def test_a_missing_namespace_is_told_from_a_missing_object() -> None:
    error = read(404, "NotFound", 'namespaces "shop" not found', kind="namespaces", name="shop")
    assert "namespace shop does not exist" in str(error)
    assert "namespace" not in str(read(404, "NotFound", "", kind="secrets", name="db"))


def test_a_flood_of_problems_is_cut() -> None:
    causes = [
        {"reason": "FieldValueRequired", "message": "", "field": f"spec.f{i}" + "x" * 5000}
        for i in range(10_000)
    ]
    error = read(422, "Invalid", causes=causes)
    assert len(error.problems) == 100
    assert len(str(error)) < 3000
    assert "and 90 more" in str(error)
