-- Writes Standard MIDI Files of format 1: a track with tempos and meters, and one for each part. A part alone is one of format 0.
--
-- A song is { tempos = { {quarter, bpm} … }, meters = { {quarter, beats, unit} … }, parts = { {name, events} … }, stop }; an event is
-- { quarter, bytes of the message }. Quarters count from the start of the song, and `stop` is where it ends.

return function()
  local M = {}

  local TICKS = 960 -- a quarter
  local MICROSECONDS_OF_A_MINUTE = 60000000
  local MOST_TEMPO = 0xFFFFFF

  --- A number in bytes of seven bits.
  local function number(value)
    local bytes = string.char(value & 0x7F)
    value = value >> 7
    while value > 0 do
      bytes, value = string.char(value & 0x7F | 0x80) .. bytes, value >> 7
    end
    return bytes
  end

  local function meta(kind, text) return string.char(0xFF, kind) .. number(#text) .. text end

  local function power_of_two(unit)
    local power = 0
    while 1 << power < unit do power = power + 1 end
    return power
  end

  --- A chunk of a track. Events of one time keep their order; `stop` is the tick of its end.
  local function track(events, stop)
    for order, event in ipairs(events) do event.order = order end
    table.sort(events, function(a, b)
      if a.tick ~= b.tick then return a.tick < b.tick end
      return a.order < b.order
    end)
    local body, now = {}, 0
    for _, event in ipairs(events) do
      body[#body + 1] = number(event.tick - now) .. event.bytes
      now = event.tick
    end
    body[#body + 1] = number(math.max(0, stop - now)) .. meta(0x2F, "")
    local text = table.concat(body)
    return "MTrk" .. string.pack(">I4", #text) .. text
  end

  local function tick_of(quarter) return math.max(0, math.floor(quarter * TICKS + 0.5)) end
  M.tick = tick_of

  function M.tempo(bpm)
    local microseconds = math.min(MOST_TEMPO, math.floor(MICROSECONDS_OF_A_MINUTE / bpm + 0.5))
    return meta(0x51, string.pack(">I3", microseconds))
  end

  function M.meter(beats, unit) return meta(0x58, string.char(beats & 0xFF, power_of_two(unit), 24, 8)) end

  --- A message of a channel, which counts from 0; `status` is without it.
  function M.message(status, channel, first, second)
    if second then return string.char(status | channel, first, second) end
    return string.char(status | channel, first)
  end

  local function head(format, tracks, ticks) return "MThd" .. string.pack(">I4I2I2I2", 6, format, tracks, ticks) end

  --- The bytes of a file of one part without tempos and meters. Its events have a `tick` instead of a quarter; `ticks`: how many of
  --- them are a quarter; `stop`: the tick where it ends.
  function M.encode_part(part, ticks, stop)
    local events = { { tick = 0, bytes = meta(0x03, part.name) } }
    for _, event in ipairs(part.events) do events[#events + 1] = { tick = event.tick, bytes = event.bytes } end
    return head(0, 1, ticks) .. track(events, stop)
  end

  --- The bytes of a file.
  function M.encode(song)
    local stop = tick_of(song.stop)
    local conductor = {}
    for _, tempo in ipairs(song.tempos) do conductor[#conductor + 1] = { tick = tick_of(tempo.quarter), bytes = M.tempo(tempo.bpm) } end
    for _, meter in ipairs(song.meters) do
      conductor[#conductor + 1] = { tick = tick_of(meter.quarter), bytes = M.meter(meter.beats, meter.unit) }
    end
    local chunks = { head(1, #song.parts + 1, TICKS), track(conductor, stop) }
    for _, part in ipairs(song.parts) do
      local events = { { tick = 0, bytes = meta(0x03, part.name) } }
      for _, event in ipairs(part.events) do events[#events + 1] = { tick = tick_of(event.quarter), bytes = event.bytes } end
      chunks[#chunks + 1] = track(events, stop)
    end
    return table.concat(chunks)
  end

  return M
end
