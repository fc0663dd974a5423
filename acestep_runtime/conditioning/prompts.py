"""The two text prompts: an instruction with caption and metadata, and the lyrics. They match training to the character.

Source: the public ACE-Step 1.5 code; `diffusers.AceStepPipeline` writes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from acestep_runtime.lyrics.text import word_spans
from acestep_runtime.text.tokens import guard_text
from acestep_runtime.values import Music, spell_key

#: Token limits of the text prompt and of the lyrics prompt.
MAX_TEXT_TOKENS, MAX_LYRIC_TOKENS = 256, 2048


class Instruction(str, Enum):
    """The instruction of each task. Tracks are named in capitals."""

    TEXT2MUSIC = "Fill the audio semantic mask based on the given conditions:"
    COVER = "Generate audio semantic tokens based on the given conditions:"
    REPAINT = "Repaint the mask area based on the given conditions:"
    LEGO = "Generate the {tracks} track based on the audio context:"
    LEGO_SEGMENT = "Generate a segment of the {tracks} track based on the audio context:"
    EXTRACT = "Extract the {tracks} track from the audio:"
    COMPLETE = "Complete the input track with {tracks}:"

    def text(self, tracks: tuple[str, ...] = ()) -> str:
        """Return the instruction with its ``tracks`` filled in, or without a name where there are none."""
        form = self.value if tracks else self.value.replace("{tracks} ", "")
        return form.format(tracks=" | ".join(track.upper() for track in tracks))


_UNSPECIFIED = "N/A"


def text_prompt(instruction: str, music: Music, duration_s: float) -> str:
    """Return the prompt of the text encoder. Missing metadata reads "N/A"; the duration is in whole seconds."""
    metadata = (
        f"- bpm: {_UNSPECIFIED if music.bpm is None else round(music.bpm)}\n"
        f"- timesignature: {music.timesignature or _UNSPECIFIED}\n"
        f"- keyscale: {spell_key(music.keyscale) if music.keyscale else _UNSPECIFIED}\n"
        f"- duration: {int(duration_s)} seconds\n"
    )
    return (
        f"# Instruction\n{instruction}\n\n# Caption\n{guard_text(music.caption)}\n\n# Metas\n{metadata}<|endoftext|>\n"
    )


def fit_caption(caption: str, build: Callable[[str], str], count: Callable[[str], int]) -> str:
    """Return the longest beginning of ``caption`` that leaves room for the rest of the prompt, of whole words where one fits.

    ``build`` makes the prompt of a caption, ``count`` says how many tokens a prompt has.
    """

    def fits(end: int) -> bool:
        return count(build(caption[:end])) <= MAX_TEXT_TOKENS

    if fits(len(caption)):
        return caption
    words = [end for _, end in word_spans(caption)]
    return caption[: _last_fit(words, fits) or _last_fit(range(1, len(caption)), fits)]


def _last_fit(ends: Sequence[int], fits: Callable[[int], bool]) -> int:
    """Return the last of rising ``ends`` that fits, 0 where none does."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if fits(ends[middle]) else (low, middle)
    return ends[low - 1] if low else 0


def caption_warnings(caption: str, read: str, name: str = "caption") -> Iterable[str]:
    """Yield a warning where only the beginning ``read`` of a caption has an effect; ``name`` is what it is called."""
    if read != caption:
        total, used = (len(word_spans(text)) for text in (caption, read))
        lost = caption[len(read) :].split()[:4]
        yield (
            f"The {name} is longer than the model reads: the last {total - used} of its {total} words have no effect, from"
            f" {' '.join(lost)[:60]!r} on. Tempo, key and the rest are read."
        )


def lyrics_or_instrumental(lyrics: str) -> str:
    """Return the lyrics, or "[Instrumental]" where they are blank."""
    return lyrics if lyrics.strip() else "[Instrumental]"


def lyrics_header(language: str) -> str:
    """Return the header of the lyrics prompt."""
    return f"# Languages\n{guard_text(language)}\n\n# Lyric\n"


def lyrics_prompt(music: Music) -> str:
    """Return the prompt of the lyric encoder."""
    return f"{lyrics_header(music.language)}{guard_text(music.lyrics)}<|endoftext|>"


def layer_caption(caption: str, song_caption: str, *, explicit: bool, is_segment: bool) -> str:
    """Return a caption in the form of checkpoints trained for layers (``is_lego_sft``), which takes it for any task.

    ``song_caption`` describes the song, ``caption`` what is made; a segment goes without the song. ``explicit`` is the mask.
    """
    song = "" if is_segment else f"Global: {song_caption}\n"
    return f"{song}Local: {caption}\nMask Control: {'true' if explicit else 'false'}"
