-- Chords that markers and ranges of a session name, as the text of a chart: see `shared/chord_names`.

return function(import)
  local chord_names = import("shared/chord_names")
  local session = import("session")
  local M = {}

  local MOST_BAR = 1 << 16

  --- Markers and ranges of a stretch whose names are chords: { {at, name} … }, in their order, positions in samples; and the names
  --- that are letters of sections, see `shared/chord_names`.
  local function find(from, to)
    local found, touch = {}, session.frames(chord_names.TOUCH_S)
    for place in Session:locations():list():iter() do
      local is_mark, is_range = place:is_mark(), place:is_range_marker()
      if (is_mark or is_range) and not place:is_hidden() and chord_names.is_chord(place:name()) then
        local at = session.samples(place:start())
        local last = is_range and session.samples(place:_end()) or at + 2 * touch
        if at < to - touch and last > from + touch then found[#found + 1] = { at = at, name = place:name() } end
      end
    end
    table.sort(found, function(a, b) return a.at < b.at end)
    return chord_names.sort_out(found)
  end

  --- The bar in which a position lies, or the next one where it lies just before that.
  local function bar_near(position)
    local low, high = 1, MOST_BAR
    while high - low > 1 do
      local middle = (low + high) // 2
      if session.bar_at(middle) <= position then low = middle else high = middle end
    end
    local first, next_first = session.bar_at(low), session.bar_at(low + 1)
    return (position - first) / (next_first - first) >= 1 - chord_names.EARLY and low + 1 or low
  end

  --- When the beats of a stretch of new music begin: from its start on, at the tempo there.
  local function steady(from, bpm, unit)
    local beat_frames = 60 / bpm * 4 / unit * session.rate()
    return function(beat) return from + beat * beat_frames end
  end

  --- When the beats of the session begin, from a bar on.
  local function along_bars(bar, beats)
    return function(beat)
      local first = session.bar_at(bar + beat // beats)
      return first + (beat % beats) * (session.bar_at(bar + beat // beats + 1) - first) / beats
    end
  end

  --- The chart of a stretch, the beats of its bars and how many chords it has; nil where nothing there names a chord, or in a meter that no engine plays.
  --- `is_new`: bars are counted from the start of the stretch; else from the session's bar line there, as what is heard.
  function M.chart(from, to, is_new)
    local rows, letters = find(from, to)
    local bpm, beats, unit = session.tempo_at(from)
    if #rows == 0 or not chord_names.METERS[beats] then return nil, nil, 0, letters end
    local time_of = is_new and steady(from, bpm, unit) or along_bars(bar_near(from), beats)
    local bar_frames = session.bars(1, from)
    local bars = chord_names.count_bars((to - time_of(0)) / bar_frames)
    return chord_names.chart(rows, bars, beats, time_of, chord_names.LATE * bar_frames / beats), beats, #rows, letters
  end

  --- What the names in a stretch are taken for, in words; nil where none is a chord.
  function M.describe(from, to)
    local _, _, number, letters = M.chart(from, to)
    return chord_names.describe(number, letters, "markers and ranges")
  end

  return M
end
