-- The notes of selected MIDI items as a MIDI file, with the project's tempo and meter, for new music that follows them.
--
-- Notes are read as they lie in the project: what an item cuts off is left out, loops are repeated, muted notes are silent. The
-- sustain pedal and programs go along. Nothing is rendered: the notes are what is sent, whatever instrument plays them.

return function(import)
  local budget = import("budget")
  local smf = import("shared/smf")
  local tracks_of = import("project/tracks")
  local M = {}

  local NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
  local RANKS = { [NOTE_OFF] = 1, [PROGRAM] = 2, [CONTROL] = 3, [NOTE_ON] = 4 } -- order of events at one time
  local SUSTAIN = 64
  local STEP = 0.25 -- quarters between the tempos of a tempo that glides
  local SAME = 1e-6 -- quarters, and share of a tempo, that make no difference
  local MOST_NOTES = 100000

  --- The selected items whose active take is MIDI, in a stretch of time that they are chosen for; empty where there are none.
  function M.items(selected)
    local found = {}
    if not selected.chosen or selected.conflict then return found end
    for _, item in ipairs(selected.items) do
      local take = reaper.GetActiveTake(item)
      if take and reaper.TakeIsMIDI(take) then found[#found + 1] = item end
      budget.spend(2)
    end
    return found
  end

  --- Where the items begin and end, in seconds of the project.
  function M.span(items)
    local start, stop = math.huge, -math.huge
    for _, item in ipairs(items) do
      local from = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
      start, stop = math.min(start, from), math.max(stop, from + reaper.GetMediaItemInfo_Value(item, "D_LENGTH"))
    end
    return start, stop
  end

  --- How often a take of an item is repeated, as the length of one repetition in quarters; 0: not at all.
  local function loop_of(item, take)
    if reaper.GetMediaItemInfo_Value(item, "B_LOOPSRC") == 0 then return 0 end
    local length, in_quarters = reaper.GetMediaSourceLength(reaper.GetMediaItemTake_Source(take))
    if not in_quarters or length <= SAME then return 0 end
    return length / reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
  end

  --- The quarters at which an event of a take lies between two quarters of the project: one, or one for each repetition.
  local function places(quarter, loop, first, last)
    if loop == 0 then return { quarter } end
    local found = {}
    local at = quarter + math.ceil((first - quarter) / loop - SAME) * loop
    while at < last - SAME do
      found[#found + 1] = at
      at = at + loop
    end
    return found
  end

  --- The events of an item's active take between two quarters of the project, from the first on; nil and a message where they are
  -- too many.
  local function events_of(item, first, last, total)
    local project, take = reaper.GetItemProjectContext(item), reaper.GetActiveTake(item)
    local start = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
    local begin = math.max(first, reaper.TimeMap2_timeToQN(project, start))
    local stop = math.min(last, reaper.TimeMap2_timeToQN(project, start + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")))
    local loop = loop_of(item, take)
    local events = {}
    local _, notes, controls = reaper.MIDI_CountEvts(take)
    for i = 0, controls - 1 do
      local ok, _, muted, position, status, channel, number, value = reaper.MIDI_GetCC(take, i)
      budget.spend(2)
      local quarter = ok and reaper.MIDI_GetProjQNFromPPQPos(take, position)
      local is_pedal = status == CONTROL and number == SUSTAIN
      if ok and not muted and (is_pedal or status == PROGRAM) then
        for _, at in ipairs(places(quarter, loop, begin, stop)) do
          if at < stop and (at >= begin or status == PROGRAM) then
            events[#events + 1] = { quarter = math.max(0, at - first), bytes = smf.message(status, channel, number, is_pedal and value) }
          end
        end
      end
    end
    for i = 0, notes - 1 do
      local ok, _, muted, from, to, channel, pitch, velocity = reaper.MIDI_GetNote(take, i)
      budget.spend(3)
      if ok and not muted then
        local quarter = reaper.MIDI_GetProjQNFromPPQPos(take, from)
        local length = reaper.MIDI_GetProjQNFromPPQPos(take, to) - quarter
        for _, at in ipairs(places(quarter, loop, begin, stop)) do
          if at >= begin - SAME and at < stop - SAME then
            total.notes = total.notes + 1
            if total.notes > MOST_NOTES then return nil, ("The items hold more than %d notes; select fewer."):format(MOST_NOTES) end
            events[#events + 1] = { quarter = at - first, bytes = smf.message(NOTE_ON, channel, pitch, velocity) }
            events[#events + 1] = { quarter = math.min(at + length, stop) - first, bytes = smf.message(NOTE_OFF, channel, pitch, 0) }
          end
        end
      end
    end
    for order, event in ipairs(events) do event.tick, event.order = smf.tick(event.quarter), order end
    table.sort(events, function(a, b)
      if a.tick ~= b.tick then return a.tick < b.tick end
      local one, other = RANKS[a.bytes:byte() & 0xF0], RANKS[b.bytes:byte() & 0xF0]
      if one ~= other then return one < other end
      return a.order < b.order
    end)
    return events
  end

  --- The quarters between `first` and `last` at which the tempo or the meter may change, and whether it glides on the way.
  local function changes_of(project, first, last)
    local marks, glides = { first }, false
    for i = 0, reaper.CountTempoTimeSigMarkers(project) - 1 do
      local ok, time, _, _, _, _, _, linear = reaper.GetTempoTimeSigMarker(project, i)
      budget.spend(3)
      local quarter = ok and reaper.TimeMap2_timeToQN(project, time)
      if ok and quarter > first + SAME and quarter < last - SAME then marks[#marks + 1] = quarter end
      glides = glides or ok and linear and quarter < last
    end
    return marks, glides
  end

  --- The tempos between two quarters, each from a quarter of the song on. A tempo that glides is many steps.
  local function tempos_of(project, marks, glides, first, last)
    local edges = { table.unpack(marks) }
    local at = first + STEP
    while glides and at < last do
      edges[#edges + 1], at = at, at + STEP
      budget.spend(1)
    end
    table.sort(edges)
    edges[#edges + 1] = last
    local tempos = {}
    for i = 1, #edges - 1 do
      local length = edges[i + 1] - edges[i]
      if length > SAME then
        local seconds = reaper.TimeMap2_QNToTime(project, edges[i + 1]) - reaper.TimeMap2_QNToTime(project, edges[i])
        local bpm = 60 * length / seconds
        local known = tempos[#tempos]
        if not known or math.abs(bpm / known.bpm - 1) > SAME then tempos[#tempos + 1] = { quarter = edges[i] - first, bpm = bpm } end
        budget.spend(2)
      end
    end
    return tempos
  end

  --- The meters from a quarter on. Where the song begins within a bar, the rest of it is a bar of its own.
  local function meters_of(project, marks, first)
    local meters = {}
    local function add(quarter, beats, unit)
      local known = meters[#meters]
      if known and known.beats == beats and known.unit == unit then return end
      if known and quarter - known.quarter < SAME then meters[#meters] = nil end
      meters[#meters + 1] = { quarter = quarter, beats = beats, unit = unit }
    end
    for _, mark in ipairs(marks) do
      local time = reaper.TimeMap2_QNToTime(project, mark)
      local beats, unit = reaper.TimeMap_GetTimeSigAtTime(project, time + SAME)
      budget.spend(2)
      if mark == first then
        local passed = reaper.TimeMap2_timeToBeats(project, time + SAME) -- of the bar, in its beats
        local left = math.floor(beats - passed + 0.5)
        if left > 0 and left < beats then
          add(0, left, unit)
          add(left * 4 / unit, beats, unit)
        else
          add(0, beats, unit)
        end
      else
        add(mark - first, beats, unit)
      end
    end
    return meters
  end

  --- The notes of MIDI items between two times as the bytes of a file; nil and a message where there are none, or too many.
  function M.file(project, items, start, stop)
    local first, last = reaper.TimeMap2_timeToQN(project, start), reaper.TimeMap2_timeToQN(project, stop)
    local total, parts = { notes = 0 }, {}
    for _, item in ipairs(items) do
      local events, why = events_of(item, first, last, total)
      if not events then return nil, why end
      parts[#parts + 1] = { name = tracks_of.name(reaper.GetMediaItem_Track(item)), events = events }
    end
    if total.notes == 0 then return nil, "The selected MIDI items hold no notes there." end
    local marks, glides = changes_of(project, first, last)
    local song = { parts = parts, stop = last - first, tempos = tempos_of(project, marks, glides, first, last), meters = meters_of(project, marks, first) }
    return smf.encode(song)
  end

  --- What has to be known before the notes of a selection are followed: how many items they are of; nil: none.
  function M.notice(selected)
    local count = #M.items(selected)
    if count == 0 then return nil end
    return count == 1 and "1 MIDI item is followed" or count .. " MIDI items are followed"
  end

  return M
end
