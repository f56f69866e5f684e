"""``lateen codec-server``: let the Temporal UI and CLI show what is encrypted."""

from __future__ import annotations

from pathlib import Path

import click

from lateen.cli.arguments import parse_address
from lateen.cli.output import say


@click.command("codec-server")
@click.option(
    "--address",
    default="127.0.0.1:8234",
    envvar="LATEEN_CODEC_ADDRESS",
    show_default=True,
    show_envvar=True,
    help="Where to listen.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    envvar="LATEEN_CODEC_ORIGIN",
    show_envvar=True,
    metavar="URL",
    help="Address of a Temporal UI that may ask, such as http://localhost:8233; repeatable.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="LATEEN_CODEC_TOKEN_FILE",
    show_envvar=True,
    help="Answer only who sends the token in this file (Authorization: Bearer).",
)
def codec_server(address: str, origins: tuple[str, ...], token_file: Path | None) -> None:
    """Serve the keys of LATEEN_CODEC_KEYS to the Temporal UI and CLI.

    Whoever reaches it can decrypt: it listens on this machine only unless told otherwise. Name it in
    the UI's codec server settings, or `temporal workflow show --codec-endpoint http://127.0.0.1:8234`
    (with a token: `--codec-auth "Bearer ..."`). It speaks plain HTTP; beyond this machine, put it
    behind a proxy with TLS that checks who asks.
    """
    from lateen.cli.codec_serving import make_server
    from lateen.client.encryption import EncryptionCodec, configured_keys

    codec = EncryptionCodec(configured_keys())
    host, port = parse_address(address, option="--address")
    token = token_file.read_text().strip() if token_file else ""
    if token_file and not token:
        raise click.UsageError(f"--token-file: {token_file} is empty")
    try:
        server = make_server((host, port), codec, origins=origins, token=token)
    except OSError as error:
        raise click.ClickException(f"can't listen on {address}: {error.strerror}") from error
    with server:
        say(f"listening on http://{host}:{server.server_port}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("stopped")
