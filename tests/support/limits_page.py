"""Writes docs/limits.md: the table of limits, with the numbers that the code has."""

from __future__ import annotations

from acebridge.limits import LIMITS, Limit
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "limits.md"
_HEAD = """# Limits

Whoever can reach the daemon can ask it for too much, by mistake or on purpose. Each of these limits keeps what one asks for
from costing the others. A setting in the last column changes a limit: see [scripting.md](scripting.md#settings). Limits of the
fields of a request are in the comments of [protos/acebridge/v1](../protos/acebridge/v1).

This page is made from `daemon/acebridge/limits.py` by `python -m tests.support.limits_page`.
"""
_SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def page() -> str:
    """Return the text of the page."""
    parts = [_HEAD]
    for part, limits in LIMITS.items():
        rows = "".join(
            f"| {each.what} | {describe_value(each)} | {each.beyond} | {each.why} | {each.setting and f'`{each.setting}`'} |\n"
            for each in limits
        )
        parts.append(f"## {part}\n\n| what | limit | beyond it | why | setting |\n|---|---|---|---|---|\n{rows}")
    return "\n".join(parts)


def describe_value(limit: Limit) -> str:
    """Return the number of a limit as people read it."""
    if limit.value is None:
        return "three quarters of the machine"
    if limit.unit == "bytes":
        size, unit = next(((s, u) for s, u in _SIZES if limit.value >= s and limit.value % s == 0), (1, "bytes"))
        return f"{limit.value / size:,.0f} {unit}"
    return f"{limit.value:,g} {limit.unit}" if limit.value < 1e6 else f"{limit.value:,.0f} {limit.unit}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
