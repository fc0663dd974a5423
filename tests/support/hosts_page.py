"""Writes the table of actions in docs/hosts.md, from the tables of each host that they come from.

Run ``python -m tests.support.hosts_page``; the suite checks that the page is current.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from acebridge.hosts.ardour.scripts import SCRIPTS
from acebridge.hosts.live.actions import ACTIONS
from acebridge.hosts.osc.addresses import TASK_ROWS
from acebridge.hosts.osc.control import CONTROL
from acebridge.hosts.osc.feedback import PREFIX
from acebridge.hosts.protools.run import OFFERED
from acebridge.hosts.registry import INBOXES
from tests.support.paths import REAPER_SCRIPTS, ROOT

PAGE = ROOT / "docs" / "hosts.md"
_HEADING = "## Actions\n"
_PARAMETERS = ROOT / "vst3_plugin" / "core" / "parameters.hpp"

#: What a musician does → key, of which a host's own table may have another name (`_ALIASES`).
ROWS = {
    "repaint a stretch": "repaint",
    "cover": "cover",
    "add layers": "lego",
    "complete with an accompaniment": "complete",
    "extract stems": "extract",
    "make new music": "generate",
    "compose from a sentence": "compose",
    "make a song from regions or ranges": "song",
    "extend": "extend",
    "prepend": "prepend",
    "smooth a join": "join",
    "analyse tempo, key, meter": "analyse",
    "find the times of lyrics": "lyrics",
    "write the notes down as MIDI": "to_midi",
    "score takes": "score",
    "another take of a result": "another_take",
    "a variation of a result": "vary_take",
    "the last action again": "repeat_last",
    "go through the takes": "next_take",
    "place what others have finished": "inbox",
}
_ALIASES = {
    "text2music": "generate", "understand": "analyse", "create_sample": "compose", "align_lyrics": "lyrics",
    "transcribe": "to_midi",
    "lyrics_regions": "lyrics", "again": "repeat_last", "vary": "vary_take", "next_playlist": "next_take",
    "previous_playlist": "next_take", "previous_take": "next_take",
}  # fmt: skip
#: What a host offers besides, which makes no music.
_BESIDES = {
    "cancel", "doctor", "follow", "format_sample", "job", "jobs", "panel", "place", "settings", "toolbar", "uninstall", "watch",
    "jobs_hook", "session", "status", "feedback", "token", "clear", "stop", "capture", "go",
}  # fmt: skip


def _reaper_names() -> set[str]:
    texts = (file.read_text("utf-8") for file in REAPER_SCRIPTS.glob("AceBridge_*.lua"))
    return {name for text in texts for name in re.findall(r'\.run\("(\w+)"', text)}


def _ardour_names() -> set[str]:
    return {
        script.file.removeprefix("acebridge_").removesuffix(".lua").removesuffix("_no_dialog") for script in SCRIPTS
    }


def _live_names() -> set[str]:
    return {"another_take" if action.key == "again" else action.key for action in ACTIONS}


def _plugin_names() -> set[str]:
    text = _PARAMETERS.read_text("utf-8")
    tasks = re.search(r"kTasks\{(.*?)\}", text, re.DOTALL)
    triggers = re.findall(r'\{"(\w+)", "[^"]*", Kind::trigger', text)
    assert tasks
    return {*re.findall(r'"(\w+)"', tasks[1]), *triggers}


def _osc_names() -> set[str]:
    paths = (address.path.removeprefix(f"{PREFIX}/") for address in (*TASK_ROWS, *CONTROL))
    return {path.removeprefix("go/").partition("/")[0] for path in paths}


def hosts() -> Mapping[str, set[str]]:
    """Return the keys of `ROWS` that each host has. Raises ``AssertionError`` for a name that stands nowhere here."""
    names = {
        "[REAPER](reaper.md)": _reaper_names(),
        "[Ardour](ardour.md)": _ardour_names(),
        "[Live](live.md)": _live_names(),
        "[Pro Tools](protools.md)": set(OFFERED),
        "[plug-in](plugin.md)": _plugin_names(),
        "[OSC](osc.md)": _osc_names(),
    }
    found = {}
    for host, own in names.items():
        keys = {_ALIASES.get(name, name) for name in own} - _BESIDES
        keys |= {"inbox"} if any(f"[{inbox.name}]" in host for inbox in INBOXES.values()) else set()
        assert keys <= {*ROWS.values()}, f"{host} has {keys - {*ROWS.values()}}: give it a row, or name it in _BESIDES"
        found[host] = keys
    return found


def table() -> str:
    """Return the table in Markdown."""
    found = hosts()
    lines = [f"| | {' | '.join(found)} |", "|---" * (len(found) + 1) + "|"]
    for label, key in ROWS.items():
        cells = ("yes" if key in keys else "" for keys in found.values())
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """Return the text of the page with its table as the code has it."""
    before, heading, rest = text.partition(_HEADING)
    introduction, _, after = rest.partition("| |")
    return before + heading + introduction + table() + after[after.index("\n\n") + 1 :]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
