"""The plug-in in DawDreamer, which renders offline from frame 0 with an exact position and a tempo curve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.plugin import PARAMETERS, Samples, make_state, read_captures, read_state

pytestmark = pytest.mark.host


class Render:
    """A graph of a player and the plug-in."""

    def __init__(self, path: str, audio: Samples, rate_hz: int, block_frames: int) -> None:
        import dawdreamer

        self.engine = dawdreamer.RenderEngine(rate_hz, block_frames)
        player = self.engine.make_playback_processor("player", audio)
        self.plugin = self.engine.make_plugin_processor("plugin", path)
        self.engine.load_graph([(player, []), (self.plugin, ["player"])])

    def captures(self, folder: Path) -> list[dict[str, str]]:
        self.plugin.save_state(str(folder / "state"))
        return read_captures(read_state((folder / "state").read_bytes())["captures"])


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("block_frames", [1, 441, 512, 4096])
def test_audio_passes_bit_for_bit(vst3: str, noise: Samples, rate_hz: int, block_frames: int) -> None:
    render = Render(vst3, noise, rate_hz, block_frames)
    render.engine.render(8000 / rate_hz)
    output = render.engine.get_audio()
    assert output.shape[1] >= 8000
    assert np.array_equal(output[:, :8000], noise[:, :8000])


def test_capture_begins_at_the_first_frame(vst3: str, noise: Samples, tmp_path: Path) -> None:
    render = Render(vst3, noise, 44_100, 441)
    render.engine.set_bpm(97.0)
    render.plugin.set_parameter(PARAMETERS.index("capture"), 1)
    render.engine.render(0.1)
    (capture,) = render.captures(tmp_path)
    assert (capture["frame"], capture["bar"], capture["beat"]) == ("0", "1", "1.000000")
    assert capture["tempo"] == "97.000000"
    assert int(capture["frames"]) >= 4410


def test_tempo_curve_is_followed(vst3: str, noise: Samples, tmp_path: Path) -> None:
    render = Render(vst3, noise, 48_000, 480)
    render.engine.set_bpm(np.array([100.0] * 96 + [150.0] * 96), 960)  # 960 values a quarter
    render.plugin.set_parameter(PARAMETERS.index("capture"), 1)
    render.engine.render(0.2)
    (capture,) = render.captures(tmp_path)
    assert (capture["tempo"], capture["tempos"]) == ("100.000000", "2")


def test_state_is_restored(vst3: str, noise: Samples, tmp_path: Path) -> None:
    render = Render(vst3, noise, 48_000, 480)
    (tmp_path / "state").write_bytes(make_state(caption="Grüße 東京", lyrics="Ä\nÖ"))
    render.plugin.load_state(str(tmp_path / "state"))
    render.engine.render(0.05)
    render.plugin.save_state(str(tmp_path / "again"))
    values = read_state((tmp_path / "again").read_bytes())
    assert (values["caption"], values["lyrics"]) == ("Grüße 東京", "Ä\nÖ")
