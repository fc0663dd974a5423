"""How well a layer fits, over OSC."""

from __future__ import annotations

from pathlib import Path

from tests.support import signals
from tests.support.daemon import daemon_at, write_wav
from tests.support.osc import osc_peer, port_of


def test_a_layer_says_how_well_it_fits(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "beats.wav", signals.song())
    with (
        daemon_at(tmp_path / "home", step_ms=5, config=f"roots = ['{tmp_path}']\n[osc]\nport = 0\n") as daemon,
        osc_peer(port_of(daemon.home)) as peer,
    ):
        peer.send("/acebridge/session/engine", "s", "fake")
        peer.send("/acebridge/session/output", "s", str(tmp_path))
        peer.send("/acebridge/session/bpm", "f", 120.0)
        for tries in (0, 1):  # 0 leaves the number open
            peer.send("/acebridge/session/tries", "i" if tries else "s", tries or "")
            peer.send("/acebridge/lego", "sffss", str(source), 0.0, 16.0, "drums", "late")
            said = peer.wait_for("done")
            (fit,) = (answer for answer in said if answer.kind == "fit")
            assert fit.values[0] in (1, 2, 3)
            assert 0 <= fit.values[1] < 0.4
            assert fit.values[2] == "It is 120 ms late."
            kinds = [answer.kind for answer in said if answer.kind in ("fit", "take", "done")]
            assert kinds == ["fit", "take", "done"]
