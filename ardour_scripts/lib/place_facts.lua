-- What is done with facts: ranges, tempo, markers. See `place`. Ardour lets no script undo markers, ranges and tempo.

return function(import)
  local session = import("session")
  local whereabouts = import("whereabouts")
  local M = {}

  local MOVED = "The music was edited meanwhile; the %s lie where it was."

  local function origin(plan)
    local shift, edited = whereabouts.common_shift(plan.place.origins, session.find_track)
    return plan.place.first + shift, edited
  end

  local function frames(seconds) return math.floor(seconds * session.rate() + 0.5) end

  --- Ranges named by the sections of a song and by its lines.
  function M.ranges(plan, result)
    local found = result.parts[1].takes[1].metadata
    local lines, sections = found.lines or {}, found.sections or {}
    if #lines == 0 then
      return nil, found.lrc_missing or "No line of the lyrics was heard.", "Check that the lyrics belong to this audio."
    end
    local first, edited = origin(plan)
    local function add(span, name)
      local range = Session:locations():add_range(session.at(first + frames(span.start_s)), session.at(first + frames(span.end_s)))
      range:set_name(name)
    end
    return function()
      for _, section in ipairs(sections) do add(section, ("[%s]"):format(section.name)) end
      for _, line in ipairs(lines) do add(line, line.text) end
      return edited and MOVED:format("ranges") or ""
    end
  end

  local function is_sure(found, finding) return ((found.certainty or {})[finding] or "sure") == "sure" end

  --- What was heard, in words; "" for nothing.
  local function describe(found)
    local parts = {}
    local function add(finding, form, value)
      if value then parts[#parts + 1] = (is_sure(found, finding) and "" or "perhaps ") .. form:format(value) end
    end
    add("tempo", "%.1f BPM", found.bpm)
    add("meter", "%d/4", found.timesignature)
    add("key", "%s", found.keyscale)
    return table.concat(parts, ", ")
  end

  local CLOSE_BPM = 0.05 -- nearer to a whole number than can be heard: most music is made on a grid of whole tempos

  local function set_tempo(position, bpm)
    local whole = math.floor(bpm + 0.5)
    if math.abs(bpm - whole) < CLOSE_BPM then bpm = whole end
    local writable = Temporal.TempoMap.write_copy or Temporal.TempoMap.fetch_writable
    local map = writable()
    map:set_tempo(Temporal.Tempo(bpm, bpm, 4), session.at(position))
    Temporal.TempoMap.update(map)
  end

  local function add_marker(position, name)
    Editor:mouse_add_new_marker(session.at(position), ARDOUR.LocationFlags.IsMark, 0)
    local mark = Session:locations():mark_at(session.at(position), Temporal.timecnt_t(0))
    if mark then mark:set_name(name) end
  end

  --- Tempo, meter and key in words; tempo from the first bar on and chord markers where they were asked for.
  function M.analysis(plan, result)
    local found = result.parts[1].takes[1].metadata
    local summary = describe(found)
    if summary == "" then return nil, "Neither a tempo nor a key is heard in this audio.", "Select a longer or louder part of it." end
    local first, edited = origin(plan)
    return function()
      local beat = (found.downbeats or {})[1] or (found.beats or {})[1] or 0
      local notes = { "Heard: " .. summary .. "." }
      if plan.place.tempo and found.bpm then
        if is_sure(found, "tempo") then set_tempo(first + frames(beat), found.bpm) else notes[2] = "The tempo is not certain: it was not set." end
      end
      for _, chord in ipairs(plan.place.markers and found.chords or {}) do add_marker(first + frames(chord.start_s), chord.name) end
      if edited then notes[#notes + 1] = MOVED:format("tempo and markers") end
      return table.concat(notes, "\n")
    end
  end

  return M
end
