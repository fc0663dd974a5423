"""Finding the row of an address, and the answers that nobody sends to us but a bridge that has our address."""

from __future__ import annotations

import re
from collections.abc import Iterable

from acebridge.errors import NotFound
from acebridge.hosts.osc.address import ID, Address
from acestep_runtime.errors import printable

_ANSWERS = re.compile(
    r"/acebridge/(error|monitor/(position|state|underruns)|latest/[a-z]+|jobs/count|session/count|daemon|job/[0-9a-f]{1,64}/(queued|progress|take|done|error|state|fit))"
)


class Table:
    """The rows of all addresses, found by path."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        rows = list(addresses)
        self._plain = {row.path: row for row in rows if ID not in row.path}
        self._with_id = [
            (re.compile(re.escape(row.path).replace(re.escape(ID), "([0-9a-f]{32})")), row)
            for row in rows
            if ID in row.path
        ]

    def find(self, path: str) -> tuple[Address, tuple[str, ...]]:
        """Return the row of a path and the ids in it. Raises `NotFound`."""
        if path in self._plain:
            return self._plain[path], ()
        for pattern, row in self._with_id:
            if match := pattern.fullmatch(path):
                return row, match.groups()
        raise NotFound(
            f"There is no address {printable(path)}.", remedy="docs/osc.md lists all; patterns such as * are not read."
        )

    @staticmethod
    def is_answer(path: str) -> bool:
        """Return whether a path is one that we send to."""
        return _ANSWERS.fullmatch(path) is not None
