"""The built-in types: one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lateen.rendering.components.webservice import Webservice
from lateen.rendering.traits.expose import Expose
from lateen.rendering.traits.scaler import Scaler

if TYPE_CHECKING:
    from lateen.rendering.registry import ComponentType, TraitType

COMPONENTS: tuple[ComponentType[Any], ...] = (Webservice(),)

TRAITS: tuple[TraitType[Any], ...] = (
    Expose(),
    Scaler(),
)
