-- What is done with facts: ranges, tempo, markers, scores. See `place`. Ardour lets no script undo markers, ranges and tempo.

return function(import)
  local findings = import("shared/findings")
  local session = import("session")
  local whereabouts = import("whereabouts")
  local M = {}

  local MOVED = "The music was edited meanwhile; the %s lie where it was."

  local function origin(plan)
    local shift, edited = whereabouts.common_shift(plan.place.origins, session.find_track)
    return plan.place.first + shift, edited
  end

  --- Ranges named by the sections of a song and by its lines.
  function M.ranges(plan, result)
    local found = result.parts[1].takes[1].metadata
    local lines, sections, remedy = findings.lines(found)
    if not lines then return nil, sections, remedy end
    local first, edited = origin(plan)
    local function add(span, name)
      local range = Session:locations():add_range(session.at(first + session.frames(span.start_s)), session.at(first + session.frames(span.end_s)))
      range:set_name(name)
    end
    return function()
      for _, section in ipairs(sections) do add(section, ("[%s]"):format(section.name)) end
      for _, line in ipairs(lines) do add(line, line.text) end
      return edited and MOVED:format("ranges") or ""
    end
  end

  local function set_tempo(position, bpm)
    local writable = Temporal.TempoMap.write_copy or Temporal.TempoMap.fetch_writable
    local map = writable()
    map:set_tempo(Temporal.Tempo(bpm, bpm, 4), session.at(position))
    Temporal.TempoMap.update(map)
  end

  --- Add a marker at a sample.
  function M.add_marker(position, name)
    Editor:mouse_add_new_marker(session.at(position), ARDOUR.LocationFlags.IsMark, 0)
    local mark = Session:locations():mark_at(session.at(position), Temporal.timecnt_t(0))
    if mark then mark:set_name(name) end
  end

  --- Tempo, meter and key in words; tempo from the first bar on and chord markers where they were asked for.
  function M.analysis(plan, result)
    local found = result.parts[1].takes[1].metadata
    local summary, why, remedy = findings.describe(found)
    if not summary then return nil, why, remedy end
    local first, edited = origin(plan)
    return function()
      local notes = { "Heard: " .. summary .. "." }
      if plan.place.tempo and found.bpm then
        if findings.is_sure(found, "tempo") then
          set_tempo(first + session.frames(findings.first_beat(found)), findings.tempo(found))
        else
          notes[2] = "The tempo is not certain: it was not set."
        end
      end
      for _, chord in ipairs(plan.place.markers and found.chords or {}) do M.add_marker(first + session.frames(chord.start_s), chord.name) end
      if edited then notes[#notes + 1] = MOVED:format("tempo and markers") end
      return table.concat(notes, "\n")
    end
  end

  --- Scores of a track's playlists, in words; the best one plays.
  function M.scores(plan, result)
    local one = session.find_track(plan.place.track)
    if not one then return nil, "The scored track is no longer in the session.", "Undo what removed it." end
    local lines, top = findings.rank(result.parts)
    for _, line in ipairs(plan.place.left_out) do lines[#lines + 1] = line end
    local best = top and session.find_playlist(plan.place.playlists[top])
    return function()
      if best then session.play(one.track, best) end
      return table.concat(lines, "\n")
    end
  end

  return M
end
