"""Reading an API server's refusal: from an HTTP answer to one of our errors.

A server's own words are untrusted and may quote what was sent, the values of Secrets included. So
texts are never passed on: only what a fixed pattern recognises (names, field paths, set phrases)
comes through.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from lateen.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Expired,
    FieldProblem,
    Forbidden,
    Invalid,
    NotFound,
    ServerError,
    Target,
    TooManyRequests,
    Unauthorized,
)
from lateen.kube.shapes import as_object, as_objects, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.model.base import Json

_MOST_PROBLEMS = 100
_LONGEST_WORD = 200
_REASON = re.compile(r"[A-Za-z]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.:/@ ]{0,251}[A-Za-z0-9])?")

_CAUSES = {
    "FieldValueNotFound": "names something that does not exist",
    "FieldValueRequired": "required",
    "FieldValueDuplicate": "duplicate",
    "FieldValueInvalid": "invalid value",
    "FieldValueNotSupported": "unsupported value",
    "FieldValueForbidden": "forbidden",
    "FieldValueTooLong": "too long",
    "FieldValueTooMany": "too many items",
    "FieldValueTypeInvalid": "wrong type",
    "InternalError": "could not be checked",
}
_PHRASES = re.compile(
    r"(?:: |^)(field is immutable|may not (?:be changed|change)[a-z ]*"
    r"|must be (?:greater|less) than(?: or equal to)? [0-9]+"
    r"|must be between [0-9]+ and [0-9]+, inclusive"
    r"|`selector` does not match template `labels`|must be no more than [0-9]+ (?:characters|bytes)"
    r"|provided port is already allocated|must be specified[a-z ]*)(?:$|[.:;,(])"
)
_SCHEMA = re.compile(
    r"(\.[^\s:\"]+(?:\"[^\"]*\"[^\s:\"]*)*): "
    r"(field not declared in schema|expected [a-z ,()]{1,60}, got [a-z]{1,20})"
)
_STRICT = re.compile(r'(unknown|duplicate) field "([^"\s]{1,200})"')
_TERMINATING = "is being deleted"
_CLASSES: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    410: Expired,
    413: Invalid,
    415: Invalid,
    422: Invalid,
}
_DETAILS = (
    (
        re.compile(r'admission webhook "([a-z0-9.-]{1,253})" denied'),
        "denied by admission webhook {}",
    ),
    (
        re.compile(r"ValidatingAdmissionPolicy '([a-z0-9.-]{1,253})'"),
        "denied by ValidatingAdmissionPolicy {}",
    ),
    (re.compile(r'violates PodSecurity "([a-z0-9.:-]{1,80})"'), "violates PodSecurity {}"),
    (re.compile(r"exceeded quota: ([a-z0-9.-]{1,253})"), "exceeds ResourceQuota {}"),
    (
        re.compile(r"namespace ([a-z0-9-]{1,63}) because it is being terminated"),
        f"namespace {{}} {_TERMINATING}",
    ),
    (re.compile(r'cannot ([a-z]{1,20}) resource "'), "the credentials lack the right to {} it"),
    (
        re.compile(r'failed calling webhook "([a-z0-9.-]{1,253})"'),
        "admission webhook {} did not answer",
    ),
)


def read_error(target: Target, *, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """Turn an answer that isn't a success into the error to raise."""
    return error_of_status(target, status=status, headers=headers, answer=_parse(body))


def error_of_status(
    target: Target, *, status: int, answer: Json, headers: Mapping[str, str] | None = None
) -> ApiError:
    """Turn a ``Status`` object, such as a watch's last event, into the error to raise."""
    message = as_text(answer.get("message"))
    reason = _word(answer.get("reason"), _REASON)
    problems = _problems(answer, message)
    detail = _detail(message)
    if status == 409:
        return _conflict(target, answer, reason)
    if status == 429:
        return TooManyRequests(target, status=status, retry_after=_retry_after(headers, answer))
    if status == 404:
        detail = _missing(target, answer)
    if 300 <= status < 400:
        detail = "a redirect, which is never followed"
    # An apply that doesn't fit the schema is answered as 500, though it will never succeed.
    kind = Invalid if status == 500 and problems else _CLASSES.get(status, ServerError)
    retryable = True if _TERMINATING in detail else None
    return kind(
        target, status=status, reason=reason, detail=detail, problems=problems, retryable=retryable
    )


def _parse(body: bytes) -> Json:
    """Read a ``Status``; anything else says nothing that can be trusted."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    status = as_object(answer)
    return status if status.get("kind") == "Status" else {}


def _conflict(target: Target, answer: Json, reason: str) -> ApiError:
    if reason == "AlreadyExists":
        return AlreadyExists(target, status=409, reason=reason)
    owned = [
        (_word(match[1], _NAME) or "unknown", _path(cause.get("field")))
        for cause in _causes(answer)
        if cause.get("reason") == "FieldManagerConflict"
        and (match := re.match(r'conflict with "([^"]*)"', as_text(cause.get("message"))))
    ]
    return Conflict(
        target,
        status=409,
        reason=reason,
        problems=[FieldProblem(path, f"owned by {manager!r}") for manager, path in owned],
        managers=list(dict.fromkeys(manager for manager, _ in owned)),
    )


def _problems(answer: Json, message: str) -> list[FieldProblem]:
    """Collect refused fields from causes or, where the server has none, from its set phrases."""
    found = [
        FieldProblem(_path(cause.get("field")), _why(cause))
        for cause in _causes(answer)
        if cause.get("reason") in _CAUSES
    ]
    if found:
        return found
    found = [FieldProblem(_path(path), why) for path, why in _SCHEMA.findall(message)]
    found += [FieldProblem(_path(path), f"{why} field") for why, path in _STRICT.findall(message)]
    if "illegal base64 data" in message:
        found.append(FieldProblem("data", "not valid base64"))
    return found[:_MOST_PROBLEMS]


def _why(cause: Json) -> str:
    phrase = _PHRASES.search(as_text(cause.get("message")))
    return phrase[1] if phrase else _CAUSES[cause["reason"]]


def _causes(answer: Json) -> list[Json]:
    return as_objects(as_object(answer.get("details")).get("causes"))[:_MOST_PROBLEMS]


def _detail(message: str) -> str:
    for pattern, text in _DETAILS:
        if match := pattern.search(message):
            return text.format(match[1])
    return ""


def _missing(target: Target, answer: Json) -> str:
    """Say what is missing where it isn't the object itself: its namespace."""
    details = as_object(answer.get("details"))
    if details.get("kind") != "namespaces":
        return ""
    if target.ref is None or target.ref.kind == "Namespace":
        return ""
    return f"namespace {_word(details.get('name'), _NAME) or target.ref.namespace} does not exist"


def _retry_after(headers: Mapping[str, str] | None, answer: Json) -> float | None:
    """Return the seconds to wait, at most ten minutes, from the header or the ``Status``."""
    details = as_object(answer.get("details"))
    for value in ((headers or {}).get("Retry-After"), details.get("retryAfterSeconds")):
        if value is not None and re.fullmatch(r"[0-9]{1,6}", str(value)):
            return min(float(value), 600.0)
    return None


def _word(value: Any, pattern: re.Pattern[str]) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _path(value: Any) -> str:
    """Return a field's path without control characters and of a bounded length."""
    text = "".join(char for char in as_text(value) if char.isprintable())
    return text if len(text) <= _LONGEST_WORD else f"{text[: _LONGEST_WORD - 1]}…"
