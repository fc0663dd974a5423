"""Files of one part that Lua writes for Ardour: mido reads the ticks that were meant."""

from __future__ import annotations

import importlib
import io
from typing import Any

import mido
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import REAPER_SCRIPTS

lua53: Any = importlib.import_module("lupa.lua53")
_WRITE = """
function(source, name, rows, ticks, stop)
  local smf, events = load(source)()(), {}
  for number, row in ipairs(rows) do
    events[number] = { tick = row[1], bytes = smf.message(row[2], row[3], row[4], row[5]) }
  end
  return smf.encode_part({ name = name, events = events }, ticks, stop)
end
"""
_ROWS = st.lists(
    st.tuples(
        st.integers(0, 1 << 27),
        st.sampled_from([0x90, 0x80, 0xB0]),
        st.integers(0, 15),
        st.integers(0, 127),
        st.integers(0, 127),
    ),
    max_size=40,
)


def write(part: str, rows: list[tuple[int, int, int, int, int]], ticks: int, stop: int) -> mido.MidiFile:
    lua = lua53.LuaRuntime(encoding=None)
    source = (REAPER_SCRIPTS / "lib" / "shared" / "smf.lua").read_bytes()
    table = lua.table_from([lua.table_from(row) for row in rows])
    return mido.MidiFile(file=io.BytesIO(bytes(lua.eval(_WRITE)(source, part.encode(), table, ticks, stop))))


@given(_ROWS, st.integers(1, 0x7FFF), st.integers(0, 1 << 27))
def test_every_event_lies_at_its_tick(rows: list[tuple[int, int, int, int, int]], ticks: int, stop: int) -> None:
    file = write("Bass MIDI", rows, ticks, stop)
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (0, ticks, 1)
    now, found, end = 0, [], 0
    for message in file.tracks[0]:
        now += message.time
        if message.type == "end_of_track":
            end = now
        elif message.is_meta:
            assert (message.type, message.name, now) == ("track_name", "Bass MIDI", 0)
        else:
            status, first, second = message.bytes()
            found.append((now, status & 0xF0, status & 0x0F, first, second))
    assert found == sorted(rows, key=lambda row: row[0]), "events of one tick keep their order"
    assert end == max([stop, *(row[0] for row in rows)])
