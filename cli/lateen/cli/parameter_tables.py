"""Parameters of a type as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.cli.output import print_table, result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lateen.planning.property_schemas import Row

_COLUMNS = ("PARAMETER", "TYPE", "DEFAULT", "REQUIRED", "DESCRIPTION")


def print_rows(found: Sequence[Row]) -> None:
    """Print parameters; nested ones stand indented below their owner."""
    if not found:
        result("It has no parameters.")
        return
    print_table(
        _COLUMNS,
        [
            (
                f"{'  ' * row.depth}{row.name}",
                row.type,
                row.default,
                "yes" if row.required else "",
                row.description,
            )
            for row in found
        ],
    )
