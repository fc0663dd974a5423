-- Plans whose result goes to new tracks, or is facts about what is heard. See `plan`.

return function(import)
  local files = import("shared/files")
  local midi_notes = import("midi_notes")
  local mix = import("mix")
  local plan_of = import("plan")
  local request_fields = import("shared/request_fields")
  local session = import("session")
  local settings = import("settings")
  local M = {}

  local GUIDE = "guide.mid" -- in the folder of a job

  --- Where music is that was heard on several tracks: to find it again when all of it was moved.
  local function origins_of(selected)
    local found = {}
    for _, one in ipairs(selected.tracks) do
      for _, origin in ipairs(plan_of.origins(one.track, selected.from, selected.to)) do
        origin.track = session.id(one.route)
        found[#found + 1] = origin
      end
    end
    return found
  end

  --- A plan for a task on the mix of [from, to); `fill` adds what is particular.
  local function on_mix(task, kind, fill)
    return function(selected, values)
      local ok, why, remedy = plan_of.check(selected)
      if not ok then return nil, why, remedy end
      local part = { task = task, fields = {} }
      local place = { kind = kind, first = selected.from, origins = origins_of(selected) }
      local from, to = selected.from, selected.to
      local last = selected.tracks[#selected.tracks]
      place.anchor, place.name = session.id(last.route), last.track:name()
      ok, why, remedy = fill(part.fields, values, place, selected)
      if ok == nil then return nil, why, remedy end
      if place.around then from, to = table.unpack(place.around) end
      local source, captures, cure = mix.of(selected.tracks, from, to)
      if not source then return nil, captures, cure end
      part.source, part.position_s, place.first = source, from / session.rate(), from
      return { parts = { part }, captures = captures, place = place }
    end
  end

  M.cover = on_mix("cover", "tracks", function(fields, values, _, selected)
    fields.music, fields.strength, fields.output = plan_of.music(selected, values), values.strength, plan_of.output(values)
    fields.morph = request_fields.morph({
      morph = values.morph, source_style = values.source_style, source_lyrics = plan_of.lines(values.source_lyrics),
    })
    return true
  end)

  M.complete = on_mix("complete", "tracks", function(fields, values, place, selected)
    fields.music, fields.output = plan_of.music(selected, values), plan_of.output(values)
    fields.tracks, place.group = request_fields.tracks("complete", values), request_fields.FOLDERS.complete
    place.mix = "mix" -- which has the source in it: with tracks of their own, the source plays on
    return true
  end)

  M.extract = on_mix("extract", "tracks", function(fields, values, place)
    fields.tracks, place.group = request_fields.tracks("extract", values), request_fields.FOLDERS.extract
    return true
  end)

  --- New layers hear more than the selection: the music around it too.
  M.lego = on_mix("lego", "tracks", function(fields, values, place, selected)
    local context, rate, last = settings.get("context_s"), session.rate(), selected.to
    for _, one in ipairs(selected.tracks) do
      for _, found in ipairs(session.regions(one.track, selected.to, selected.to + math.floor(context * rate))) do last = math.max(last, found.last) end
    end
    local from = math.max(0, selected.from - math.floor(context * rate))
    local to = math.min(last, selected.to + math.floor(context * rate))
    place.around, place.group = { from, to }, request_fields.FOLDERS.lego
    fields.music, fields.output, fields.context_s, fields.scope = plan_of.music(selected, values), plan_of.output(values), context, "region"
    fields.tracks, fields.start_s, fields.end_s = request_fields.tracks("lego", values), (selected.from - from) / rate, (selected.to - from) / rate
    return true
  end)

  M.analyse = on_mix("understand", "analysis", function(_, values, place)
    place.tempo, place.markers = values.tempo == "yes", values.markers ~= "no"
    return true
  end)

  local VOICES = { one = "mono", several = "poly" }
  local CONTENTS = { ["a mix"] = "mix", ["one instrument"] = "part" }

  M.to_midi = on_mix("transcribe", "notes", function(fields, values)
    local tracks = request_fields.names(values.instruments)
    fields.tracks = #tracks > 0 and tracks or nil
    fields.contents, fields.voices = CONTENTS[values.contents], VOICES[values.voices]
    return true
  end)

  M.lyrics = on_mix("align_lyrics", "ranges", function(fields, values)
    local words = plan_of.lines(values.lyrics)
    if not words and values.file and files.exists(values.file) then
      local text, why = files.read_text(values.file)
      if not text then return nil, why, "Open it in the program that wrote it, and save it as UTF-8 (plain text)." end
      words = text
    end
    if not words or not words:match("%S") then
      return nil, "There are no lyrics.", 'Run "AceBridge: Lyrics to ranges" with its dialog, and enter them or choose a text file.'
    end
    fields.music = { lyrics = words }
    return true
  end)

  --- The part and the place of new music in the range, or at the playhead; or nil, a message and a remedy.
  local function new_music(selected, values)
    local rate, chosen = session.rate(), selected.kind == "range"
    local from = chosen and selected.from or Session:transport_sample()
    local seconds, why, remedy = request_fields.duration(values, chosen and (selected.to - selected.from) / rate)
    if why then return nil, why, remedy end
    local to = from + math.floor((seconds or request_fields.USUAL_NEW_S) * rate)
    local last = selected.picked and selected.tracks[#selected.tracks]
    local fields = { music = plan_of.music({ from = from, to = to }, values, true), duration_s = seconds, output = plan_of.output(values, rate) }
    local place = { kind = "tracks", first = from, anchor = last and session.id(last.route) or nil, name = last and last.track:name() or nil }
    return { task = "text2music", position_s = from / rate, fields = fields }, place
  end

  --- New music that follows the notes of selected MIDI regions, over the range or over all of them.
  local function follow(selected, values)
    local from, to, rate = selected.from, selected.to, session.rate()
    if selected.kind ~= "range" then from, to = midi_notes.span(selected.midi) end
    local seconds, why, remedy = request_fields.duration(values, (to - from) / rate)
    if why then return nil, why, remedy end
    if not seconds then return nil, ("The selected notes last %.2f s; allowed: at least 0.1 s."):format((to - from) / rate), "Select more." end
    to = from + math.floor(seconds * rate)
    local bytes, fault = midi_notes.file(selected.midi, from, to)
    if not bytes then return nil, fault, "Select MIDI regions with notes in the range." end
    local music, last = plan_of.music({ from = from, to = to }, values), selected.midi[#selected.midi]
    music.bpm, music.timesignature = nil, nil -- the file says them, also where they change
    local fields = { music = music, duration_s = seconds, output = plan_of.output(values, rate) }
    return {
      parts = { { task = "text2music", position_s = from / rate, midi = { file = GUIDE }, fields = fields } },
      captures = {}, texts = { [GUIDE] = bytes }, place = { kind = "tracks", first = from, anchor = last.track, name = last.name },
    }
  end

  function M.generate(selected, values)
    if #selected.midi > 0 then return follow(selected, values) end
    local part, place, remedy = new_music(selected, values)
    if not part then return nil, place, remedy end
    return { parts = { part }, captures = {}, place = place }
  end

  --- A song from a sentence: first an idea of it, which says what the song lacks.
  function M.compose(selected, values)
    local ok, why, remedy = request_fields.check_description(values)
    if not ok then return nil, why, remedy end
    local part, place, cure = new_music(selected, values)
    if not part then return nil, place, cure end
    return { parts = request_fields.compose(values, part), captures = {}, place = place }
  end

  return M
end
