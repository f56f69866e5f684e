"""Flux's image automation: it writes new tags of an image back to Git."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lateen.model.application import Duration
from lateen.rendering.parameters import Named, Parameters, TemplateError, to_json

if TYPE_CHECKING:
    from lateen.model.base import Json

_GROUP = "image.toolkit.fluxcd.io"
_MESSAGE = "Update image automatically."
_AUTHOR = {"email": "kubevelabot@users.noreply.github.com", "name": "kubevelabot"}


class AlphabeticalPolicy(Parameters):
    """Tags in alphabetical order."""

    order: Literal["asc", "desc"] | None = Field(
        default=None, description="`asc` takes the last tag, `desc` the first."
    )


class NumericalPolicy(Parameters):
    """Tags in numerical order."""

    order: Literal["asc", "desc"] = Field(
        description="`asc` takes the greatest tag, `desc` the least."
    )


class SemverPolicy(Parameters):
    """Tags that are versions."""

    range: Named = Field(description="Range whose highest version is taken, such as `1.x`.")


class ImagePolicy(Parameters):
    """Which tag is the newest: exactly one of the three."""

    alphabetical: AlphabeticalPolicy | None = Field(
        default=None, description="The last or first tag by alphabet."
    )
    numerical: NumericalPolicy | None = Field(
        default=None, description="The greatest or least tag by number."
    )
    semver: SemverPolicy | None = Field(default=None, description="The highest version of a range.")


class TagFilter(Parameters):
    """Which tags count."""

    pattern: str | None = Field(default=None, description="Regular expression that tags must fit.")
    extract: str | None = Field(
        default=None, description="What of a tag is compared, such as `$ts` of a named group."
    )


class ImageUpdates(Parameters):
    """An image whose new tags are written to the Git repository."""

    image: Named = Field(description="The image, without a tag.")
    secret_ref: Named | None = Field(
        default=None, description="Secret with credentials of the image's registry."
    )
    policy: ImagePolicy = Field(description="Which tag is the newest.")
    filter_tags: TagFilter | None = Field(default=None, description="Which tags count.")
    commit_message: str | None = Field(
        default=None, description="Text that is added to the message of commits."
    )
    interval: Duration = Field(default="5m", description="How often the registry is looked at.")


def image_updates(updates: ImageUpdates, *, name: str, source: str, branch: str, path: str) -> Json:
    """Return the three objects of the automation by output name.

    Raises ``TemplateError``, with a path below the updates, unless there is exactly one policy.
    """
    policy = to_json(updates.policy)
    if len(policy) != 1:
        raise TemplateError(
            "policy", "needs exactly one of alphabetical, numerical, semver", hint="keep one"
        )
    scan: Json = {"image": updates.image, "interval": updates.interval}
    if updates.secret_ref is not None:
        scan["secretRef"] = {"name": updates.secret_ref}
    choice: Json = {"imageRepositoryRef": {"name": name}, "policy": policy}
    if updates.filter_tags is not None:
        choice["filterTags"] = to_json(updates.filter_tags)
    message = f"{_MESSAGE}\n{updates.commit_message}" if updates.commit_message else _MESSAGE
    update: Json = {
        "interval": updates.interval,
        "sourceRef": {"kind": "GitRepository", "name": source},
        "git": {
            "checkout": {"ref": {"branch": branch}},
            "commit": {"author": dict(_AUTHOR), "messageTemplate": message},
            "push": {"branch": branch},
        },
        "update": {"path": path, "strategy": "Setters"},
    }
    return {
        "imageRepo": _object("ImageRepository", name, version="v1beta2", spec=scan),
        "imagePolicy": _object("ImagePolicy", name, version="v1beta2", spec=choice),
        "imageUpdate": _object("ImageUpdateAutomation", name, version="v1beta1", spec=update),
    }


def _object(kind: str, name: str, *, version: str, spec: Json) -> Json:
    return {
        "apiVersion": f"{_GROUP}/{version}",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
