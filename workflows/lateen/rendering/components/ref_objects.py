"""``ref-objects``: copies of objects that exist in the hub, in another cluster, or at URLs."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from lateen.model.fetched import url_key
from lateen.model.labels import LOCAL, RESOURCE_URL
from lateen.model.objects import ObjectRef
from lateen.model.references import ObjectSelector
from lateen.rendering.definitions import ComponentType, Rendered
from lateen.rendering.parameters import Named, Parameters, TemplateError

if TYPE_CHECKING:
    from lateen.model.base import Json
    from lateen.rendering.context import RenderContext


class ObjectReference(Parameters):
    """Which objects are copied: one kind, by name or by labels."""

    resource: Named | None = Field(
        default=None, description="Resource as in `kubectl get`: `deployments`, `configmap`."
    )
    group: str | None = Field(
        default=None, description="API group of the resource, such as `apps`; any by default."
    )
    api_version: Named | None = Field(
        default=None, description="With kind, the older way to name a resource."
    )
    kind: Named | None = Field(default=None, description="Kind, together with apiVersion.")
    name: Named | None = Field(
        default=None,
        description="Name of the object; without labelSelector the component's name by default.",
    )
    namespace: Named | None = Field(
        default=None, description="Its namespace; the application's by default."
    )
    cluster: Named | None = Field(default=None, description="Its cluster; the hub by default.")
    label_selector: dict[str, str] | None = Field(
        default=None, description="Labels that all copied objects have, instead of a name."
    )

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        old = (self.api_version, self.kind)
        if (self.resource is None) == (None in old) or (self.resource and any(old)):
            raise ValueError("expected resource (and group), or apiVersion and kind")
        if self.kind and self.group is not None:
            raise ValueError("expected group with resource only; apiVersion says the group already")
        if self.name is not None and self.label_selector is not None:
            raise ValueError("expected name or labelSelector, not both")
        return self

    def selector(self, context: RenderContext) -> ObjectSelector:
        """Return what is to be looked for, as seen from a component."""
        by_name = self.label_selector is None
        return ObjectSelector(
            cluster=self.cluster or LOCAL,
            namespace=self.namespace or context.namespace,
            resource=(self.resource or "").lower(),
            group=self.group,
            api_version=self.api_version or "",
            kind=self.kind or "",
            name=(self.name or context.name) if by_name else "",
            labels=self.label_selector or {},
        )


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("expected a URL that begins with https:// or http://")
    return text


Url = Annotated[str, AfterValidator(_url)]


class RefObjectsParameters(Parameters):
    """Parameters of ``ref-objects``."""

    objects: list[ObjectReference] | None = Field(
        default=None,
        min_length=1,
        description="What to copy; the first object found is the component's workload.",
    )
    urls: list[Url] | None = Field(
        default=None,
        min_length=1,
        description="http(s) URLs of YAML whose objects are delivered, after `objects`.",
    )

    @model_validator(mode="after")
    def _anything(self) -> Self:
        if not self.objects and not self.urls:
            raise ValueError(
                "expected objects, such as [{resource: deployments, name: web}], or urls"
            )
        return self

    def selectors(self, context: RenderContext) -> list[ObjectSelector]:
        """Return what is to be looked for, in the order written."""
        return [reference.selector(context) for reference in self.objects or ()]


class RefObjects(ComponentType[RefObjectsParameters]):
    """Copies of objects of the hub, another cluster or URLs, frozen when the revision is made."""

    type = "ref-objects"
    parameters = RefObjectsParameters
    reads_references = True

    @override
    def render(self, parameters: RefObjectsParameters, context: RenderContext) -> Rendered:
        """Copy what was found; where several selectors found one object, it is copied once."""
        found: dict[tuple[str, str, str, str], Json] = {}
        for index, selector in enumerate(parameters.selectors(context)):
            objects = context.references.get(selector.key)
            if objects is None:
                raise TemplateError(
                    f"objects[{index}]",
                    f"the {selector.kind_name} that it refers to can't be known without a hub",
                    hint="leave --offline away, or write the objects out with type k8s-objects",
                )
            for each in objects:
                found.setdefault(ObjectRef.of(each).key, each)
        for index, url in enumerate(parameters.urls or ()):
            objects = context.references.get(url_key(url))
            if objects is None:
                raise TemplateError(
                    f"urls[{index}]",
                    "what is there can't be known offline",
                    hint="leave --offline away, or write the objects out with type k8s-objects",
                )
            for each in objects:
                found.setdefault(ObjectRef.of(each).key, _noted(each, url))
        workload, *others = (copy.deepcopy(each) for each in found.values())
        return Rendered(
            workload, {f"objects-{index}": other for index, other in enumerate(others, 1)}
        )


def _noted(manifest: Json, url: str) -> Json:
    """Return an object with the annotation that says where it came from, as KubeVela notes it.

    The query is left out: it may hold a token.
    """
    metadata = manifest["metadata"]
    written: Json = metadata.get("annotations") or {}
    annotations = {**written, RESOURCE_URL: url.partition("?")[0]}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
