"""Reading JSON that nobody vouches for: a wrong shape reads as an absent one."""

from __future__ import annotations

from typing import Any, cast

from lateen.model.base import Json


def as_object(value: Any) -> Json:
    """Return a JSON object, or an empty one for anything else."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a JSON array, or an empty one for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [as_object(item) for item in as_list(value) if isinstance(item, dict)]


def as_text(value: Any) -> str:
    """Return a string, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def as_number(value: Any) -> int:
    """Return an integer, or 0 for anything else (Kubernetes leaves zeros out)."""
    return value if isinstance(value, int) else 0
