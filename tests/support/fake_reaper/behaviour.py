"""What the simulation plays, and how that is known.

``KNOWN``: each behaviour that is not plain from a function's name, with a public source. ``OPEN``: what no public source
says. Such a thing is played both ways: ``Reaper(folder, ways={"ext_state": "undone"})`` chooses one, ``both`` gives a test
all of them and ``others`` all but the usual ones, which come first. Scripts have to come out right in every one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

API = "ReaScript API reference"  # reaper.fm/sdk/reascript/reascripthelp.html
SWS = "SWS extension"  # github.com/reaper-oss/sws
REAIMGUI = "ReaImGui"  # github.com/cfillion/reaimgui, v0.10
IMGUI = "Dear ImGui"  # github.com/ocornut/imgui
WDL = "WDL"  # github.com/justinfrankel/WDL: REAPER's own library
ULTRASCHALL = "Ultraschall Reaper_Api_Documentation"
PRESETS = 'cfillion, "Apply render preset.lua" (forum.cockos.com/showthread.php?t=224539)'

#: (what is played, where it is played, from which source)
KNOWN: tuple[tuple[str, str, str], ...] = (
    ("a script that is run while a copy of it runs brings up a question, unless it set action options", "reaper.Reaper.launch",
     f"{ULTRASCHALL}: set_action_options; scripts that tell people how to answer 'ReaScript task control'"),
    ("set_action_options since 7.03, InsertTrackInProject since 7.18, fixed lanes since 7.00", "api.exists",
     f"{ULTRASCHALL} and REAPER's changelog; for other functions: the oldest of three versions of the {API} that has it"),
    ("Lua 5.3 up to 6.x, 5.4 since 7.0", "api.lua_of", "REAPER's changelog, 7.0"),
    ("the project tab is not to be switched in an undo block", "calls_project.select_project_instance",
     f"{API}: howto on undo"),
    ("I_SOLO 1, 2, 5, 6 and B_SOLO_DEFEAT", "routing._audible", f"{API}: GetMediaTrackInfo_Value"),
    ("solo ignores routing (1) or keeps what a track sends to others (2)", "routing._passes",
     f"{ULTRASCHALL}: I_SOLO; rodilab, 'Track name groups.lua'"),
    ("sends: I_SENDMODE 0 after the fader, 1 before the FX, 3 after the FX", "routing.Mixer", f"{API}: GetTrackSendInfo_Value"),
    ("B_PHASE, D_WIDTH in the pan mode that has a width (5)", "routing.apply", f"{API}: GetMediaTrackInfo_Value, I_PANMODE"),
    ("a render is done when the action returns", "render.run", "public test suites that read the file in the next line"),
    ("a take's accessor leaves out volume, pan, fades and the take's volume envelope, a track's its fader",
     "calls_audio.get_audio_accessor_samples", f"{SWS}: Breeder/BR_Loudness.cpp; sws issue 957"),
    ("fewer channels than there are cannot be asked for", "calls_audio.get_audio_accessor_samples",
     f"{SWS}: Breeder/BR_Loudness.cpp"),
    ("beyond the item's end the buffer is not written", "calls_audio.get_audio_accessor_samples",
     f"{SWS}: Breeder/BR_Loudness.cpp"),
    ("AudioAccessorStateChanged tells of changes; AudioAccessorValidateState takes them over",
     "calls_audio.audio_accessor_state_changed", f"{API}: AudioAccessorStateChanged"),
    ("an accessor hears no instrument and no track FX", "calls_audio.get_audio_accessor_samples",
     f"{API}: GetAudioAccessorSamples"),
    ("stretch markers, take envelopes and the snap offset count from the item's start and stay when D_STARTOFFS changes",
     "sound.take_samples", f"{API}: GetTakeStretchMarker; az, 'Fade tool.lua', which moves all of them itself"),
    ("C_LANEPLAYS -1 on a track that had lanes; UpdateItemLanes removes empty lanes at the bottom", "lanes.settle",
     f"{API}: GetMediaItemInfo_Value, UpdateItemLanes, C_LANESETTINGS"),
    ("I_FIXEDLANE turns a track without lanes into one with them", "calls_items.set_media_item_info_value",
     "public scripts that rely on it"),
    ("MIDI follows the tempo in an item that stays", "midi.notes_of", f"{SWS}: Breeder/BR_Tempo.cpp, BR_MidiItemTimePos"),
    ("a gfx window takes the keyboard until SetCursorContext", "gfx.Window.init",
     f"{ULTRASCHALL}: SetCursorContext, gfx.getchar"),
    ("a click into a gfx window takes the keyboard, and keys go there until SetCursorContext", "gfx.Window.next_event",
     f"{WDL}: eel2/eel_lice.h, WM_LBUTTONDOWN; public scripts that give it back with SetCursorContext"),
    ("gfx.init: a title renames an open window, an empty one gives it a size", "gfx.Window.init", f"{API}: gfx.init"),
    ("gfx.ext_retina, set before gfx.init, becomes the screen's scale; macOS then counts a window's size in points",
     "gfx.Window._set_size", f"{WDL}: eel2/eel_lice.h, setup_frame"),
    ("gfx counts in floating point: its variables and results are floats", "script._number", f"{WDL}: eel2/eel_lice.h, EEL_F"),
    ("keys: letters packed into a number, 'u' << 24 for characters beyond 255", "gfx.key_code",
     f"{WDL}: eel2/eel_lice.h, eel_lice_key_xlate"),
    ("my_getViewport: the screen nearest to the second rectangle", "calls_host.my_get_viewport",
     f"{API}: my_getViewport; public scripts that centre their window with it"),
    ("End and EndChild only after a Begin and BeginChild that returned true", "imgui.end", f"{REAIMGUI}: api/window.cpp"),
    ("a context ends when a defer cycle passes without it", "imgui_context.Context.end_frame",
     f"{REAIMGUI}: api/context.cpp, CreateContext; src/context.cpp, Context::heartbeat"),
    ("a window that loses the keyboard closes its menus and forgets what is active", "imgui_context.Context.begin_frame",
     f"{REAIMGUI}: src/context.cpp, Context::clearFocus"),
    ("a click into a window of ReaImGui takes the keyboard", "imgui_context.Context.take_focus",
     f"{REAIMGUI}: src/window.cpp, Window::mouseDown"),
    ("since 0.10 a font gets its size in PushFont, before that in CreateFont", "imgui.push_font",
     f"{REAIMGUI}: api/font.cpp, shims/0.10.cpp"),
    ("Escape in a text field takes back what was typed", "imgui_items._type", f"{IMGUI}: imgui_widgets.cpp, InputTextEx"),
    ("a bar without a text shows a number", "imgui_items.progress_bar", f"{REAIMGUI}: api/utility.cpp, ProgressBar"),
    ("ExecProcess with -2 shows a minimised console for a console program on Windows", "calls_host.exec_process",
     f"{ULTRASCHALL}: ExecProcess; public scripts that go through wscript to avoid it"),
    ("Windows: rename() onto a file fails, remove() takes no folder and no open file", "disk.Disk",
     "Microsoft C runtime: rename, remove"),
    ("macOS: programs of the Dock have PATH=/usr/bin:/bin:/usr/sbin:/sbin", "calls_host.gui_path",
     "Apple: launchd; path_helper(8), which only shells run"),
    ("a section, also a reversed one, is a source with a parent", "calls_media.pcm_source_get_section_info",
     f"{API}: PCM_Source_GetSectionInfo"),
)  # fmt: skip


@dataclass(frozen=True)
class Open:
    """A question without a public answer, and the answers that are played, the usual one first."""

    question: str
    ways: tuple[Any, ...]


OPEN: dict[str, Open] = {
    "accessor_frames": Open("Does GetAudioAccessorSamples take the nearest frame, or the one before?", ("nearest", "before")),
    "accessor_rate": Open("Is another rate resampled as a whole, or each call alone?", ("whole", "each call")),
    "accessor_changed": Open("What does a changed accessor play until it is validated?", ("old", "new")),
    "accessor_wider": Open("What do channels hold that a mono take does not have?", ("copies", "silence")),
    "accessor_of_midi": Open("Does a MIDI take have an accessor?", ("none", "silence")),
    "atexit": Open("Are several functions kept, or the last one?", ("all", "last")),
    "dialog_timers": Open("Do other scripts run while a dialog is open?", (True, False)),
    "empty_undo": Open("Does a block in which nothing changed make an undo point?", (True, False)),
    "ext_state": Open("Does undo bring the project's extension state back?", ("kept", "undone")),
    "form_limit": Open("How many bytes of answers does GetUserInputs hold?", (None, 1024)),
    "lane_layout": Open("Is UpdateTimeline enough to have lanes arranged again?", ("UpdateTimeline", "UpdateItemLanes")),
    "offline_media": Open("What is read of a take whose media is offline?", ("silence", "error")),
    "play_rate": Open("Does a render go at the master play rate?", ("no", "yes")),
    "render_format": Open("Which key, set after it, puts RENDER_FORMAT back?", ("none", "RENDER_FORMAT2", "RENDER_SETTINGS")),
    "tab_switch": Open("Does playback go on when another tab is shown?", ("plays on", "stops")),
    "tempo": Open("When do items move that are attached to beats?", ("at once", "UpdateTimeline")),
}  # fmt: skip


def choose(ways: dict[str, Any] | None) -> dict[str, Any]:
    """Return the way of every open question. ValueError for a question or an answer that is not in the table."""
    found = {name: question.ways[0] for name, question in OPEN.items()}
    for name, way in (ways or {}).items():
        if name not in OPEN or way not in OPEN[name].ways:
            raise ValueError(f"{name}={way!r}; allowed: {OPEN[name].ways if name in OPEN else sorted(OPEN)}")
        found[name] = way
    return found


def both(*names: str) -> list[dict[str, Any]]:
    """Return ``ways`` for a test to be run with: every answer to each of these questions, one question at a time."""
    return [{name: way} for name in names for way in OPEN[name].ways]


def others(*names: str) -> list[dict[str, Any]]:
    """Return ``ways`` for a test to be run with: every answer to these questions but the usual one."""
    return [{name: way} for name in names for way in OPEN[name].ways[1:]]
