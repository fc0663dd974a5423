-- What is done with facts: regions, tempo, markers, scores. See `place/result`.

return function(import)
  local budget = import("budget")
  local findings = import("shared/findings")
  local guid = import("project/guid")
  local messages = import("messages")
  local takes = import("project/takes")
  local tracks_of = import("project/tracks")
  local whereabouts = import("project/whereabouts")
  local M = {}

  local TIME_BASE = 0 -- C_BEATATTACHMODE: stays where it is when the tempo changes

  local MOVED = "The items were moved or stretched meanwhile; the %s lie where they were."

  --- As `whereabouts.shift`, with room for what is to be added in the same tick.
  local function shift_of(project, notes, count)
    return budget.observe(project, function() return whereabouts.shift(project, notes) end, count + 100)
  end

  --- Regions named by the sections of a song and by its lines.
  function M.regions(of, request, result)
    local facts = result.parts[1].takes[1].metadata
    local lines, sections, remedy = findings.lines(facts)
    if not lines then return nil, sections, remedy end
    local shift, edited = shift_of(of, request.place.sources, #lines + #sections)
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

  local KEY = "C_BEATATTACHMODE"
  local MOST_BASES = 850 -- that one undo step can change and put back
  local OWN = -1 -- of an item without a time base of its own: it has that of its track, or of the project

  --- What has to stay where it is when the tempo changes: { tracks = { {track, mode} … }, items = { {item, mode} … }, midi }. A
  -- track is enough for all of its items that have no time base of their own.
  local function look_at_time_bases(project)
    local found = { tracks = {}, items = {}, midi = false }
    for i = 0, reaper.CountTracks(project) - 1 do
      local track = reaper.GetTrack(project, i)
      local items = tracks_of.items(track, true)
      local own = #items > 0 and reaper.GetMediaTrackInfo_Value(track, KEY)
      if own and own ~= TIME_BASE then found.tracks[#found.tracks + 1] = { track, own } end
      budget.spend(2)
      for _, item in ipairs(items) do
        local mode, take = reaper.GetMediaItemInfo_Value(item, KEY), not found.midi and reaper.GetActiveTake(item)
        if mode ~= OWN and mode ~= TIME_BASE then found.items[#found.items + 1] = { item, mode } end
        found.midi = found.midi or take and reaper.TakeIsMIDI(take)
        budget.spend(3)
      end
    end
    found.too_many = #found.tracks + #found.items > MOST_BASES
    if not found.too_many then budget.reserve(100 + 2 * (#found.tracks + #found.items)) end
    return found
  end

  --- Set the tempo from `time` on, and the meter where it is sure; leave every item where it is. (Notes inside of MIDI items
  -- follow it.) One undo step: two calls for each track with items, and for each item with a time base of its own.
  local function set_tempo(project, time, facts, bases)
    for _, each in ipairs(bases.tracks) do reaper.SetMediaTrackInfo_Value(each[1], KEY, TIME_BASE) end
    for _, each in ipairs(bases.items) do reaper.SetMediaItemInfo_Value(each[1], KEY, TIME_BASE) end
    local beats = findings.is_sure(facts, "meter") and facts.timesignature
    reaper.SetTempoTimeSigMarker(project, -1, time, -1, -1, findings.tempo(facts), math.floor(beats or 0), beats and 4 or 0, false)
    reaper.UpdateTimeline() -- first: only then are the items where the new tempo has them
    for _, each in ipairs(bases.tracks) do reaper.SetMediaTrackInfo_Value(each[1], KEY, each[2]) end
    for _, each in ipairs(bases.items) do reaper.SetMediaItemInfo_Value(each[1], KEY, each[2]) end
  end

  local YES = 6 -- what MB returns
  local function yes(question, ...)
    return reaper.MB(question:format(...), "AceBridge", 4) == YES
  end

  --- What a new tempo moves, in a sentence.
  local function follows(bases)
    if bases.midi then return "Audio items stay; MIDI notes, markers and envelopes follow the new tempo." end
    return "Items stay; markers and envelopes follow the new tempo."
  end

  --- What to ask before the tempo is set.
  local function tempo_question(facts, bases)
    local question = "Heard: %s.\n\nSet the project's " .. (findings.is_sure(facts, "meter") and facts.timesignature and "tempo and meter" or "tempo")
    local doubt = findings.is_sure(facts, "tempo") and "? " or " all the same? The tempo is not certain. "
    return question .. " from there on" .. doubt .. follows(bases)
  end

  local TOO_MANY = "\n\nThe tempo is not set: one undo step cannot hold %d tracks and items that follow the beat. Give them the time base \"Time\", "
    .. "or set the tempo by hand"

  --- What was heard: a key that is sure is remembered for later requests; tempo and markers are set if the musician wants them.
  function M.analysis(project, request, result)
    local facts = result.parts[1].takes[1].metadata
    local shift, edited = shift_of(project, request.place.sources, 0)
    local start = request.parts[1].position_s + shift
    local summary, why, remedy = findings.describe(facts)
    if not summary then return nil, why, remedy end
    if facts.keyscale and findings.is_sure(facts, "key") then reaper.SetProjExtState(project, "AceBridge", "key", facts.keyscale) end
    local chords = facts.chords or {}
    local bases = facts.bpm and budget.observe(project, function() return look_at_time_bases(project) end)
    if messages.is_recording() then return nil, "REAPER records.", "", messages.RECORDING end
    if bases and bases.too_many then
      summary, bases = summary .. TOO_MANY:format(#bases.tracks + #bases.items), nil
      if #chords == 0 then return false, summary .. ".", true end
    end
    local tempo = bases and yes(tempo_question(facts, bases), summary)
    local markers = #chords > 0 and yes("Heard: %s.\n\nAdd a marker for each of the %d chords?", summary, #chords)
    if not tempo and not markers then return false, summary end
    return function()
      if tempo then set_tempo(project, start + findings.first_beat(facts), facts, bases) end
      for _, chord in ipairs(markers and chords or {}) do
        reaper.AddProjectMarker2(project, false, start + chord.start_s, 0, chord.name, -1, 0)
      end
      if edited then return MOVED:format("tempo and markers"), true end
      return summary
    end
  end

  --- Scores of an item's takes: remembered on them; the best one becomes the active one.
  function M.scores(project, request, result)
    local known = { item = request.place.item, take = request.place.takes[1] }
    local item = budget.observe(project, function() return guid.finder(project)(known) end, 100 + 5 * #request.place.takes)
    if not item then
      return nil, "The scored item is no longer in the project.", 'Undo what removed it, then run "AceBridge_Job list".', true
    end
    local known_takes = guid.takes(item)
    for i, id in ipairs(request.place.takes) do -- the fit was measured against a source, which is not here
      local take, score = (known_takes[id] or {})[1], result.parts[i].takes[1].metadata.score
      local before = take and (takes.facts(take) or {}).score
      if score and before and not score.fit then score.fit = before.fit end
    end
    local lines, top = findings.rank(result.parts)
    for _, line in ipairs(request.place.left_out or {}) do lines[#lines + 1] = line end
    return function()
      local present = guid.takes(item)
      for i, known in ipairs(request.place.takes) do
        local take, number = table.unpack(present[known] or {})
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
