"""The package's own bridge, in Node, beside a host that answers as Live's documentation says: what one undo step can hold.

A host makes objects after the callback of a transaction has returned, and the bridge tells their handles only then. So a call
in a transaction cannot name what another call in it makes: a lane and the clip on it are two steps.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from ableton_extensions import AbletonError, Application, AudioTrack, TakeLane, connect
from ableton_extensions._transport import Transport

from tests.support.daemon import until

pytestmark = [pytest.mark.host, pytest.mark.skipif(not shutil.which("node"), reason="needs Node")]
#: The package's bridge, at a free port.
_START = """
const source = require("fs").readFileSync(process.argv[1], "utf8").replace(/=17890/, "=0");
const module_ = { exports: {} };
new Function("module", "exports", "require", source)(module_, module_.exports, require);
"""
#: A host that has a track, and lanes and clips that it makes; each change prints itself and the step that it is in.
_HOST = """
let steps = 0, step = null, next = 8n;
const made = new Set([7n]);
function make(name, place, done, fail) {
  const mine = step;
  if (!made.has(place.id)) throw new Error("Invalid object reference");
  setImmediate(() => {
    const handle = { id: next++ };
    made.add(handle.id);
    console.log(`${name} in step ${mine}`);
    done(handle);
  });
}
const dataModel = {
  withinTransaction(change) {
    step = ++steps;
    try { return change(); } finally { step = null; }
  },
  getRoot: () => ({ id: 1n }),
  trackCreateTakeLane: (track, done, fail) => make("lane", track, done, fail),
  takelaneCreateAudioClip: (lane, args, done, fail) => make("clip", lane, done, fail),
};
const api = { dataModel, ui: {}, resources: {}, environment: {}, commands: {} };
module_.exports.activate({ hostApiVersion: "1.0.0", initializeExtensionHost: () => api });
"""


def handle(number: int) -> dict[str, dict[str, str]]:
    return {"id": {"$b": str(number)}}


@contextmanager
def bridge(log: Path) -> Iterator[Transport]:
    """The client's connection to the bridge; ``log`` gets what it prints."""
    spec = find_spec("ableton_extensions")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "_bridge" / "extension.js"
    with log.open("w") as out, subprocess.Popen(["node", "-e", _START + _HOST, str(file)], stdout=out) as node:
        try:
            until(lambda: "listening on" in log.read_text(), "the bridge")
            found = re.search(r"listening on (ws://\S+)", log.read_text())
            assert found is not None
            app: Application = connect(found[1])
            yield app.transport
            app.close()
        finally:
            node.terminate()


def steps_of(log: Path) -> list[str]:
    """What was made, and in which step."""
    return re.findall(r"^(?:lane|clip) in step \d+$", log.read_text(), re.MULTILINE)


def test_a_lane_cannot_get_its_clip_in_the_step_that_makes_it(tmp_path: Path) -> None:
    with bridge(tmp_path / "log") as transport:
        transport.begin_txn()
        lane = AudioTrack(transport, handle(7)).create_take_lane()
        assert lane._h is None, "a transaction tells no handle before its end"
        TakeLane(transport, handle(8)).create_audio_clip("take.wav", 0.0)  # the very handle that the lane will get
        with pytest.raises(AbletonError, match="Invalid object reference"):
            transport.end_txn()


def test_what_exists_can_change_in_one_step_and_lane_and_clip_in_two(tmp_path: Path) -> None:
    with bridge(tmp_path / "log") as transport:
        track = AudioTrack(transport, handle(7))
        transport.begin_txn()
        track.create_take_lane()
        track.create_take_lane()
        lanes = [TakeLane(transport, found) for found in transport.end_txn()]
        transport.begin_txn()
        for lane in lanes:
            lane.create_audio_clip("take.wav", 0.0)
        transport.end_txn()
        until(lambda: len(steps_of(tmp_path / "log")) == 4, "the clips")
    assert steps_of(tmp_path / "log") == ["lane in step 1"] * 2 + ["clip in step 2"] * 2


def test_the_bridge_has_no_other_call_that_groups_changes() -> None:
    spec = find_spec("ableton_extensions")
    assert spec is not None
    assert spec.origin is not None
    source = (Path(spec.origin).parent / "_bridge" / "extension.js").read_text("utf-8")
    calls = set(re.findall(r'"(bridge\.\w+)"', source))
    assert calls == {
        f"bridge.{name}"
        for name in (
            "closeProgress",
            "openProgress",
            "ping",
            "registerCommand",
            "registerContextMenuAction",
            "runTransaction",
            "updateProgress",
        )
    }
    assert "undo" not in source.lower()
