"""The commands of the tasks that return text and metadata, no audio: declared as those in tasks.py."""

from __future__ import annotations

from acebridge.cli import model_options as models
from acebridge.cli import options as opt
from acebridge.cli.task_command import task_command


@task_command()
def understand(
    src: opt.Src,
    downmix: opt.Downmix = False,
    bpm: opt.Bpm = None,
    key: opt.Key = None,
    time_signature: opt.TimeSignature = None,
    lm: models.Lm = None,
    lm_temperature: models.LmTemperature = None,
    lm_top_k: models.LmTopK = None,
    lm_top_p: models.LmTopP = None,
    lm_repetition_penalty: models.LmRepetitionPenalty = None,
    engine: opt.Engine = None,
    by_path: opt.ByPath = False,
    detach: opt.Detach = False,
    json: opt.AsJson = False,
    address: opt.Address = None,
    no_autostart: opt.NoAutostart = False,
) -> None:
    """Detect tempo, key, meter, beats and chords; with a language model also caption and lyrics."""


@task_command(task="align_lyrics")
def lrc(
    src: opt.Src,
    downmix: opt.Downmix = False,
    lyrics: opt.Lyrics = None,
    language: opt.Language = None,
    timing: opt.Timing = None,
    words: opt.Words = False,
    offset: opt.Offset = None,
    html: opt.Html = None,
    engine: opt.Engine = None,
    by_path: opt.ByPath = False,
    detach: opt.Detach = False,
    json: opt.AsJson = False,
    address: opt.Address = None,
    no_autostart: opt.NoAutostart = False,
) -> None:
    """Time lyrics against a recording."""


@task_command()
def score(
    src: opt.Src,
    downmix: opt.Downmix = False,
    caption: opt.Caption = None,
    lyrics: opt.Lyrics = None,
    language: opt.Language = None,
    bpm: opt.Bpm = None,
    key: opt.Key = None,
    time_signature: opt.TimeSignature = None,
    engine: opt.Engine = None,
    by_path: opt.ByPath = False,
    detach: opt.Detach = False,
    json: opt.AsJson = False,
    address: opt.Address = None,
    no_autostart: opt.NoAutostart = False,
) -> None:
    """Score a recording against its lyrics and description."""


@task_command(task="transcribe")
def midi(
    src: opt.MidiSrc,
    downmix: opt.Downmix = False,
    track: opt.MidiTrack = None,
    mono: opt.Mono = None,
    mix: opt.Mix = None,
    bpm: opt.Bpm = None,
    time_signature: opt.TimeSignature = None,
    midi_out: opt.MidiOut = None,
    engine: opt.Engine = None,
    by_path: opt.ByPath = False,
    detach: opt.Detach = False,
    json: opt.AsJson = False,
    address: opt.Address = None,
    no_autostart: opt.NoAutostart = False,
) -> None:
    """Write the notes of a recording into a MIDI file, with its tempo."""


@task_command(task="create_sample")
def compose(
    description: opt.Description,
    instrumental: opt.Instrumental = False,
    seed: opt.Seed = None,
    lm: models.Lm = None,
    lm_temperature: models.LmTemperature = None,
    lm_top_k: models.LmTopK = None,
    lm_top_p: models.LmTopP = None,
    lm_repetition_penalty: models.LmRepetitionPenalty = None,
    engine: opt.Engine = None,
    detach: opt.Detach = False,
    json: opt.AsJson = False,
    address: opt.Address = None,
    no_autostart: opt.NoAutostart = False,
) -> None:
    """Turn a sentence into caption, lyrics, tempo, key and duration."""


@task_command(name="format")
def format_sample(
    caption: opt.Caption = None,
    lyrics: opt.Lyrics = None,
    language: opt.Language = None,
    bpm: opt.Bpm = None,
    key: opt.Key = None,
    time_signature: opt.TimeSignature = None,
    seed: opt.Seed = None,
    lm: models.Lm = None,
    lm_temperature: models.LmTemperature = None,
    lm_top_k: models.LmTopK = None,
    lm_top_p: models.LmTopP = None,
    lm_repetition_penalty: models.LmRepetitionPenalty = None,
    engine: opt.Engine = None,
    detach: opt.Detach = False,
    json: opt.AsJson = False,
    address: opt.Address = None,
    no_autostart: opt.NoAutostart = False,
) -> None:
    """Format caption and lyrics for the model."""


COMMANDS = (understand, lrc, score, midi, compose, format_sample)
