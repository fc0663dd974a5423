"""What the self-test that runs in REAPER needs, what it found, and what that says of the simulation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.support.fake_reaper import behaviour
from tests.support.signals import song

SELFTEST = Path(__file__).parent / "reaper_selftest" / "run.lua"
THEMES = ("accessors", "mixing", "panning", "items", "effects", "time", "projects", "scripts", "repaint")
_FRAMES, _UNIT, _RATE_HZ = 66_150, 2**20, 44_100

#: Check of the self-test → the beginning of what it checks in `behaviour.KNOWN`; None: something that the scripts rely on and
#: the simulation plays without a line there.
CHECKS: dict[str, str | None] = {
    "accessor_says_changed": "AudioAccessorStateChanged tells of changes",
    "accessor_validates": "AudioAccessorStateChanged tells of changes",
    "accessor_is_file_mono": None,
    "accessor_is_file_six": None,
    "accessor_is_file_48k": None,
    "accessor_leaves_the_rest": "beyond the item's end the buffer is not written",
    "take_accessor_counts_from_its_item": "a take's accessor counts from its item's start",
    "track_accessor_counts_from_the_project": "a take's accessor counts from its item's start",
    "take_accessor_leaves_gains_out": "a take's accessor leaves out volume",
    "track_accessor_is_takes_times_gains": "a take's accessor leaves out volume",
    "sends_add_up": "sends: I_SENDMODE 0",
    "solo_ignores_routing": "solo ignores routing (1)",
    "solo_in_place_keeps_sends": "solo ignores routing (1)",
    "solo_defeat_is_heard": "I_SOLO 1, 2, 5, 6 and B_SOLO_DEFEAT",
    "polarity_and_width": "B_PHASE, D_WIDTH in the pan mode",
    "render_is_done_at_once": "a render is done when the action returns",
    "render_goes_by_its_settings": "action 42230 renders by",
    "main_send_to_other_channels": "C_MAINSEND_OFFS sends to other channels",
    "playback_offset_is_off": "a playback offset: seconds or samples",
    "playback_offset_in_samples": "a playback offset: seconds or samples",
    "playback_offset_in_seconds": "a playback offset: seconds or samples",
    "pan_law_is_the_gain_in_the_middle": "a pan law is the gain in the middle",
    "full_pan_is_all_of_a_side": "a pan law is the gain in the middle",
    "pan_law_of_a_file_is_its_project_s": "a pan law is the gain in the middle",
    "dual_pan_has_two_pans": "B_PHASE, D_WIDTH in the pan mode",
    "ui_pan_tells_the_mode": "I_PANMODE -1 is the project's mode",
    "stretch_markers_stay": "stretch markers, take envelopes and the snap offset",
    "snap_offset_stays": "stretch markers, take envelopes and the snap offset",
    "action_makes_take_envelope": None,
    "take_envelopes_stay": "stretch markers, take envelopes and the snap offset",
    "negative_offset_is_silence": None,
    "razor_edits_read_as_written": "razor edits: start, end",
    "actions_switch_takes": "40125 and 40126 switch",
    "action_mutes_items": "40125 and 40126 switch",
    "empty_lanes_are_removed": "C_LANEPLAYS -1 on a track that had lanes",
    "a_lane_plays_alone": None,
    "lanes_that_were_stay_silent": "C_LANEPLAYS -1 on a track that had lanes",
    "fixed_lane_turns_lanes_on": "I_FIXEDLANE turns a track without lanes",
    "envelopes_of_effects_count": "a take's envelopes count those of its FX",
    "a_copied_effect_is_there_at_once": "an effect that is copied is loaded",
    "instruments_end_in_i": "a name that ends in i",
    "envelopes_count_in_times_of_the_rate": "times of a take's envelopes count in seconds",
    "items_on_beats_follow": "items on beats follow a new tempo",
    "items_follow_their_track": "items on beats follow a new tempo",
    "items_on_time_stay": None,
    "midi_follows_the_tempo": "MIDI follows the tempo",
    "tracks_go_into_another_tab": None,
    "another_tab_has_its_own_undo": None,
    "tracks_go_into_the_project_shown": "InsertTrackAtIndex inserts into",
    "minus_1_keeps_all_changes": "EndBlock2: -1 keeps all kinds",
    "empty_ext_state_goes": "an empty key or value of a project's extension state",
    "a_plain_script_leaves_an_undo_point": "a script without defer and undo block",
    "lua_of_this_version": "Lua 5.3 up to 6.x",
    "functions_of_this_version": "set_action_options since 7.03",
    "a_started_script_runs_at_once": None,
    "action_options_replace_a_copy": "a script that is run while a copy of it runs",
    "io_open_takes_utf8": None,
    "os_rename_takes_utf8": None,
    "exec_process_takes_utf8": None,
    "exec_process_says_how_it_ended": "ExecProcess returns the exit status",
    "exec_process_need_not_wait": "ExecProcess returns the exit status",
    "minus_1_lists_files_again": "names of files and folders come from a cache",
    "gfx_counts_in_floats": "gfx counts in floating point",
    "an_empty_title_sets_the_size": "gfx.init: a title renames",
    "cursor_context_takes_the_keyboard": "a gfx window takes the keyboard",
    "repaint_is_active": None,
    "repaint_leaves_the_item": None,
    "repaint_changes_nothing_outside": None,
    "repaint_changes_the_inside": None,
    "repaint_has_one_undo_point": None,
}
#: Checks of what only newer versions have, and systems other than Windows.
OF_SOME = {
    "empty_lanes_are_removed", "a_lane_plays_alone", "lanes_that_were_stay_silent", "fixed_lane_turns_lanes_on",
    "tracks_go_into_another_tab", "another_tab_has_its_own_undo", "action_options_replace_a_copy",
    "exec_process_takes_utf8", "exec_process_says_how_it_ended", "exec_process_need_not_wait",
}  # fmt: skip


def write_media(folder: Path) -> None:
    """Write the files that the self-test reads; see its Lua files."""
    ramp = np.arange(_FRAMES) / _UNIT
    six = (8 * np.arange(_FRAMES)[:, None] + np.arange(6)) / _UNIT
    for name, samples, rate_hz in (
        ("ramp", ramp, _RATE_HZ), ("fine", ramp, 48_000), ("six", six, _RATE_HZ),
        ("wide", np.stack([ramp, -ramp], axis=1), _RATE_HZ),
        ("constant", np.full((2 * _RATE_HZ, 2), 0.125), _RATE_HZ),
    ):  # fmt: skip
        soundfile.write(folder / f"{name}.wav", samples, rate_hz, subtype="DOUBLE")
    (folder / "law.rpp").write_text('<REAPER_PROJECT 0.1 "6.24" 0\n  PANLAW 0.5\n>\n', "utf-8")
    soundfile.write(folder / "song.wav", song(bpm=100, bars=4, rate_hz=_RATE_HZ), _RATE_HZ, subtype="FLOAT")


def way_name(way: Any) -> str:
    """Return a way of `behaviour.OPEN` as the self-test writes it."""
    return str(way).lower() if isinstance(way, bool) else str(way)


def find_unasked() -> list[str]:
    """Return what `behaviour.KNOWN` plays and no check of the self-test asks for."""
    asked = [text for text in CHECKS.values() if text is not None]
    return [what for what, _, _ in behaviour.KNOWN if not any(what.startswith(text) for text in asked)]


def mismatches(report: dict[str, Any]) -> list[str]:
    """Return what is known and does not hold there, answers that are not simulated, and what could not be asked."""
    wrong = [
        f"{name}: {CHECKS.get(name) or 'the scripts rely on it'}" for name, ok in report["known"].items() if not ok
    ]
    for name, way in report["open"].items():
        ways = [way_name(each) for each in behaviour.OPEN[name].ways]
        if way not in ways:
            wrong.append(f"{name}: {way}, which is not simulated; played are {', '.join(ways)}")
    return wrong + [str(fault) for fault in report["faults"]]


def to_markdown(report: dict[str, Any]) -> str:
    """Return a report to paste: what was asked, the answers, and the same as JSON."""
    lines = [
        f"## REAPER {report['reaper']} on {report['system']}",
        "",
        "| open question | simulated as | this REAPER |",
        "|---|---|---|",
    ]
    for name, question in behaviour.OPEN.items():
        found = report["open"].get(name, "not asked")
        usual = way_name(question.ways[0])
        lines.append(f"| `{name}`: {question.question} | {usual} | {found if found == usual else f'**{found}**'} |")
    lines += ["", "| known | holds |", "|---|---|"]
    for name, of_known in CHECKS.items():
        holds = {True: "yes", False: "**no**", None: "not asked"}[report["known"].get(name)]
        lines.append(f"| `{name}`{f': {of_known}' if of_known else ''} | {holds} |")
    lines += ["", *[f"* {name}: {value:.3g}" for name, value in report["figures"].items()]]
    lines += [f"* **fault** {str(fault).splitlines()[0]}" for fault in report["faults"]]
    return "\n".join([*lines, "", "```json", json.dumps(report, indent=1, sort_keys=True), "```", ""])


def last_lines(folder: Path, count: int = 5) -> str:
    """Return the end of the self-test's log: the last question that it asked, and those before."""
    log = folder / "log.txt"
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    return "\n".join(lines[-count:]) or "nothing was asked yet"
