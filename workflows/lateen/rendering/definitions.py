"""What a component type and a trait type are; each built-in and each plug-in is one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from pydantic import ValidationError

from lateen.model.errors import InvalidApplication
from lateen.model.validation import problems_of
from lateen.rendering.parameters import Parameters

if TYPE_CHECKING:
    from lateen.model.base import Json
    from lateen.rendering.context import RenderContext

P = TypeVar("P", bound=Parameters)
_Class: TypeAlias = type[P]


@dataclass(frozen=True)
class Origin:
    """The installed distribution that a plug-in type came with."""

    distribution: str
    version: str


@dataclass(frozen=True)
class Rendered:
    """What a component's template makes: its workload, and further objects by output name."""

    workload: Json
    outputs: dict[str, Json] = field(default_factory=dict[str, "Json"])


class ComponentType(ABC, Generic[P]):
    """A kind of component: its name, its parameters, and the objects that it makes of them.

    The first line of a class's docstring is what ``lateen def list`` shows. Instances have no state, and
    rendering is pure: the same parameters and context always give the same objects, whatever the clock,
    the environment or the network say. It runs inside Temporal workflows, too.
    """

    parameters: _Class[P]
    type: str
    origin: Origin | None = None
    """Where a plug-in came from; None for a built-in."""
    reads_target = False
    """Whether the template looks at ``context.target``: it is then rendered anew for each placement."""
    reads_references = False
    """Whether the template needs ``context.references``: without a hub it can't even be tried."""
    evaluated = False
    """Whether a definition of the hub makes the objects, by a program: slow, and not for workflows."""

    def read(self, properties: Json | None, *, path: str) -> P:
        """Validate properties that stand at ``path``. Raises ``InvalidApplication``."""
        return _read(self.parameters, properties, path=path)

    @abstractmethod
    def render(self, parameters: P, context: RenderContext) -> Rendered:
        """Make fresh objects, which traits will then change in place.

        Raises ``TemplateError`` when the parameters don't go together.
        """


class TraitType(ABC, Generic[P]):
    """A kind of trait: it changes the workload, adds objects, or both.

    What ``ComponentType`` says of docstrings, state and purity holds here, too.
    """

    parameters: _Class[P]
    type: str
    origin: Origin | None = None
    """Where a plug-in came from; None for a built-in."""
    reads_target = False
    """Whether the trait looks at ``context.target``: the component is then rendered for each placement."""
    about_all_containers = False
    """Whether the trait is about containers that later traits add, too: it is applied behind them."""
    evaluated = False
    """Whether a definition of the hub makes the changes, by a program: slow, and not for workflows."""
    after_dispatch = False
    """KubeVela applies the outputs of such traits after the workload, without a resourceType."""

    def read(self, properties: Json | None, *, path: str) -> P:
        """Validate properties that stand at ``path``. Raises ``InvalidApplication``."""
        return _read(self.parameters, properties, path=path)

    @abstractmethod
    def apply(self, parameters: P, workload: Json, context: RenderContext) -> dict[str, Json]:
        """Change the workload in place and return further objects by output name.

        Raises ``TemplateError`` when the workload can't take the trait.
        """


def _read(model: _Class[P], properties: Json | None, *, path: str) -> P:
    try:
        return model.model_validate(properties or {})
    except ValidationError as error:
        raise InvalidApplication(problems_of(error, model, path=path)) from None
