-- Ardour's musical time in ticks, as whole numbers: 1920 of them are a quarter, and the session begins with tick 0. Tempos and
-- meters along them.

return function(import)
  local session = import("session")
  local M = {}

  M.QUARTER = 1920 -- Ardour's own number
  local STEP = M.QUARTER // 4 -- in which a stretch is looked at for changes: bars and tempos begin on such a tick
  local SAME = 1e-9 -- share of a tempo that makes no difference
  local MOST_BAR = 1 << 16

  local function position(tick) return Temporal.timepos_t.from_ticks(tick) end
  M.position = position

  --- The ticks of a number of beats: Ardour 7 tells it only as a text, quarters and ticks.
  function M.count(beats)
    local text = tostring(beats)
    local quarters, ticks = text:match("^(%-?%d+):(%d+)$")
    if not quarters then error(("Ardour says %q for a number of beats; expected: quarters:ticks"):format(text), 0) end
    return tonumber(quarters) * M.QUARTER + tonumber(ticks)
  end

  --- The ticks of a position of Ardour's.
  function M.of(place) return M.count(Temporal.TempoMap.read():quarters_at(place)) end

  --- The sample at a tick.
  function M.sample(tick)
    return Temporal.TempoMap.read():sample_at_beats(Temporal.Beats(tick // M.QUARTER, tick % M.QUARTER))
  end

  --- The tick that is nearest to a sample.
  function M.at(sample)
    local tick = M.of(session.at(math.floor(sample + 0.5)))
    local best, distance = tick, math.huge
    for near = math.max(0, tick - 1), tick + 1 do
      local off = math.abs(M.sample(near) - sample)
      if off < distance then best, distance = near, off end
    end
    return best
  end

  --- The edges of a stretch, and the steps between them, as ticks.
  local function edges_of(first, last)
    local edges, at = { first }, (first // STEP + 1) * STEP
    while at < last do
      edges[#edges + 1], at = at, at + STEP
    end
    edges[#edges + 1] = last
    return edges
  end

  --- The tempo between two ticks: where it changes in between, the one that lasts as long.
  local function tempo_between(map, first, last)
    local bpm = map:quarters_per_minute_at(position(first))
    if math.abs(map:quarters_per_minute_at(position(last - 1)) / bpm - 1) < SAME then return bpm end
    local seconds = (M.sample(last) - M.sample(first)) / session.rate()
    return 60 * (last - first) / M.QUARTER / seconds
  end

  --- The tempos between two ticks: { {quarter, bpm} … }, in quarters from the first one on. A tempo that glides is many steps.
  function M.tempos(first, last)
    local map, tempos, edges = Temporal.TempoMap.read(), {}, edges_of(first, last)
    for i = 1, #edges - 1 do
      local bpm, known = tempo_between(map, edges[i], edges[i + 1]), tempos[#tempos]
      if not known or math.abs(bpm / known.bpm - 1) > SAME then
        tempos[#tempos + 1] = { quarter = (edges[i] - first) / M.QUARTER, bpm = bpm }
      end
    end
    return tempos
  end

  --- Where the first bar line at or behind a tick lies.
  local function next_bar(map, tick)
    local low, high = 0, MOST_BAR
    while high - low > 1 do
      local middle = (low + high) // 2
      if M.count(map:quarters_at_bbt(Temporal.BBT_TIME(middle, 1, 0))) < tick then low = middle else high = middle end
    end
    return M.count(map:quarters_at_bbt(Temporal.BBT_TIME(high, 1, 0)))
  end

  --- The meters between two ticks: { {quarter, beats, unit} … }. Where the stretch begins within a bar, the rest of it is a bar of
  --- its own.
  function M.meters(first, last)
    local map, meters, edges = Temporal.TempoMap.read(), {}, edges_of(first, last)
    local line = next_bar(map, first)
    for i = 1, #edges - 1 do
      local meter, known = map:meter_at(position(edges[i])), meters[#meters]
      local beats, unit = math.floor(meter:divisions_per_bar()), math.floor(meter:note_value())
      if not known then
        local left = math.floor((line - first) / M.QUARTER * unit / 4 + 0.5)
        if left > 0 and left < beats then
          meters[1], known = { quarter = 0, beats = left, unit = unit }, { beats = beats, unit = unit }
          meters[2] = { quarter = (line - first) / M.QUARTER, beats = beats, unit = unit }
        end
      end
      if not known or known.beats ~= beats or known.unit ~= unit then
        meters[#meters + 1] = { quarter = (edges[i] - first) / M.QUARTER, beats = beats, unit = unit }
      end
    end
    return meters
  end

  return M
end
