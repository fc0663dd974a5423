-- What is done with facts: regions, tempo, markers, scores. See `place`.

return function(import)
  local guid = import("guid")
  local takes = import("takes")
  local whereabouts = import("whereabouts")
  local M = {}

  local TIME_BASE = 0 -- C_BEATATTACHMODE: stays where it is when the tempo changes

  local MOVED = "The items were moved or stretched meanwhile; the %s lie where they were."

  --- Regions named by the sections of a song and by its lines.
  function M.regions(of, request, result)
    local facts = result.parts[1].takes[1].metadata
    local lines, sections = facts.lines or {}, facts.sections or {}
    if #lines == 0 then
      return nil, facts.lrc_missing or "No line of the lyrics was heard.", "Check that the lyrics belong to this audio."
    end
    local shift, edited = whereabouts.shift(of, request.place.sources)
    local start = request.parts[1].position_s + shift
    local function region(project, span, name)
      reaper.AddProjectMarker2(project, true, start + span.start_s, start + span.end_s, name, -1, 0)
    end
    return function(project)
      for _, section in ipairs(sections) do region(project, section, ("[%s]"):format(section.name)) end
      for _, line in ipairs(lines) do region(project, line, line.text) end
      if edited then return MOVED:format("regions"), true end
      return ("%d lines, %d sections"):format(#lines, #sections)
    end
  end

  --- What was really heard: what an engine is not sure of at all is its default.
  local function sure(facts)
    local confidence = facts.confidence or {}
    local function unless_guessed(fact, about)
      return confidence[about] ~= 0 and fact or nil
    end
    return {
      bpm = unless_guessed(facts.bpm, "tempo"), timesignature = unless_guessed(facts.timesignature, "meter"),
      keyscale = unless_guessed(facts.keyscale, "key"), chords = facts.chords or {}, downbeats = facts.downbeats,
    }
  end

  local function describe_facts(facts)
    local parts = {}
    if facts.bpm then parts[#parts + 1] = ("%.1f BPM"):format(facts.bpm) end
    if facts.timesignature then parts[#parts + 1] = facts.timesignature .. "/4" end
    if facts.keyscale then parts[#parts + 1] = facts.keyscale end
    return table.concat(parts, ", ")
  end

  local CLOSE_BPM = 0.05 -- nearer to a whole number than can be heard: most music is made on a grid of whole tempos

  --- Set the tempo and the meter from `time` on, and leave every item where it is. (Notes inside of MIDI items follow it.)
  local function set_tempo(project, time, facts)
    local modes = {}
    for i = 0, reaper.CountMediaItems(project) - 1 do
      local item = reaper.GetMediaItem(project, i)
      modes[i + 1] = { item, reaper.GetMediaItemInfo_Value(item, "C_BEATATTACHMODE") }
      reaper.SetMediaItemInfo_Value(item, "C_BEATATTACHMODE", TIME_BASE)
    end
    local whole = math.floor(facts.bpm + 0.5)
    local bpm = math.abs(facts.bpm - whole) < CLOSE_BPM and whole or facts.bpm
    reaper.SetTempoTimeSigMarker(project, -1, time, -1, -1, bpm, math.floor(facts.timesignature or 4), 4, false)
    reaper.UpdateTimeline() -- first: only then are the items where the new tempo has them
    for _, mode in ipairs(modes) do reaper.SetMediaItemInfo_Value(mode[1], "C_BEATATTACHMODE", mode[2]) end
  end

  local YES = 6 -- what MB returns
  local function yes(question, ...)
    return reaper.MB(question:format(...), "AceBridge", 4) == YES
  end

  --- What a new tempo moves, in a sentence.
  local function follows(project)
    for i = 0, reaper.CountMediaItems(project) - 1 do
      local take = reaper.GetActiveTake(reaper.GetMediaItem(project, i))
      if take and reaper.TakeIsMIDI(take) then return "Audio items stay; MIDI notes, markers and envelopes follow the new tempo." end
    end
    return "Items stay; markers and envelopes follow the new tempo."
  end

  --- What was heard: the key is remembered for later requests; tempo and markers are set if the musician wants them.
  function M.analysis(project, request, result)
    local facts = sure(result.parts[1].takes[1].metadata)
    local shift, edited = whereabouts.shift(project, request.place.sources)
    local start = request.parts[1].position_s + shift
    local summary = describe_facts(facts)
    if summary == "" then return nil, "Neither a tempo nor a key is heard in this audio.", "Select a longer or louder part of it." end
    if facts.keyscale then reaper.SetProjExtState(project, "AceBridge", "key", facts.keyscale) end
    local chords = facts.chords
    local tempo = facts.bpm and yes("Heard: %s.\n\nSet the project's tempo and meter from there on? %s", summary, follows(project))
    local markers = #chords > 0 and yes("Heard: %s.\n\nAdd a marker for each of the %d chords?", summary, #chords)
    if not tempo and not markers then return false, summary end
    return function()
      if tempo then set_tempo(project, start + (facts.downbeats and facts.downbeats[1] or 0), facts) end
      for _, chord in ipairs(markers and chords or {}) do
        reaper.AddProjectMarker2(project, false, start + chord.start_s, 0, chord.name, -1, 0)
      end
      if edited then return MOVED:format("tempo and markers"), true end
      return summary
    end
  end

  --- Scores of an item's takes: remembered on them; the best one becomes the active one.
  function M.scores(project, request, result)
    local item = guid.item(project, request.place.item)
    if not item then
      return nil, "The scored item is no longer in the project.", 'Undo what removed it, then run "AceBridge_Job list".', true
    end
    local lines, top, value = {}, nil, -math.huge
    for i, part in ipairs(result.parts) do
      local score = part.takes[1].metadata.score
      local quality, words = score and score.quality, score and score.lyrics_alignment
      lines[i] = ("%s: %s"):format(part.label, quality and ("quality %.2f%s"):format(quality, words and (", lyrics %.2f"):format(words) or "") or "no score")
      local sum = (quality or -math.huge) + (words or 0)
      if sum > value then top, value = i, sum end
    end
    return function()
      for i, known in ipairs(request.place.takes) do
        local take, number = guid.take(item, known)
        if take then -- it may have been deleted meanwhile
          local facts = takes.facts(take) or {}
          facts.score = result.parts[i].takes[1].metadata.score
          takes.remember(take, facts)
          if i == top then reaper.SetMediaItemInfo_Value(item, "I_CURTAKE", number) end
        end
      end
      reaper.UpdateItemInProject(item)
      return table.concat(lines, "\n"), true
    end
  end

  return M
end
