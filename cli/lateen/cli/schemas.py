"""``lateen schema``: what editors need to complete and check documents while people write them."""

from __future__ import annotations

import click

from lateen.cli.output import print_structured


@click.command()
def schema() -> None:
    """Print the JSON schema of Applications, Policies and Workflows.

    It knows the properties of every type, those of plug-ins too. Editors with yaml-language-server
    use it when the first line of a file says:

    \b
    # yaml-language-server: $schema=./lateen.schema.json
    """  # noqa: D301 - click's mark for lines that it must not wrap
    from lateen.planning.document_schema import document_schema
    from lateen.rendering.plugins import installed

    print_structured(document_schema(installed()), "json")
