"""``lateen workflow``: verbs that steer what is being delivered, each in a module of its own."""

from __future__ import annotations

import click

from lateen.cli.rolling_back import rollback
from lateen.cli.steering import restart, resume, suspend, terminate
from lateen.cli.telling import list_runs, logs


@click.group("workflow")
def workflow() -> None:
    """Steer what is being delivered."""


workflow.add_command(suspend)
workflow.add_command(resume)
workflow.add_command(restart)
workflow.add_command(rollback)
workflow.add_command(terminate)
workflow.add_command(list_runs)
workflow.add_command(logs)
