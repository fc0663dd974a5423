"""Plans of songs as JSON files: what ``--plan`` reads and ``--save-plan`` writes.

    {"metadata": {"bpm": 92, "caption": "…", "keyscale": "A minor", …}, "codes": [12003, 551, …]}

Five codes make a second. Both parts may be edited; what a command is given besides holds before the metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acebridge.cli.options import Options
    from acestep_runtime.values import Json

#: Name in a plan → option.
_OPTIONS = {
    "caption": "caption", "bpm": "bpm", "keyscale": "key", "timesignature": "time_signature", "language": "language",
}  # fmt: skip


#: The longest plan that is read, in characters: 3,000 codes are a tenth of it.
_MOST_CHARACTERS = 1 << 18


def with_plan(options: Options) -> Options:
    """Return a command's options with the plan in them that ``--plan`` names. Raises `InvalidValue` for what is none."""
    path: Path | None = options.get("plan")
    if path is None:
        if options.get("save_plan") is not None and not options.get("thinking"):
            from acestep_runtime.errors import InvalidValue

            raise InvalidValue("--save-plan", str(options["save_plan"]), "with --thinking or --plan only",
                               remedy="Add --thinking.")  # fmt: skip
        return options
    metadata, codes = _read(path)
    planned = {option: metadata[name] for name, option in _OPTIONS.items() if metadata.get(name) is not None}
    given = {option: value for option, value in options.items() if value is not None}
    return {**planned, **given, "codes": codes}


def _read(path: Path) -> tuple[Mapping[str, Json], list[int]]:
    from acestep_runtime.errors import InvalidValue, printable

    allowed = "a JSON file with metadata, an object, and codes, a list of whole numbers"
    try:
        with path.open(encoding="utf-8-sig") as file:  # it may be a device, which never ends
            text = file.read(_MOST_CHARACTERS + 1)
        held = json.loads(text) if len(text) <= _MOST_CHARACTERS else None
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON
        raise InvalidValue("--plan", printable(str(path)), allowed, remedy="Write one with --save-plan.") from error
    metadata, codes = (held.get("metadata", {}), held.get("codes")) if isinstance(held, dict) else ({}, None)
    whole = isinstance(codes, list) and all(isinstance(code, int) and not isinstance(code, bool) for code in codes)
    if not whole or not codes or not isinstance(metadata, dict):
        raise InvalidValue("--plan", printable(str(path)), allowed, remedy="Write one with --save-plan.")
    return metadata, codes


def save_plan(path: Path, metadata: Mapping[str, Json]) -> None:
    """Write the plan that a take was made from. Raises `EngineFailure` where there is none, and ``OSError``."""
    from acestep_runtime.errors import EngineFailure

    plan = metadata.get("plan")
    if not plan:
        raise EngineFailure(
            "The song was made without a plan, so there is none to write.",
            remedy="Choose --engine neural, and get a language model: `acebridge models pull lm-1.7B`.",
        )
    path.write_text(json.dumps(plan, ensure_ascii=False, indent=1) + "\n", "utf-8")
