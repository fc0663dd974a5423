"""Files of chords at the command line: what ``--chords-file`` says fills the options that were not given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acebridge.cli.options import Options

_OPTION = "--chords-file"
#: The longest file: that of a song has a few thousand bytes, one of a page of links more.
_MAX_BYTES = 1 << 20


def with_chord_file(options: Options) -> Options:
    """Return a command's options with the chords of the file that ``--chords-file`` names, and its key, tempo and meter.

    Options that were given stay; ``song_title``, which is no option, is the title in the file.
    Raises `InvalidValue` for a file that is missing or cannot be read, and beside ``--chords``.
    """
    path: Path | None = options.get("chords_file")
    if path is None:
        return options
    from acestep_runtime.chords.files import read_chord_file
    from acestep_runtime.errors import InvalidValue, printable
    from acestep_runtime.lyrics.files import decode_text
    from acestep_runtime.values import Key

    if options.get("chords"):
        raise InvalidValue(_OPTION, printable(str(path)), "one of --chords and --chords-file, not both")
    try:
        path = path.expanduser()
        is_file = path.is_file()
    except (OSError, RuntimeError):  # a name that is too long, or the home of nobody
        is_file = False
    if not is_file:
        message = f"{_OPTION} names no file: {printable(str(path))}."
        raise InvalidValue(_OPTION, printable(str(path)), "a file of chords", message=message, remedy="Check the path.")
    if path.stat().st_size > _MAX_BYTES:
        raise InvalidValue(_OPTION, printable(str(path)), f"a file of at most {_MAX_BYTES} bytes")
    text = decode_text(path.read_bytes(), str(path), _OPTION, may_be_page=True)
    given_key = options.get("key")
    sheet = read_chord_file(text, Key.parse(given_key) if given_key else None, _OPTION)
    found = {"bpm": sheet.bpm, "key": sheet.keyscale, "time_signature": sheet.timesignature}
    fills = {option: value for option, value in found.items() if value is not None and options.get(option) is None}
    title = printable(sheet.title, 60)
    return {**options, **fills, "chords": str(sheet.chart), "chords_file": None, "song_title": title}
