-- Tempo, meter and key of a stretch of a project, and bars in seconds.

return function(import)
  local budget = import("budget")
  local chord_names = import("shared/chord_names")
  local M = {}

  local DEFAULT_BPM = 120 -- what a project has when nobody ever set its tempo

  --- Tempo changes in force between two times: { {time_s, bpm, beats, unit, linear} … }, the first one at `start`.
  function M.changes(project, start, stop)
    local beats, unit, bpm = reaper.TimeMap_GetTimeSigAtTime(project, start)
    local found = { { time_s = start, bpm = bpm, beats = beats, unit = unit, linear = false } }
    for i = 0, reaper.CountTempoTimeSigMarkers(project) - 1 do
      local ok, time, _, _, marker_bpm, _, _, linear = reaper.GetTempoTimeSigMarker(project, i)
      budget.spend(2)
      if ok and time <= start then found[1].linear = linear end
      if ok and time > start and time < stop then
        local num, den = reaper.TimeMap_GetTimeSigAtTime(project, time)
        found[#found + 1] = { time_s = time, bpm = marker_bpm, beats = num, unit = den, linear = linear }
      end
    end
    return found
  end

  --- Whether somebody chose this project's tempo: a project nobody touched says 120, whatever its audio plays.
  local function is_selected(project, changes)
    return reaper.CountTempoTimeSigMarkers(project) > 0 or math.abs(changes[1].bpm - DEFAULT_BPM) > 1e-6
      or M.key(project) ~= nil
  end

  --- The key found by the last analysis of this project, such as "A minor", or nil.
  function M.key(project)
    local known, key = reaper.GetProjExtState(project, "AceBridge", "key")
    return known > 0 and key ~= "" and key or nil
  end

  --- What to tell the engine about the music between two times. `free`: it has other ways to find out what
  -- the project does not know: a source to hear, a description. A tempo that changes on the way is left to these.
  function M.music(project, start, stop, free)
    local changes = M.changes(project, start, stop)
    local music = { keyscale = M.key(project) }
    if free and not is_selected(project, changes) then return music, changes end
    local first = changes[1]
    local steady = not first.linear
    for _, change in ipairs(changes) do
      steady = steady and math.abs(change.bpm - first.bpm) < 1e-6
    end
    local bpm = first.bpm * first.unit / 4 -- REAPER counts quarters, an engine the beats of the meter
    local fits = bpm >= 30 and bpm <= 300
    if (steady or not free) and fits then music.bpm = bpm end
    if chord_names.METERS[first.beats] and (fits or first.unit == 4) then music.timesignature = first.beats end
    return music, changes
  end

  --- The length of `bars` bars from `time` on, in seconds; negative bars go back.
  function M.bars(project, time, bars)
    local num, den = reaper.TimeMap_GetTimeSigAtTime(project, time)
    local quarters = bars * num * 4 / den
    local at = reaper.TimeMap2_timeToQN(project, time)
    return reaper.TimeMap2_QNToTime(project, at + quarters) - time
  end

  return M
end
