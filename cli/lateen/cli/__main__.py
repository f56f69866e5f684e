"""``python -m lateen.cli``: the command, for processes that start one of its kind."""

from lateen.cli.main import main

main()
