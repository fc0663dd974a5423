-- The notes of selected MIDI regions as a MIDI file, with the session's tempos and meters, for new music that follows them.
--
-- Notes are read as they lie in the session: what a region cuts off is left out. The sustain pedal goes along; programs do not, for
-- Ardour's Lua cannot read them. Nothing is bounced: the notes are what is sent, whatever instrument plays them.

return function(import)
  local beats = import("beats")
  local session = import("session")
  local smf = import("shared/smf")
  local M = {}

  local NOTE_OFF, NOTE_ON, CONTROL, SUSTAIN = 0x80, 0x90, 0xB0, 64
  local MOST_NOTES = 100000
  local SHORTEST = 4 -- ticks; two of the file, so that no note ends where it begins

  --- Where a region plays, and by how many ticks its source lies before the session: { from, to, shift }.
  local function place_of(region)
    local from = beats.of(region:position())
    return { from = from, to = beats.of(region:position() + region:length()), shift = from - beats.of(region:start()) }
  end

  --- The events of the sustain pedal of a channel.
  local function add_pedal(events, region, place, channel, first, last)
    local parameter = Evoral.Parameter(ARDOUR.AutomationType.MidiCCAutomation, channel, SUSTAIN)
    local control = region:control(parameter, false)
    if control:isnil() then return end
    for event in control:list():events():iter() do
      local tick = beats.of(event.when) + place.shift
      if tick >= math.max(first, place.from) and tick < math.min(last, place.to) then
        events[#events + 1] = {
          quarter = (tick - first) / beats.QUARTER, bytes = smf.message(CONTROL, channel, SUSTAIN, math.floor(event.value)),
        }
      end
    end
  end

  --- The events of a region between two ticks of the session, and those that begin notes, which come behind them where the time is
  --- one: notes end, then the pedal moves, then others begin.
  local function events_of(region, first, last)
    local place, ons, events, channels = place_of(region), {}, {}, {}
    local from, to = math.max(first, place.from), math.min(last, place.to)
    for note in ARDOUR.LuaAPI.note_list(region:midi_source(0):model()):iter() do
      local tick, channel = beats.count(note:time()) + place.shift, math.floor(note:channel())
      if tick >= from and tick < to then
        local stop = math.max(math.min(tick + beats.count(note:length()), to), tick + SHORTEST)
        local pitch, velocity = math.floor(note:note()), math.floor(note:velocity())
        ons[#ons + 1] = { quarter = (tick - first) / beats.QUARTER, bytes = smf.message(NOTE_ON, channel, pitch, velocity) }
        events[#events + 1] = { quarter = (stop - first) / beats.QUARTER, bytes = smf.message(NOTE_OFF, channel, pitch, 0) }
        channels[channel] = true
      end
    end
    for channel = 0, 15 do
      if channels[channel] then add_pedal(events, region, place, channel, first, last) end
    end
    return events, ons
  end

  --- The notes of regions ({ {region, name} … }) between two samples as the bytes of a file; nil and a message where there are
  --- none, or too many.
  function M.file(regions, from, to)
    local first, last = beats.at(from), beats.at(to)
    local parts, notes = {}, 0
    for number, one in ipairs(regions) do
      local events, ons = events_of(one.region, first, last)
      notes = notes + #ons
      table.move(ons, 1, #ons, #events + 1, events)
      parts[number] = { name = one.name, events = events }
    end
    if notes == 0 then return nil, "The selected MIDI regions hold no notes there." end
    if notes > MOST_NOTES then return nil, ("The regions hold %d notes; allowed: at most %d."):format(notes, MOST_NOTES) end
    return smf.encode({
      parts = parts, stop = (last - first) / beats.QUARTER, tempos = beats.tempos(first, last), meters = beats.meters(first, last),
    })
  end

  --- Where regions begin and end, in samples.
  function M.span(regions)
    local from, to = math.huge, -math.huge
    for _, one in ipairs(regions) do
      local first = session.samples(one.region:position())
      from, to = math.min(from, first), math.max(to, session.samples(one.region:position() + one.region:length()))
    end
    return from, to
  end

  --- What has to be known before the notes of a selection are followed; nil: there are none.
  function M.notice(selected)
    local count = #selected.midi
    if count == 0 then return nil end
    return count == 1 and "1 MIDI region is followed" or count .. " MIDI regions are followed"
  end

  return M
end
