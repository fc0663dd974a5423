"""What a result keeps of its source beside the samples: chunks of its WAV file, on its own time line, and its recipe."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from acestep_runtime.audio.tags.id3 import write_id3
from acestep_runtime.audio.tags.info import FIELDS, info_chunk, read_info
from acestep_runtime.audio.tags.ixml import read_ixml, write_ixml
from acestep_runtime.audio.tags.marks import Marks, chunks_of, marks_in_comments
from acestep_runtime.audio.tags.names import FileTags, read_tags
from acestep_runtime.audio.tags.positions import TimeLine, move_chunks
from acestep_runtime.audio.tags.riff import MAX_BYTES, MAX_IXML_BYTES, Chunk, WaveChunks, pack, read_chunks

#: What a comment of ours begins with: it says how a file was made, and a file that is made of it was made otherwise.
PREFIX = "AceBridge: "
#: Chunks of a source that are kept as they are.
_PLAIN = (b"axml", b"_PMX", b"id3 ", b"ID3 ")


class Maker(NamedTuple):
    """What a result says of itself: the program that made it, a sentence on how, and its recipe; any may be empty."""

    software: str = ""
    sentence: str = ""
    recipe: str = ""


class ResultChunks(NamedTuple):
    """The chunks of a result as bytes, and sentences, without their subject, on what of the source is not in them."""

    data: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceTags:
    """What a source says beside its samples: the chunks of a WAV file, names and marks in any other."""

    chunks: WaveChunks = field(default_factory=WaveChunks)
    names: tuple[tuple[str, str], ...] = ()
    marks: Marks = field(default_factory=Marks)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SourceTags:
        """Read the file at ``path``. Raises ``OSError``."""
        with Path(path).open("rb") as file:
            chunks = read_chunks(file)
            if chunks != WaveChunks():
                return cls(chunks)
            file.seek(0)
            is_wave = file.read(4) in (b"RIFF", b"RF64", b"BW64")
            tags = FileTags({}, {}) if is_wave else read_tags(file)
        names = tuple((name, text) for name, text in tags.names.items() if name not in ("recipe", "software"))
        return cls(names=names, marks=marks_in_comments(tags.others))

    def chunks_for(self, line: TimeLine | None, encoding: str, maker: Maker) -> ResultChunks:
        """Return the chunks of a result that lies at ``line`` of the source; ``None`` is one without a source."""
        out: list[Chunk] = []
        notes: list[str] = []
        if line is not None:
            moved = move_chunks((*self.chunks.chunks, *chunks_of(self.marks, line.source_rate)), line)
            out += moved.chunks
            for what, (count, left) in (("markers", moved.markers), ("loops", moved.loops)):
                if left < count:
                    notes.append(f"{count - left} of {count} {what} lie outside the result and were left out")
            if b"bext" in {chunk.name for chunk in self.chunks.chunks} - {chunk.name for chunk in moved.chunks}:
                notes.append("the bext chunk cannot be read and was left out")
            out += [chunk for chunk in self.chunks.chunks if chunk.name in _PLAIN]
            if names := {name: text for name, text in self.names if name in ("bpm", "key")}:
                out.append(Chunk(b"id3 ", write_id3({**dict(self.names), **names})))
            for name in self.chunks.too_long:
                most = MAX_IXML_BYTES if name == "iXML" else MAX_BYTES
                notes.append(f"the {name} chunk of more than {most // 1024} KiB was left out")
        ixml = next((chunk.body for chunk in self.chunks.chunks if chunk.name == b"iXML"), b"") if line else b""
        if ixml and not read_ixml(ixml):
            notes.append("the iXML chunk cannot be read and was left out")
        if text := write_ixml(ixml, maker.recipe, line, encoding):
            out.append(Chunk(b"iXML", text))
        if info := self._info(maker, has_source=line is not None):
            out.append(info_chunk(info))
        return ResultChunks(pack(out), tuple(notes))

    def _info(self, maker: Maker, *, has_source: bool) -> Mapping[bytes, bytes]:
        entries = read_info(self.chunks.chunks) if has_source else {}
        if has_source:
            entries |= {FIELDS[name]: text.encode("utf-8", "replace") for name, text in self.names if name in FIELDS}
        comment = FIELDS["comment"]
        if entries.get(comment, b"").startswith(PREFIX.encode()):
            del entries[comment]
        if maker.sentence:
            entries.setdefault(comment, (PREFIX + maker.sentence).encode("utf-8", "replace"))
        return {**entries, FIELDS["software"]: maker.software.encode()} if maker.software else entries
