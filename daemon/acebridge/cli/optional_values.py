"""Options whose value may be left out, which the parser of the command line does not know: they get an empty one."""

from __future__ import annotations

from collections.abc import Sequence

OPTIONS = {"--html"}


def with_values(arguments: Sequence[str]) -> list[str]:
    """Return the arguments, with "=" behind such an option that ends them or is followed by another option.

    A value that begins with a dash is given as ``--html=-page.html``. Behind ``--`` nothing is an option.
    """
    options = list(arguments).index("--") if "--" in arguments else len(arguments)
    following = [*arguments[1:], "--"][: len(arguments)]
    return [
        f"{word}=" if word in OPTIONS and number < options and after.startswith("-") else word
        for number, (word, after) in enumerate(zip(arguments, following, strict=True))
    ]
