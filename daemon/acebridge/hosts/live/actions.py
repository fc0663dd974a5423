"""The actions: what each is called in Live's menus, what its dialog asks and what it plans. A row of the table makes one."""

from __future__ import annotations

from dataclasses import dataclass

from acebridge.hosts.live.form import Field
from acebridge.hosts.live.plan import (
    Planner,
    plan_again,
    plan_analyse,
    plan_complete,
    plan_cover,
    plan_extract,
    plan_generate,
    plan_lego,
    plan_repaint,
    plan_vary,
)

#: Where an action stands in Live's menus: on a stretch of the arrangement, on an audio clip.
STRETCH = ("AudioTrack.ArrangementSelection", "MidiTrack.ArrangementSelection")
CLIP = ("AudioClip",)
SILENT = ", as last time"


@dataclass(frozen=True)
class Action:
    """An action. One with a ``form`` has a dialog, and a second entry in the menus without it."""

    key: str
    title: str
    plan: Planner
    form: tuple[Field, ...] = ()
    scopes: tuple[str, ...] = STRETCH + CLIP


_STYLE = Field("style", "Style (instruments and mood)")
_LYRICS = Field("lyrics", "Lyrics", "lines")
_CHORDS = Field("chords", "Chords (one a bar, or | between bars)")
_TAKES = Field("takes", "Takes (1 to 8)", "integer", (1, 8))
_SEED = Field("seed", "Seed (empty: a new one)", "integer", (0, 4294967295))
_NOTES = Field("notes", "Follow the notes of MIDI clips", "choice", ("yes", "no"), "yes")
_MUSIC = (_STYLE, _LYRICS, _CHORDS, _TAKES, _SEED)


def _strength(caption: str) -> Field:
    return Field("strength", caption, "number", (0.0, 1.0))


def _tracks(default: str) -> Field:
    return Field("tracks", "Tracks (commas between)", default=default)


ACTIONS = (
    Action(
        "repaint",
        "Repaint selection",
        plan_repaint,
        (
            *_MUSIC,
            Field("mode", "Change", "choice", ("conservative", "balanced", "aggressive"), "balanced"),
            _strength("Strength when balanced (0 to 1)"),
        ),
    ),
    Action("cover", "Cover", plan_cover, (*_MUSIC, _strength("Closeness to the source (0 to 1)"))),
    Action("lego", "Add layer", plan_lego, (_tracks("drums"), *_MUSIC)),
    Action("complete", "Complete", plan_complete, (_tracks("drums, bass, keyboard"), *_MUSIC)),
    Action("extract", "Extract stems", plan_extract, (_tracks("vocals, drums, bass"),)),
    Action("generate", "Generate here", plan_generate, (*_MUSIC, _NOTES), scopes=STRETCH),
    Action("again", "Another take", plan_again, scopes=CLIP),
    Action(
        "vary",
        "Vary this take",
        plan_vary,
        (Field("amount", "How far from it (0.01 to 1)", "number", (0.01, 1.0), "0.3"), _TAKES),
        scopes=CLIP,
    ),
    Action("analyse", "Analyse", plan_analyse),
)
