"""What a start, a signal or an update asks of an application's workflow. Pure; used by its handlers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from lateen.contracts.messages import Continuation
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication, nearest
from lateen.model.json_values import as_list, as_object, canonical_json, json_digest, shown
from lateen.model.names import names_application
from lateen.model.parsing import content_digest, parse_application
from lateen.planning.checking import check_application
from lateen.rendering.plugins import installed

Intent = Literal["deliver", "delete", "rollback"]

_KEYS = (
    "application",
    "intent",
    "actor",
    "queue",
    "orphan",
    "abandon",
    "confirmRemoval",
    "revision",
    "resume",
)
_LONGEST_REVISION = 253
_RESUME_KEYS = ("delivery", "restart", "step", "id")


@dataclass(frozen=True)
class Submission:
    """One request: deliver this application, delete what there is, or go back to a revision.

    ``digest`` identifies what is to be delivered; two submissions with the same digest ask for the same.
    ``queue`` waits for the delivery that runs instead of superseding it. ``revision`` is what a rollback goes
    back to; empty for the one that was delivered before the current one.
    """

    intent: Intent
    application: Json | None = None
    digest: str = ""
    actor: str = ""
    queue: bool = False
    orphan: bool = False
    abandon: tuple[str, ...] = ()
    confirm_removal: tuple[str, ...] = ()
    revision: str = ""
    continuation: Continuation | None = None

    @property
    def restarts(self) -> bool:
        """Whether steps that were done are to run again."""
        return self.continuation is not None and self.continuation.restart

    def same_as(self, other: Submission) -> bool:
        """Tell whether both ask for the same result; what is being delivered need not be resumed."""
        if other.continuation is not None and not other.restarts:
            return self.intent != "delete"
        return (self.intent, self.digest, self.orphan, self.confirm_removal) == (
            other.intent,
            other.digest,
            other.orphan,
            other.confirm_removal,
        )

    @property
    def size(self) -> int:
        """Bytes of JSON that the application takes when one run hands it to the next."""
        return len(canonical_json(self.application))

    def to_json(self) -> Json:
        """Return the envelope that ``read_submission`` reads back."""
        envelope: Json = {
            "intent": self.intent,
            "application": self.application,
            "actor": self.actor,
            "queue": self.queue,
            "orphan": self.orphan,
            "abandon": list(self.abandon),
            "confirmRemoval": list(self.confirm_removal),
            **({"resume": self.continuation.to_json()} if self.continuation else {}),
        }
        return {**envelope, "revision": self.revision} if self.revision else envelope


def read_submission(payload: Any, *, workflow_id: str, check: bool = False) -> Submission:
    """Read a bare Application or an envelope ``{"application": …, "actor": …, "queue": …}``.

    Without an application, its ``intent`` is ``delete``, or ``rollback`` to a ``revision``. Raises
    ``InvalidApplication`` for what isn't an Application of this workflow id. ``check`` also refuses what its
    types and policies don't allow, as far as that needs no hub: for content that would supersede a good
    delivery. What a run starts with is not checked like that here but by its first activity, since a replay
    by a newer lateen that knows more rules must come to the same result.
    """
    envelope = _envelope(payload)
    intent = envelope.get("intent", "deliver")
    if intent not in ("deliver", "delete", "rollback"):  # No set: it may not be hashable.
        message = "expected 'deliver', 'delete' or 'rollback'"
        raise InvalidApplication.at("intent", message, shown(intent))
    asked = Submission(
        intent="deliver",
        actor=_text(envelope, "actor"),
        queue=_flag(envelope, "queue"),
        orphan=_flag(envelope, "orphan"),
        abandon=_names(envelope, "abandon"),
        confirm_removal=_names(envelope, "confirmRemoval"),
    )
    if intent == "delete":
        _require_application_id(workflow_id)
        return replace(asked, intent="delete")
    if envelope.get("resume") is not None:
        _require_application_id(workflow_id)
        return _continuing(envelope, asked)
    data = envelope.get("application")
    revision = _revision(envelope)
    if intent == "rollback":
        return _rollback(asked, revision, data, workflow_id=workflow_id)
    if revision:
        raise InvalidApplication.at(
            "revision",
            "an application is delivered as a revision of its own",
            revision,
            "to go back to that one send no application, and the intent 'rollback'",
        )
    if data is None:
        raise InvalidApplication.at(
            "application", "nothing to deliver", hint="send an Application as the first argument"
        )
    application = parse_application(data)
    if application.id != workflow_id:
        raise InvalidApplication.at(
            "metadata",
            f"the workflow id {workflow_id!r} belongs to another application",
            application.id,
            hint=f"start it with the id {application.id!r}",
        )
    if check:
        check_application(application, installed().opened())
    return replace(asked, application=data, digest=content_digest(application))


def _rollback(asked: Submission, revision: str, data: Any, *, workflow_id: str) -> Submission:
    """Read a rollback: whether there is such a revision, only the hub knows."""
    _require_application_id(workflow_id)
    if data is not None:
        raise InvalidApplication.at(
            "application", "a rollback delivers what its revision holds", hint="leave it out"
        )
    digest = json_digest(["rollback", revision])
    return replace(asked, intent="rollback", revision=revision, digest=digest)


def _revision(envelope: Json) -> str:
    value = envelope.get("revision")
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST_REVISION:
        raise InvalidApplication.at("revision", "expected the name of a revision", shown(value))
    return value


def _require_application_id(workflow_id: str) -> None:
    """Refuse an id that no application can have, where nothing else says which one is meant."""
    namespace, _, name = workflow_id.partition("/")
    if not names_application(namespace, name):
        raise InvalidApplication.at(
            "", "the workflow id is not <namespace>/<name> of an application", shown(workflow_id)
        )


def _continuing(envelope: Json, asked: Submission) -> Submission:
    """Read a wish to go on with a recorded delivery. Its digest stands for it as content's does."""
    if envelope.get("application") is not None:
        raise InvalidApplication.at(
            "resume", "an application is submitted, or a delivery resumed; not both"
        )
    fields = as_object(envelope["resume"])
    if fields is None:
        raise InvalidApplication.at("resume", "expected an object", shown(envelope["resume"]))
    for key in fields:
        if key not in _RESUME_KEYS:
            hint = nearest(str(key), _RESUME_KEYS)
            raise InvalidApplication.at(f"resume.{key}", "unknown key", hint=hint)
    delivery = fields.get("delivery") or 0
    if not isinstance(delivery, int) or isinstance(delivery, bool) or delivery < 0:
        raise InvalidApplication.at("resume.delivery", "expected a number", shown(delivery))
    step = _text(fields, "step", below="resume.")
    wish = Continuation(
        delivery=delivery,
        restart=_flag(fields, "restart", below="resume.") or bool(step),
        step=step,
        id=_text(fields, "id", below="resume."),
    )
    return replace(asked, continuation=wish, digest=json_digest(["resume", wish.to_json()]))


def _envelope(payload: Any) -> Json:
    if payload is None:
        return {}
    envelope = as_object(payload)
    if envelope is None:
        raise InvalidApplication.at("", "expected an Application as a JSON object", shown(payload))
    if "kind" in envelope or "apiVersion" in envelope or "spec" in envelope:
        return {"application": envelope}
    for key in envelope:
        if key not in _KEYS:
            raise InvalidApplication.at(str(key), "unknown key", hint=nearest(str(key), _KEYS))
    return envelope


def _text(envelope: Json, key: str, *, below: str = "") -> str:
    value = envelope.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidApplication.at(below + key, "expected a string", shown(value))
    return value[:256]


def _flag(envelope: Json, key: str, *, below: str = "") -> bool:
    value = envelope.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidApplication.at(below + key, "expected true or false", shown(value))
    return value


def _names(envelope: Json, key: str) -> tuple[str, ...]:
    value = envelope.get(key)
    names = [] if value is None else as_list(value)
    if names is None or not all(isinstance(name, str) for name in names):
        raise InvalidApplication.at(key, "expected a list of names", shown(value))
    return tuple(sorted(set(names)))
