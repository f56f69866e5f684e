"""Objects of other clusters that an application refers to: how they are asked for, and what was found."""

from __future__ import annotations

from lateen.model.base import Json, Record
from lateen.model.json_values import canonical_json
from lateen.model.labels import LOCAL


class ObjectSelector(Record):
    """Which objects are meant, with every default filled in.

    The kind is named by ``resource``, with its ``group`` unless any will do, or by ``api_version`` and
    ``kind``. Without a ``name``, ``labels`` select among the objects of the namespace; none selects all.
    """

    cluster: str = LOCAL
    namespace: str
    resource: str = ""
    group: str | None = None
    api_version: str = ""
    kind: str = ""
    name: str = ""
    labels: dict[str, str] = {}

    @property
    def key(self) -> str:
        """What two selectors of the same objects have in common."""
        return canonical_json(self.to_json()).decode()

    @property
    def kind_name(self) -> str:
        """How its author named the kind."""
        if self.kind:
            return f"{self.kind} ({self.api_version})"
        return f"{self.resource}.{self.group}" if self.group else self.resource


class FoundObjects(Record):
    """What a selector found when the revision was made, free of what the API server adds.

    Of a Secret it is identity and metadata, with its digest as an annotation: the content is never kept.
    """

    selector: ObjectSelector
    objects: list[Json] = []


class WithheldContent(Record):
    """Where the content of a Secret is read again at delivery, and the digest that it must have then."""

    cluster: str
    namespace: str
    name: str
    digest: str
