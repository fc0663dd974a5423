"""The Python API: one call generates music, in this process or on a daemon.

    from acestep_runtime import analyze_audio, concat, generate, mix, save, save_lrc

    song = generate(caption="warm piano ballad", lyrics="[Verse]\\nHello, morning", auto_lrc=True)
    brighter = generate(task_type="repaint", src_audio=song, repainting_start=4, repainting_end=8, caption="bright piano")
    save(brighter, "brighter.flac")

Names follow ACE-Step. The arguments of a call: calls.py; its result: result.py.
"""

from acestep_runtime.guide.calls import analyze_audio, generate
from acestep_runtime.guide.mixing import concat, downmix, mix, save, save_lrc
from acestep_runtime.guide.notes import Transcription, transcribe
from acestep_runtime.guide.result import Result, Take
from acestep_runtime.guide.sound import Audio

__all__ = [
    "Audio", "Result", "Take", "Transcription", "analyze_audio", "concat", "downmix", "generate", "mix", "save", "save_lrc",
    "transcribe",
]  # fmt: skip
