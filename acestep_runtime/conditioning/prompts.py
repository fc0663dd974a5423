"""The texts that the model reads: an instruction with caption and facts, and the lyrics. Character for character as trained.

Source: the public ACE-Step 1.5 code; `diffusers.AceStepPipeline` writes the same.
"""

from __future__ import annotations

from acestep_runtime.values import Music

#: Tokens that the text encoder, and the lyric encoder, get at most.
MAX_TEXT_TOKENS, MAX_LYRIC_TOKENS = 256, 2048

#: What to do, by task. Those with tracks name them in capitals.
INSTRUCTIONS = {
    "text2music": "Fill the audio semantic mask based on the given conditions:",
    "cover": "Generate audio semantic tokens based on the given conditions:",
    "repaint": "Repaint the mask area based on the given conditions:",
    "lego": "Generate the {tracks} track based on the audio context:",
    "extract": "Extract the {tracks} track from the audio:",
    "complete": "Complete the input track with {tracks}:",
}
_NOT_GIVEN = "N/A"


def instruction(task: str, tracks: tuple[str, ...] = ()) -> str:
    """Return what the model is told to do."""
    return INSTRUCTIONS[task].format(tracks=" | ".join(track.upper() for track in tracks))


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
