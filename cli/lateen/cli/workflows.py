"""``lateen workflow``: verbs that steer what is being delivered, each in a module of its own."""

from __future__ import annotations

import click

from lateen.cli.rolling_back import rollback


@click.group("workflow")
def workflow() -> None:
    """Steer what is being delivered."""


workflow.add_command(rollback)
