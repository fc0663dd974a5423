"""The two text prompts: an instruction with caption and metadata, and the lyrics. They match training to the character.

Source: the public ACE-Step 1.5 code; `diffusers.AceStepPipeline` writes the same.
"""

from __future__ import annotations

from enum import Enum

from acestep_runtime.values import Music

#: Token limits of the text prompt and of the lyrics prompt.
MAX_TEXT_TOKENS, MAX_LYRIC_TOKENS = 256, 2048


class Instruction(str, Enum):
    """The instruction of each task. Tracks are named in capitals."""

    TEXT2MUSIC = "Fill the audio semantic mask based on the given conditions:"
    COVER = "Generate audio semantic tokens based on the given conditions:"
    REPAINT = "Repaint the mask area based on the given conditions:"
    LEGO = "Generate the {tracks} track based on the audio context:"
    EXTRACT = "Extract the {tracks} track from the audio:"
    COMPLETE = "Complete the input track with {tracks}:"

    def text(self, tracks: tuple[str, ...] = ()) -> str:
        """Return the instruction with its ``tracks`` filled in."""
        return self.value.format(tracks=" | ".join(track.upper() for track in tracks))


_UNSPECIFIED = "N/A"


def text_prompt(instruction: str, music: Music, duration_s: float) -> str:
    """Return the prompt of the text encoder. Missing metadata reads "N/A"; the duration is in whole seconds."""
    metadata = (
        f"- bpm: {_UNSPECIFIED if music.bpm is None else round(music.bpm)}\n"
        f"- timesignature: {music.timesignature or _UNSPECIFIED}\n"
        f"- keyscale: {music.keyscale or _UNSPECIFIED}\n"
        f"- duration: {int(duration_s)} seconds\n"
    )
    return f"# Instruction\n{instruction}\n\n# Caption\n{music.caption}\n\n# Metas\n{metadata}<|endoftext|>\n"


def lyrics_or_instrumental(lyrics: str) -> str:
    """Return the lyrics, or "[Instrumental]" where they are blank."""
    return lyrics if lyrics.strip() else "[Instrumental]"


def lyrics_header(language: str) -> str:
    """Return the header of the lyrics prompt."""
    return f"# Languages\n{language}\n\n# Lyric\n"


def lyrics_prompt(music: Music) -> str:
    """Return the prompt of the lyric encoder."""
    return f"{lyrics_header(music.language)}{music.lyrics}<|endoftext|>"


def layer_caption(song_caption: str, track: str, *, explicit: bool) -> str:
    """Return a caption in the form of checkpoints trained for layers (``is_lego_sft``)."""
    return f"Global: {song_caption}\nLocal: {track}\nMask Control: {'true' if explicit else 'false'}"
