"""``python -m acebridge.cli``: the same as the ``acebridge`` command."""

from acebridge.cli import run_program

run_program()
