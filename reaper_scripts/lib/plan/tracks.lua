-- Plans for tasks on what is heard, and for new music: the result goes to new tracks. See `plan/takes`.

return function(import)
  local budget = import("budget")
  local guid = import("project/guid")
  local midi_notes = import("audio/midi_notes")
  local source_audio = import("audio/source_audio")
  local plan_of = import("plan/common")
  local request_fields = import("shared/request_fields")
  local selection = import("project/selection")
  local settings = import("settings")
  local tracks_of = import("project/tracks")
  local whereabouts = import("project/whereabouts")
  local M = {}

  --- How items that the result is made from are muted, if the musician wants that.
  local function items_to_mute(selected)
    local found = {}
    if settings.get("mute_source") == "yes" and selected.chosen then
      for i, item in ipairs(selected.items) do
        local take = reaper.GetActiveTake(item)
        found[i] = { item = guid.of_item(item), take = take and guid.of_take(take) }
        budget.spend(3)
      end
    end
    return found
  end

  local function on_tracks(selected, folder, values, changes)
    local anchor = selected.anchor
    return {
      kind = "tracks", anchor = anchor and guid.of_track(anchor), anchor_name = anchor and tracks_of.name(anchor),
      folder = folder and (anchor and ("%s: %s"):format(folder, tracks_of.name(anchor)) or folder), made = plan_of.recipe(values, changes),
    }
  end

  local function whole(task, folder, fill)
    return function(selected, values)
      local found, position, cure = plan_of.source(selected)
      if not found then return nil, position, cure end
      local told, changes = plan_of.music(selected, selected.start, selected.stop, values, true)
      local part = {
        task = task, position_s = position, source = found.part,
        fields = { music = told, output = plan_of.output(values, selected.rate) },
      }
      local place = on_tracks(selected, folder, values, changes)
      place.mute, place.sources = items_to_mute(selected), whereabouts.note_all(selected.items)
      fill(part.fields, values, place)
      return { parts = { part }, captures = found.captures, place = place }
    end
  end

  M.cover = whole("cover", nil, function(fields, values)
    fields.strength, fields.morph = values.strength, request_fields.morph(values)
  end)

  M.complete = whole("complete", request_fields.FOLDERS.complete, function(fields, values, place)
    fields.tracks, fields.thinking = request_fields.tracks("complete", values), plan_of.thinking(values)
    place.mix = "mix" -- which has the source in it: with tracks of their own, the source plays on
  end)

  M.extract = whole("extract", request_fields.FOLDERS.extract, function(fields, values)
    fields.tracks, fields.music = request_fields.tracks("extract", values), nil
    fields.output.takes, fields.output.seeds = nil, nil
  end)

  --- New layers hear more than the selection: the music around it too.
  function M.lego(selected, values)
    local ok, why, remedy = plan_of.stretch(selected)
    if not ok then return nil, why, remedy end
    local context = settings.get("context_s")
    local rate = selected.rate
    local last = 0
    for _, track in ipairs(selected.tracks) do
      for _, item in ipairs(tracks_of.items(track, true)) do
        last = math.max(last, select(2, selection.item_span(item)))
        budget.spend(2)
      end
    end
    local start = math.floor(math.max(0, selected.start - context) * rate + 0.5) / rate
    local stop = math.floor(math.max(selected.stop, math.min(selected.stop + context, last)) * rate + 0.5) / rate
    local found, position = source_audio(selected, start, stop, false)
    if not found then return nil, position end
    local told, changes = plan_of.music(selected, selected.start, selected.stop, values, true)
    local part = {
      task = "lego", position_s = position, source = found.part,
      fields = {
        music = told, tracks = request_fields.tracks("lego", values), start_s = selected.start - start, end_s = selected.stop - start,
        context_s = context, scope = "region", output = plan_of.output(values, rate), thinking = plan_of.thinking(values),
      },
    }
    local place = on_tracks(selected, request_fields.FOLDERS.lego, values, changes)
    place.sources = whereabouts.note_all(selected.items)
    return { parts = { part }, captures = found.captures, place = place }
  end

  -- New music. ----------------------------------------------------------------------------------------------------------

  local MIDI_FILE = "notes.mid" -- in the job folder
  local STRETCHES = { ["razor edits"] = true, ["time selection"] = true } -- which say where new music goes; items do not

  local function new_music(selected, values, free)
    if selected.from == "razor edits" and selected.conflict then return nil, table.unpack(selected.conflict) end
    local is_stretch = STRETCHES[selected.from]
    local start = is_stretch and selected.start or reaper.GetCursorPositionEx(selected.project)
    start = math.floor(start * selected.rate + 0.5) / selected.rate
    local duration, why, remedy = request_fields.duration(values, is_stretch and selected.stop - selected.start)
    if why then return nil, why, remedy end
    local told, changes = plan_of.music(selected, start, start + (duration or request_fields.USUAL_NEW_S), values, free, true)
    local place = on_tracks(selected, nil, values, changes)
    if selected.picked and #selected.tracks == 1 and duration and tracks_of.is_free(selected.tracks[1], start, start + duration) then
      place.into = place.anchor -- the selected track has room for it
    end
    return {
      task = "text2music", position_s = start,
      fields = {
        music = told, duration_s = duration, output = plan_of.output(values, selected.rate), thinking = plan_of.thinking(values),
      },
    }, place
  end

  --- New music that follows the notes of selected MIDI items, over the time selection or over all of them.
  local function follow(selected, values, items)
    local start, stop = selected.start, selected.stop
    if selected.from == "items" then start, stop = midi_notes.span(items) end
    local duration, why, remedy = request_fields.duration(values, stop - start)
    if why then return nil, why, remedy end
    local bytes, fault = midi_notes.file(selected.project, items, start, start + duration)
    if not bytes then return nil, fault end
    local told, changes = plan_of.music(selected, start, start + duration, values, false)
    told.bpm, told.timesignature, told.chords = nil, nil, nil -- the file says them, also where they change
    local place = on_tracks(selected, nil, values, changes)
    place.sources = whereabouts.note_all(items)
    local part = {
      task = "text2music", position_s = start, midi = { file = MIDI_FILE },
      fields = { music = told, duration_s = duration, output = plan_of.output(values, selected.rate) },
    }
    return { parts = { part }, captures = { { file = MIDI_FILE, bytes = bytes } }, place = place }
  end

  function M.generate(selected, values)
    local items = midi_notes.items(selected)
    if #items > 0 then return follow(selected, values, items) end
    local part, place, remedy = new_music(selected, values, false)
    if not part then return nil, place, remedy end
    return { parts = { part }, captures = {}, place = place }
  end

  function M.compose(selected, values)
    local ok, why, remedy = request_fields.check_description(values)
    if not ok then return nil, why, remedy end
    local part, place, cure = new_music(selected, values, true)
    if not part then return nil, place, cure end
    return { parts = request_fields.compose(values, part), captures = {}, place = place }
  end

  return M
end
