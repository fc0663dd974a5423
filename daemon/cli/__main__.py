"""``python -m daemon.cli``: the same as the ``acebridge`` command."""

from daemon.cli import main

main()
