"""Playing samples through the sound card, if there is one."""

from __future__ import annotations

from acestep_runtime.audio.samples import Samples


def play(samples: Samples, rate_hz: int) -> str:
    """Play ``[N, C]`` to its end and return an empty string, or the reason in plain words why it cannot be played."""
    try:
        import sounddevice
    except OSError:  # how the package reports that the PortAudio library is missing
        return "There is no sound output here: the PortAudio library is not installed."
    try:
        sounddevice.play(samples, rate_hz)
        sounddevice.wait()
    except sounddevice.PortAudioError as error:
        return f"There is no sound output here: {error}."
    except KeyboardInterrupt:
        sounddevice.stop()
    return ""
