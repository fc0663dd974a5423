-- Chords that markers and regions of a project name, as the text of a chart: see `shared/chord_names`.

return function(import)
  local budget = import("budget")
  local chord_names = import("shared/chord_names")
  local M = {}

  --- Markers and regions of a stretch of time whose names are chords: { {at, name} … }, in their order, and the names that are
  --- letters of sections, see `shared/chord_names`.
  function M.find(project, start, stop)
    local found, index = {}, 0
    while true do
      local next_index, is_region, at, region_stop, name = reaper.EnumProjectMarkers3(project, index)
      budget.spend(1)
      if next_index == 0 then break end
      local last = is_region and region_stop or at + 2 * chord_names.TOUCH_S
      local is_inside = at < stop - chord_names.TOUCH_S and last > start + chord_names.TOUCH_S
      if is_inside and chord_names.is_chord(name) then found[#found + 1] = { at = at, name = name } end
      index = next_index
    end
    table.sort(found, function(a, b) return a.at < b.at end)
    return chord_names.sort_out(found)
  end

  --- The chart of a stretch of time, the beats of its bars and how many chords it has; nil where nothing there names a chord, or in
  --- a meter that no engine plays. The last value are the names that are letters of sections. `is_new`: bars are counted from the start of the stretch; else from the project's bar line there, as what is heard.
  function M.chart(project, start, stop, is_new)
    local rows, letters = M.find(project, start, stop)
    local beats, unit = reaper.TimeMap_GetTimeSigAtTime(project, start)
    if #rows == 0 or not chord_names.METERS[beats] then return nil, nil, 0, letters end
    local beat_quarters = 4 / unit
    local first = reaper.TimeMap2_timeToQN(project, start)
    if not is_new then
      local inside = reaper.TimeMap2_timeToBeats(project, start)
      first = first + (math.floor(inside / beats + chord_names.EARLY + 1e-6) * beats - inside) * beat_quarters
    end
    local quarters = reaper.TimeMap2_timeToQN(project, stop) - first
    local bars = chord_names.count_bars(quarters / (beats * beat_quarters))
    budget.spend(bars * beats + 4)
    local function time_of(beat) return reaper.TimeMap2_QNToTime(project, first + beat * beat_quarters) end
    local late = chord_names.LATE * beat_quarters * 60 / select(3, reaper.TimeMap_GetTimeSigAtTime(project, start))
    return chord_names.chart(rows, bars, beats, time_of, late), beats, #rows, letters
  end

  --- What the names in a stretch of time are taken for, in words; nil where none is a chord.
  function M.describe(project, start, stop)
    local _, _, number, letters = M.chart(project, start, stop)
    return chord_names.describe(number, letters, "markers and regions")
  end

  return M
end
