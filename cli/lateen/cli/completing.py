"""``lateen completion``: the script that lets a shell complete commands."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")
_HOW_TO = {
    "bash": "source <(lateen completion bash)          # in ~/.bashrc",
    "zsh": "source <(lateen completion zsh)           # in ~/.zshrc, after compinit",
    "fish": "lateen completion fish | source           # in ~/.config/fish/config.fish",
}


@click.command(
    epilog="\b\nTo load it in every shell:\n" + "\n".join(f"  {line}" for line in _HOW_TO.values())
)
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.pass_context
def completion(context: click.Context, shell: str | None) -> None:
    """Print the completion script of a shell; by default that of $SHELL."""
    shell = shell or Path(os.environ.get("SHELL", "")).name
    found = get_completion_class(shell) if shell in _SHELLS else None
    if found is None:
        known = ", ".join(_SHELLS)
        raise click.UsageError(f"no completion for shell {shell!r}; name one of {known}")
    script = found(context.find_root().command, {}, "lateen", "_LATEEN_COMPLETE").source()
    click.echo(f"# {_HOW_TO[shell]}\n{script}")
