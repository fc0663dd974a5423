-- MIDI items on new tracks, with the notes that were heard in audio. See `place/result`.
--
-- Notes lie where they are heard: each time in seconds becomes a position in quarters of the project, whose tempo may change on the
-- way, and that a position of REAPER's in the item. All events of an item are set in one call, so that a long song is one step.

return function(import)
  local budget = import("budget")
  local guid = import("project/guid")
  local heard = import("shared/notes_heard")
  local tracks = import("project/tracks")
  local undo = import("project/undo")
  local whereabouts = import("project/whereabouts")

  local PART_CALLS = 60 -- what a new track with a MIDI item costs at most
  local DRUM_CHANNEL = 9
  local NOTE_ON, NOTE_OFF, PROGRAM, ALL_OFF = 0x90, 0x80, 0xC0, 0xB0
  local FOLDER = "MIDI"

  --- The events of a part: { {quarters, message} … }, in quarters of the project, in their order.
  local function events_of(project, part, start)
    local channel, events = part.is_drums and DRUM_CHANNEL or 0, {}
    local function add(time, status, pitch, velocity)
      events[#events + 1] = {
        reaper.TimeMap2_timeToQN(project, time), status ~= NOTE_OFF and 1 or 0, #events,
        string.char(status | channel, math.floor(pitch), math.floor(velocity)),
      }
      budget.spend(1)
    end
    for _, note in ipairs(part.notes) do
      add(start + note.start_s, NOTE_ON, note.pitch, note.velocity)
      add(start + note.end_s, NOTE_OFF, note.pitch, 0)
    end
    table.sort(events, function(a, b)
      if a[1] ~= b[1] then return a[1] < b[1] end
      if a[2] ~= b[2] then return a[2] < b[2] end -- a note ends before the next one of its pitch begins
      return a[3] < b[3]
    end)
    return events
  end

  --- The events of a take as REAPER takes them: each as far behind the last as it comes after it, in parts of a quarter.
  local function pack(take, part, events, first, last)
    local zero = reaper.MIDI_GetPPQPosFromProjQN(take, first)
    local quarter = reaper.MIDI_GetPPQPosFromProjQN(take, first + 1) - zero
    local packed, now = {}, 0
    local function add(quarters, message)
      local at = math.max(now, math.floor(zero + (quarters - first) * quarter + 0.5))
      packed[#packed + 1] = string.pack("i4Bs4", at - now, 0, message)
      now = at
    end
    if not part.is_drums then add(first, string.char(PROGRAM, math.floor(part.program or 0))) end
    for _, event in ipairs(events) do add(event[1], event[4]) end
    add(last, string.char(ALL_OFF, 123, 0)) -- where the source ends
    return table.concat(packed)
  end

  local function units_of(project, found, parts)
    local units, last = {}, nil
    for number, part in ipairs(parts) do
      local spec, events = { name = heard.track_name(part) }, found.events[number]
      units[number] = {
        calls = PART_CALLS,
        is_there = function() return not last or reaper.ValidatePtr2(project, last, "MediaTrack*") end,
        change = function()
          local place = last and tracks.place_after(project, last) or found.after
          local made = tracks.insert_at(project, place, { spec }, number == 1 and #parts > 1 and FOLDER or nil)
          last = made[#made]
          local item = reaper.CreateNewMIDIItemInProj(last, found.start, found.stop, false) or error("no MIDI item could be made.", 0)
          local take = reaper.GetActiveTake(item)
          reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
          reaper.MIDI_SetAllEvts(take, pack(take, part, events, found.first_quarter, found.last_quarter))
          reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", spec.name, true)
          reaper.UpdateItemInProject(item)
        end,
      }
    end
    return units
  end

  --- The places in the project now: { anchor, after, start, stop, first_quarter, last_quarter, events, steps, edited }.
  local function look_up(project, request, parts, length)
    local place, found = request.place, { events = {} }
    found.anchor = place.anchor and guid.track(project, place.anchor)
    if place.anchor and not found.anchor then return found end
    found.after = tracks.place_after(project, found.anchor)
    local shift
    shift, found.edited = whereabouts.shift(project, place.sources)
    found.start = request.parts[1].position_s + shift
    found.stop = found.start + length
    found.first_quarter = reaper.TimeMap2_timeToQN(project, found.start)
    found.last_quarter = reaper.TimeMap2_timeToQN(project, found.stop)
    for number, part in ipairs(parts) do found.events[number] = events_of(project, part, found.start) end
    found.steps = undo.batches(units_of(project, found, parts))
    undo.reserve(found.steps)
    return found
  end

  return function(project, request, result)
    local facts = result.parts[1].takes[1].metadata
    local parts, length = heard.parts(facts)
    if #parts == 0 then return nil, heard.NONE, heard.REMEDY end
    local found = budget.observe(project, function() return look_up(project, request, parts, length) end, 100)
    if not found then return nil, "The project was closed.", 'Open it again, then run "AceBridge_Job list".', true end
    if request.place.anchor and not found.anchor then
      return nil, ("The track %s is no longer in the project."):format(request.place.anchor_name or ""),
        'Undo what removed it, then run "AceBridge_Job list"; the result is kept.', true
    end
    return {
      steps = found.steps,
      finish = function(lost)
        if lost > 0 then return ("The project was edited meanwhile, so that %s were left out."):format(heard.count(lost, "track")), true end
        if not found.edited then return heard.describe(parts, facts), false end
        return "The items were moved or stretched meanwhile; the notes lie where they were.", true
      end,
    }
  end
end
