-- Notes that were heard in audio, as MIDI regions on new tracks: each note at the tick that is nearest to where it is heard, so
-- that it stays with the audio whatever the session's tempo does on the way. See `place`.
--
-- Ardour's Lua makes no MIDI region. A file whose ticks are those of the session becomes one by import, which leaves them as they are.

return function(import)
  local beats = import("beats")
  local files = import("shared/files")
  local heard = import("shared/notes_heard")
  local media = import("media")
  local session = import("session")
  local smf = import("shared/smf")
  local whereabouts = import("whereabouts")

  local NOTE_ON, NOTE_OFF, PROGRAM, DRUM_CHANNEL = 0x90, 0x80, 0xC0, 9
  local MOVED = "The music was edited meanwhile: the notes lie where it was."
  local GROUP = "MIDI"

  --- The events of a part of music that begins at a sample, in ticks behind `first`.
  local function events_of(part, from, first)
    local channel, events, ons = part.is_drums and DRUM_CHANNEL or 0, {}, {}
    if not part.is_drums then events[1] = { tick = 0, bytes = smf.message(PROGRAM, channel, math.floor(part.program or 0)) } end
    for _, note in ipairs(part.notes) do
      local start = beats.at(from + note.start_s * session.rate())
      local stop = math.max(start + 1, beats.at(from + note.end_s * session.rate()))
      local pitch = math.floor(note.pitch)
      events[#events + 1] = { tick = stop - first, bytes = smf.message(NOTE_OFF, channel, pitch, 0) }
      ons[#ons + 1] = { tick = start - first, bytes = smf.message(NOTE_ON, channel, pitch, math.floor(note.velocity)) }
    end
    return table.move(ons, 1, #ons, #events + 1, events) -- a note ends before the next one of its tick begins
  end

  --- A path in a folder that no file has: Ardour asks before it imports one a second time.
  local function free_path(folder, name)
    local path, number = files.join(folder, name .. ".mid"), 1
    while files.exists(path) do
      number = number + 1
      path = files.join(folder, ("%s %d.mid"):format(name, number))
    end
    return path
  end

  --- Have Ardour import a part; its region, or nil and a message.
  local function open(part, folder, from, first, last)
    local name = heard.track_name(part)
    local path = free_path(folder, name)
    local ok, why = files.write(path, smf.encode_part({ name = name, events = events_of(part, from, first) }, beats.QUARTER, last - first))
    if not ok then return nil, why end
    return media.import_midi(path)
  end

  return function(plan, result, folder)
    local facts = result.parts[1].takes[1].metadata
    local parts, length_s = heard.parts(facts)
    if #parts == 0 then return nil, heard.NONE, heard.REMEDY end
    local shift, edited = whereabouts.common_shift(plan.place.origins, session.find_track)
    local from = plan.place.first + shift
    local first, last = beats.at(from), beats.at(from + length_s * session.rate())
    local regions = {}
    for number, part in ipairs(parts) do
      local region, why = open(part, folder, from, first, last)
      if not region then return nil, why, 'Free some disk space, then run "AceBridge: Place results"; the result is kept.', true end
      regions[number] = region
    end
    return function()
      local tracks, anchor = {}, plan.place.anchor
      for number, part in ipairs(parts) do
        local track = media.new_midi_track(heard.track_name(part), anchor)
        local playlist = track:playlist()
        media.touch(playlist)
        media.lay_midi(playlist, regions[number], beats.position(first), beats.position(last), heard.track_name(part))
        tracks[number], anchor = track, session.id(track)
      end
      if #tracks > 1 then media.group(("%s: %s"):format(GROUP, plan.place.name), tracks) end
      local said = heard.describe(parts, facts)
      return edited and ("%s\n%s"):format(said, MOVED) or said
    end
  end
end
