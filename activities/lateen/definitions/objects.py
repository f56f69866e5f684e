"""Definitions as KubeVela's users write them: what of one is used, and what can't be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.definitions.templates import check_imports
from lateen.model.errors import InvalidApplication, Problem
from lateen.model.json_values import as_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lateen.model.base import Json
    from lateen.model.records import UsedDefinition

COMPONENT, TRAIT = "ComponentDefinition", "TraitDefinition"

_TEMPLATE = "spec.schematic.cue.template"
_REFUSED = {
    "controlPlaneOnly": "delivers to the hub whatever the topology says",
    "manageWorkload": "leaves the workload to the trait",
    "workloadRefPath": "writes a reference to the workload into the trait's objects",
}


@dataclass(frozen=True)
class Definition:
    """A definition that can be used. ``version`` is empty unless a pinned revision is meant."""

    kind: str
    namespace: str
    name: str
    version: str
    spec: Json
    template: str

    @property
    def title(self) -> str:
        """What errors call it."""
        pinned = f"@{self.version}" if self.version else ""
        return f"{self.kind} {self.namespace}/{self.name}{pinned}"


def read_definition(used: UsedDefinition) -> Definition:
    """Read a definition. Raises ``InvalidApplication`` naming what lateen can't do."""
    problems = list(spec_problems(used.kind, used.spec))
    if problems:
        title = f"{used.kind} {used.namespace}/{used.name}"
        raise InvalidApplication(problems, subject=title)
    return Definition(
        kind=used.kind,
        namespace=used.namespace,
        name=used.name,
        version=used.version,
        spec=used.spec,
        template=_cue(used.spec) or "",
    )


def spec_problems(kind: str, spec: Json) -> Iterator[Problem]:
    """Find what keeps a definition from being used at all."""
    template = _cue(spec)
    schematic = as_object(spec.get("schematic")) or {}
    others = sorted(set(schematic) - {"cue"})
    if template is None:
        if others:
            message = f"schematics of kind {', '.join(others)} are not supported, only cue"
            yield Problem("spec.schematic", message)
        else:
            yield Problem(_TEMPLATE, "is required, a text in CUE")
        return
    for message in check_imports(template):
        yield Problem(_TEMPLATE, message)
    if kind == TRAIT:
        for key, meaning in _REFUSED.items():
            if spec.get(key):
                yield Problem(f"spec.{key}", f"is not supported: it {meaning}", hint="remove it")


def _cue(spec: Json) -> str | None:
    schematic = as_object(spec.get("schematic")) or {}
    template = (as_object(schematic.get("cue")) or {}).get("template")
    return template if isinstance(template, str) and template.strip() else None
