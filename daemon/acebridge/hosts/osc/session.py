"""The session: what the next task starts from, set one field at a time by controllers and by DAWs that are followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acebridge.hosts.osc.address import convert
from acebridge.hosts.osc.messages import Argument, Value
from acestep_runtime.errors import InvalidValue
from acestep_runtime.limits import Limits, describe_limits, field_limits
from acestep_runtime.tasks import Cover, Repaint, TextToMusic
from acestep_runtime.tasks.base import Output, check_tracks
from acestep_runtime.values import MAX_SEED, Key, Morph, Music, Sampling

_PATH = Limits(max_len=4096)
_NAME = Limits(max_len=64)
_SEED = Limits(low=0, high=MAX_SEED)


@dataclass(frozen=True)
class Field:
    """A field of the session: its type tag, what it is, and its limits, which are those of the tasks."""

    tag: str
    doc: str
    limits: Limits | None = None
    check: Callable[[str], None] | None = None


def split_tracks(text: str) -> tuple[str, ...]:
    """Return the tracks that a text names, with commas between them."""
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def _check_key(text: str) -> None:
    Key.parse(text)


def _check_track_names(text: str) -> None:
    check_tracks(split_tracks(text))


FIELDS: dict[str, Field] = {
    "source": Field("s", "audio file that tasks start from: its full path, or the id of a stored asset", _PATH),
    "start": Field("f", "start of the region in seconds of the source", field_limits(Repaint, "start_s")),
    "end": Field("f", "end of the region in seconds of the source; -1 is its end", field_limits(Repaint, "end_s")),
    "bpm": Field("f", "beats per minute", field_limits(Music, "bpm")),
    "keyscale": Field("s", 'key and mode, such as "F# minor"', field_limits(Music, "keyscale"), _check_key),
    "timesignature": Field("i", "beats per bar", field_limits(Music, "timesignature")),
    "caption": Field("s", "style, instruments, mood", field_limits(Music, "caption")),
    "chords": Field("s", 'chords such as "Am F C G", a chord a bar', field_limits(Music, "chords")),
    "lyrics": Field("s", "lyrics with section tags", field_limits(Music, "lyrics")),
    "tracks": Field("s", "tracks, with commas between them", None, _check_track_names),
    "takes": Field("i", "number of takes", field_limits(Output, "takes")),
    "tries": Field(
        "i",
        "takes to make, of which the best are kept, layers by their fit; 1 makes one layer, whatever its fit",
        field_limits(Output, "tries"),
    ),
    "seed": Field("i", "seed of the first take", _SEED),
    "engine": Field("s", "draft, neural or auto", _NAME),
    "strength": Field("f", "how closely a result follows the source", field_limits(Cover, "strength")),
    "morph": Field("s", "what a cover changes while the arrangement stays", field_limits(Morph, "mode")),
    "source_caption": Field(
        "s", "style of the source of a morph, if it is not the new one", field_limits(Morph, "caption")
    ),
    "source_lyrics": Field(
        "s", "lyrics of the source of a morph, if they are not the new ones", field_limits(Morph, "lyrics")
    ),
    "midi": Field("s", "MIDI file whose notes a new song follows: its full path", _PATH),
    "guide": Field("s", "how the neural engine follows them", field_limits(TextToMusic, "guide")),
    "dcw": Field("s", "correction after each step of the neural engine", field_limits(Sampling, "dcw")),
    "output": Field("s", "folder that results go to", _PATH),
}


#: The fields that are paths.
PATHS = ("source", "midi", "output")


class Session:
    """The fields that are set. ``on_change`` is called with each field whose value has changed, and its value."""

    def __init__(self, on_change: Callable[[str, Value], None] = lambda _name, _value: None) -> None:
        self._values: dict[str, Value] = {}
        self.on_change = on_change

    def set(self, field: str, value: Argument) -> None:
        """Set a field; ``None`` and empty text clear it. Raises `InvalidValue`, which says what is allowed."""
        if field not in FIELDS:
            raise InvalidValue("field", field, ", ".join(FIELDS))
        about = FIELDS[field]
        fitting = convert(about.tag, value, field)
        if fitting == "":
            fitting = None
        if fitting is not None:
            check_value(field, about, fitting)
        if self._values.get(field) == fitting:
            return
        if fitting is None:
            del self._values[field]
        else:
            self._values[field] = fitting
        self.on_change(field, fitting)

    def clear(self) -> None:
        """Clear all fields."""
        for name in list(self._values):
            self.set(name, None)

    @property
    def values(self) -> Mapping[str, Value]:
        """The fields that are set."""
        return dict(self._values)

    def text(self, field: str) -> str:
        """Return a field of text; empty when it is not set."""
        value = self._values.get(field)
        return value if isinstance(value, str) else ""


def check_value(name: str, about: Field, value: Value) -> None:
    """Raise `InvalidValue` for a value of the field's type that it does not allow."""
    limits = about.limits
    if isinstance(value, str):
        if limits is not None and limits.choices and not limits.allow(value):
            raise InvalidValue(name, value, describe_limits(limits))
        if limits is not None and limits.max_len is not None and len(value) > limits.max_len:
            raise InvalidValue(name, value, describe_limits(limits))
        if about.check is not None:
            about.check(value)
    elif isinstance(value, (int, float)) and limits is not None and not limits.allow(value):
        raise InvalidValue(name, value, describe_limits(limits))
