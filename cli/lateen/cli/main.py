"""The ``lateen`` command: its groups, loaded only when they are used, and what an error looks like."""

from __future__ import annotations

import difflib
import importlib
import os
import sys

import click
from typing_extensions import override

from lateen.model.errors import LateenError

_COMMANDS = {
    "up": "lateen.cli.delivering:up",
    "approve": "lateen.cli.deciding:approve",
    "reject": "lateen.cli.deciding:reject",
    "delete": "lateen.cli.delivering:delete",
    "approvals": "lateen.cli.approving:approvals",
    "workflow": "lateen.cli.workflows:workflow",
    "revision": "lateen.cli.revisions:revision",
    "status": "lateen.cli.showing:status",
    "ls": "lateen.cli.showing:ls",
    "watch": "lateen.cli.overviewing:watch",
    "history": "lateen.cli.history:history",
    "diff": "lateen.cli.comparing:diff",
    "drift": "lateen.cli.drifting:drift",
    "logs": "lateen.cli.tailing:logs",
    "exec": "lateen.cli.executing:exec_command",
    "port-forward": "lateen.cli.forwarding:port_forward",
    "dry-run": "lateen.cli.previewing:dry_run",
    "vet": "lateen.cli.vetting:vet",
    "adopt": "lateen.cli.adopting:adopt",
    "migrate": "lateen.cli.migrating:migrate",
    "def": "lateen.cli.defining:def_group",
    "schema": "lateen.cli.schemas:schema",
    "cluster": "lateen.cli.clusters:cluster",
    "install": "lateen.cli.installing:install",
    "local": "lateen.cli.stack:local",
    "worker": "lateen.cli.working:worker",
    "codec-server": "lateen.cli.decoding:codec_server",
    "completion": "lateen.cli.completing:completion",
}

_SHORT_HELP = {
    "up": "Deliver applications.",
    "approve": "Approve the step that waits.",
    "reject": "Reject the step that waits.",
    "delete": "Delete an application from every cluster.",
    "approvals": "List what waits for an approval.",
    "workflow": "Suspend, resume, restart, roll back, end or list deliveries.",
    "revision": "List, show and compare what was submitted before.",
    "status": "Show where an application is and how it does.",
    "ls": "List applications.",
    "watch": "Watch all deliveries.",
    "history": "Show every delivery: who decided, what changed.",
    "diff": "Show what a delivery would change.",
    "drift": "Look whether clusters still have what was delivered.",
    "logs": "Show what an application's containers wrote.",
    "exec": "Run a command in a container of an application.",
    "port-forward": "Reach a port of an application's pod or Service from here.",
    "dry-run": "Show what would be sent to each cluster.",
    "vet": "Check documents against everything known; change nothing.",
    "adopt": "Take over in place what KubeVela delivered.",
    "migrate": "Turn env-binding and deploy2env into topology, override and deploy.",
    "def": "List and explain the types that applications can use.",
    "schema": "Print the JSON schema of what users write, for editors.",
    "cluster": "Join, list, label and detach clusters.",
    "install": "Prepare a hub cluster (and Temporal) for lateen.",
    "local": "Run the local stack: Temporal and four clusters.",
    "worker": "Run the worker that delivers.",
    "codec-server": "Decrypt what the Temporal UI shows.",
    "completion": "Print the shell completion script.",
}


class _LazyGroup(click.Group):
    """A group that imports a command's module when the command is used, so that ``--help`` stays quick."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = _COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            close = difflib.get_close_matches(name, _COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_SHORT_HELP.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "LATEEN"},
)
@click.version_option(package_name="lateen", prog_name="lateen")
def cli() -> None:
    """Deliver applications to many Kubernetes clusters."""


def main() -> None:
    """Run the command line and exit.

    Errors that lateen raises on purpose become one clear sentence; anything else keeps its traceback.
    ``os._exit`` avoids the abort that some short processes suffer when Temporal's native threads outlive
    the interpreter (sdk-python issue 300).
    """
    code: int | str | None = 0
    try:
        cli(standalone_mode=True)
    except LateenError as error:
        from lateen.cli.output import clean

        click.echo(clean(f"Error: {error}", lines=True), err=True)
        code = 1
    except SystemExit as stop:
        code = stop.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
