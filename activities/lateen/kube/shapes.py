"""Reading JSON that nobody vouches for: a wrong shape reads as an absent one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard, cast

if TYPE_CHECKING:
    from lateen.model.base import Json


def as_object(value: Any) -> Json:
    """Return a JSON object, or an empty one for anything else."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a JSON array, or an empty one for anything else."""
    return value if _is_list(value) else []


def as_objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [as_object(item) for item in as_list(value) if isinstance(item, dict)]


def as_text(value: Any) -> str:
    """Return a string, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def as_number(value: Any) -> int:
    """Return an integer, or 0 for anything else (Kubernetes leaves zeros out)."""
    return value if isinstance(value, int) else 0


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
