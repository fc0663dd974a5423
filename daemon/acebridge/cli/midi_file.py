"""Notes as a MIDI file: what ``acebridge midi`` writes."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acebridge.atomic_files import check_writable, write_whole
from acebridge.cli.files import check_length, check_no_input, free_name, is_folder
from acebridge.file_names import short_stem
from acestep_runtime.errors import EngineFailure, InvalidValue

SUFFIXES = (".mid", ".midi")


@dataclass(frozen=True)
class MidiFile:
    """The file that gets the notes."""

    out: Path
    names_in_files: tuple[str, ...] = ()

    @classmethod
    def choose(cls, options: Mapping[str, Any]) -> MidiFile | None:
        """Return the file of a command's options; ``None`` where none is named, with ``--json`` or ``--detach``.

        One named after the source stands in the folder that is named, else where the command runs, and replaces none. Raises
        `InvalidValue` for another suffix than those of MIDI files, a name that is too long, a file that is the source, and a
        folder that cannot be written.
        """
        named: Path | str | None = options.get("midi_out")
        source: Path | None = options.get("src")
        if named is None and (options.get("json") or options.get("detach")):
            return None
        out = Path(named or "")
        if is_folder(str(named or ""), out):
            out = free_name(out / f"{'notes' if source is None else short_stem(source)}{SUFFIXES[0]}")
        elif out.suffix.lower() not in SUFFIXES:
            raise InvalidValue("--out", str(out), f"a folder, or a name that ends in {' or '.join(SUFFIXES)}")
        else:
            check_length(out)
        if source is not None:
            check_no_input("--out", out, [source])
        check_writable(out.parent)
        return cls(out)

    def write(self, facts: Mapping[str, Any]) -> Iterator[str]:
        """See `acebridge.cli.metadata_files.MetadataFiles`."""
        if not facts.get("midi"):
            raise EngineFailure("No notes were written down, so there is nothing to write.")
        write_whole(self.out, [base64.b64decode(facts["midi"])])
        yield f"{self.out}  ({describe_parts(facts)})"


def describe_parts(facts: Mapping[str, Any]) -> str:
    """Return the parts of a song of notes in words: "bass: 42 notes, drums: 1 note"."""
    parts = facts.get("midi_parts") or []
    counts = [(part["name"].replace("_", " "), len(part.get("notes") or [])) for part in parts]
    return ", ".join(f"{name}: {count} {'note' if count == 1 else 'notes'}" for name, count in counts) or "no notes"
