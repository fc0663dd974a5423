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
DAW2DAW = "OuthenticLtd/Daw2Daw"  # github.com; compares renders of REAPER with those of others
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
    ("B_PHASE, D_WIDTH in the pan mode that has a width (5), two pans in that of dual pan (6)", "routing.apply",
     f"{API}: GetMediaTrackInfo_Value, I_PANMODE"),
    ("I_PANMODE -1 is the project's mode, which GetTrackUIPan tells", "calls_tracks.get_track_ui_pan",
     f"{DAW2DAW}: rpp reader; public scripts that ask GetTrackUIPan for it"),
    ("a pan law is the gain in the middle, full pan all of one channel; PANLAW in a project's file is the project's",
     "sound.pan_gains", f"{API}: D_PANLAW; {DAW2DAW}: panlaw.py, measured; {ULTRASCHALL}: GetProject_PanLaw"),
    ("a playback offset: seconds or samples, negative plays earlier, flag 1 is off", "routing.play_offset",
     f"{API}: D_PLAY_OFFSET, I_PLAY_OFFSET_FLAG; {DAW2DAW}: rpp reader, measured"),
    ("C_MAINSEND_OFFS sends to other channels of the parent than the first two", "routing.Mixer",
     f"{API}: GetMediaTrackInfo_Value"),
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
    ("a take's envelopes count those of its FX parameters in, which Envelope_GetParentTake tells apart",
     "calls_envelopes.envelope_get_parent_take", f"{API}: Envelope_GetParentTake, TakeFX_GetEnvelope"),
    ("times of a take's envelopes count in seconds times its play rate", "sound._envelope_gains",
     "public scripts that multiply by D_PLAYRATE, such as Arc_Function_lua.lua, InsertEnvelopePointTake_Arc"),
    ("an effect that is copied is loaded before the call returns", "calls_effects.take_fx_copy_to_take",
     f"{API}: TakeFX_CopyToTake has no way to wait for it"),
    ("stretch markers, take envelopes and the snap offset count from the item's start and stay when D_STARTOFFS changes",
     "sound.take_samples", f"{API}: GetTakeStretchMarker; az, 'Fade tool.lua', which moves all of them itself"),
    ("C_LANEPLAYS -1 on a track that had lanes; UpdateItemLanes removes empty lanes at the bottom", "lanes.settle",
     f"{API}: GetMediaItemInfo_Value, UpdateItemLanes, C_LANESETTINGS"),
    ("track panels show changed folders after TrackList_AdjustWindows(false)", "calls_undo.track_list_adjust_windows",
     f"{API}: TrackList_AdjustWindows; 70 scripts of ReaTeam call it after such a change"),
    ("I_FIXEDLANE turns a track without lanes into one with them", "calls_items.set_media_item_info_value",
     "public scripts that rely on it"),
    ("MIDI follows the tempo in an item that stays", "midi.notes_of", f"{SWS}: Breeder/BR_Tempo.cpp, BR_MidiItemTimePos"),
    ("all MIDI events at once: offset to the last one, flags, length and bytes of each; a source ends at its last event",
     "midi.midi_set_all_evts", f"{API}: MIDI_SetAllEvts, MIDI_GetAllEvts"),
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
    ("values that a form offers: the separator means nothing within quotes and brackets", "calls_dialogs.split_offered",
     f"{ULTRASCHALL}: GetUserInputs"),
    ("MB: types 0 to 5, answers 1 to 7; a form has at most 16 fields", "calls_dialogs.message_box",
     f"{API}: ShowMessageBox, GetUserInputs"),
    ("a take's accessor counts from its item's start, a track's from the project's; 1 audio, 0 none, -1 an error",
     "calls_audio.get_audio_accessor_start_time", f"{SWS}: Breeder/BR_Loudness.cpp; {API}: GetAudioAccessorSamples"),
    ("names of files and folders come from a cache that the index -1 empties", "calls_host.enumerate_files",
     f"{API}: EnumerateFiles, EnumerateSubdirectories"),
    ("extension state that persists is a line of an INI file", "calls_host.set_ext_state",
     f"{API}: SetExtState; reaper-extstate.ini"),
    ("an empty key or value of a project's extension state removes it", "calls_project.set_proj_ext_state",
     f"{API}: SetProjExtState"),
    ("ExecProcess returns the exit status, a line break and what was said; -1 and -2 do not wait", "calls_host.exec_process",
     f"{API}: ExecProcess"),
    ("InsertTrackAtIndex inserts into the project that is shown", "calls_tracks.insert_track_at_index",
     f"{API}: InsertTrackAtIndex, and why InsertTrackInProject came"),
    ("a script without defer and undo block leaves an undo point of its own name", "script.Script.start",
     "public scripts that end in defer(function() end) to avoid it"),
    ("EndBlock2: -1 keeps all kinds of changes, 0 none", "calls_undo.undo_end_block2", f"{ULTRASCHALL}: Undo_EndBlock2"),
    ("sends that make a circle are refused unless the project allows feedback", "routing.Mixer", "project files: FEEDBACK 0"),
    ("items on beats follow a new tempo by their own time base, that of their track or of the project",
     "calls_time._attachment", f"{API}: C_BEATATTACHMODE of items and tracks"),
    ("a name that ends in i before the colon is an instrument's", "state.Fx", "REAPER's list of FX: VSTi, VST3i, AUi, CLAPi"),
    ("action 42230 renders by the most recent settings; RENDER_BOUNDSFLAG, RENDER_SETTINGS, RENDER_TAILFLAG", "render.bounds",
     f"{API}: GetSetProjectInfo"),
    ("40125 and 40126 switch the selected items to another take, 40719 mutes them", "calls_project._switch_takes",
     "public scripts that name them: osara; X-Raym, 'Bounce' scripts; REAPER's action list"),
    ("razor edits: start, end and the GUID of an envelope or nothing, in quotes", "calls_tracks.string_of",
     f"{API}: P_RAZOREDITS"),
    ("a source belongs to one take", "calls_media.set_media_item_take_source", f"{API}: SetMediaItemTake_Source"),
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
    "accessor_offset": Open("Does a track's accessor count its playback offset in?", ("left out", "played")),
    "accessor_of_midi": Open("Does a MIDI take have an accessor?", ("none", "silence")),
    "atexit": Open("Are several functions kept, or the last one?", ("all", "last")),
    "dialog_timers": Open("Do other scripts run while a dialog is open?", (True, False)),
    "empty_undo": Open("Does a block in which nothing changed make an undo point?", (True, False)),
    "ext_state": Open("Does undo bring the project's extension state back?", ("kept", "undone")),
    "fade_length": Open("May a fade be longer than its item?", ("no", "yes")),
    "fx_envelopes": Open("Do envelopes of its parameters go along when a take's effect is copied?", ("stay", "come along")),
    "form_limit": Open("How many bytes of answers does GetUserInputs hold?", (None, 1024)),
    "lane_layout": Open("Is UpdateTimeline enough to have lanes arranged again?", ("UpdateTimeline", "UpdateItemLanes")),
    "new_items": Open("Has an item that a script adds the fades and the loop of new ones?", ("fades and loops", "plain")),
    "next_take": Open("Do the actions 40125 and 40126 go round from the last take to the first?", ("goes round", "stays")),
    "offline_media": Open("What is read of a take whose media is offline?", ("silence", "error")),
    "pan_curve": Open("Which levels has a pan between the middle and a side? (Its taper is chosen.)", ("sine", "linear")),
    "paste": Open("What does a field of one line take of several pasted lines?", ("the first", "all in one")),
    "play_rate": Open("Does a render go at the master play rate?", ("no", "yes")),
    "render_format": Open("Which key, set after it, puts RENDER_FORMAT back?", ("none", "RENDER_FORMAT2", "RENDER_SETTINGS")),
    "solo_senders": Open(
        "Is a track played that sends to one soloed in place?", ("there only", "not at all", "on its own too")
    ),
    "split_identity": Open("Which part of a split item keeps its GUIDs?", ("left", "right")),
    "tab_switch": Open("Does playback go on when another tab is shown?", ("plays on", "stops")),
    "take_pan_law": Open("Does a take without a pan law of its own have that of the project?", ("no", "project")),
    "tempo": Open("When do items move that are attached to beats?", ("at once", "UpdateTimeline")),
    "undo_pointers": Open("What becomes of pointers to items in an undo?", ("they die", "they live")),
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
