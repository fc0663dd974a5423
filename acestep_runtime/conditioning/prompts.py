"""The texts that the model reads: an instruction with caption and facts, and the lyrics. Character for character as trained.

Source: the public ACE-Step 1.5 code; `diffusers.AceStepPipeline` writes the same.
"""

from __future__ import annotations

from enum import Enum

from acestep_runtime.values import Music

#: Tokens that the text encoder, and the lyric encoder, get at most.
MAX_TEXT_TOKENS, MAX_LYRIC_TOKENS = 256, 2048


class Instruction(str, Enum):
    """What the model is told to do. Instructions with tracks name them in capitals."""

    TEXT2MUSIC = "Fill the audio semantic mask based on the given conditions:"
    COVER = "Generate audio semantic tokens based on the given conditions:"
    REPAINT = "Repaint the mask area based on the given conditions:"
    LEGO = "Generate the {tracks} track based on the audio context:"
    EXTRACT = "Extract the {tracks} track from the audio:"
    COMPLETE = "Complete the input track with {tracks}:"

    def text(self, tracks: tuple[str, ...] = ()) -> str:
        """Return the instruction with ``tracks`` in it."""
        return self.value.format(tracks=" | ".join(track.upper() for track in tracks))


_NOT_GIVEN = "N/A"


def text_prompt(told: str, music: Music, duration_s: float) -> str:
    """Return the prompt of the text encoder. Facts that are not given say so; the duration is in whole seconds."""
    facts = (
        f"- bpm: {_NOT_GIVEN if music.bpm is None else round(music.bpm)}\n"
        f"- timesignature: {music.timesignature or _NOT_GIVEN}\n"
        f"- keyscale: {music.keyscale or _NOT_GIVEN}\n"
        f"- duration: {int(duration_s)} seconds\n"
    )
    return f"# Instruction\n{told}\n\n# Caption\n{music.caption}\n\n# Metas\n{facts}<|endoftext|>\n"


def words_of(lyrics: str) -> str:
    """Return what stands for lyrics: music without words says so."""
    return lyrics if lyrics.strip() else "[Instrumental]"


def lyrics_header(language: str) -> str:
    """Return what precedes the lyrics."""
    return f"# Languages\n{language}\n\n# Lyric\n"


def lyrics_prompt(music: Music) -> str:
    """Return the prompt of the lyric encoder."""
    return f"{lyrics_header(music.language)}{music.lyrics}<|endoftext|>"


def layer_caption(song: str, track: str, *, explicit: bool) -> str:
    """Return the caption as checkpoints trained for layers (``is_lego_sft``) want it."""
    return f"Global: {song}\nLocal: {track}\nMask Control: {'true' if explicit else 'false'}"
