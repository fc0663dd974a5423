-- Plans for tasks on what is heard, and for new music: the result goes to new tracks. See `plan_takes`.

return function(import)
  local budget = import("budget")
  local guid = import("guid")
  local source_audio = import("source_audio")
  local plan_of = import("plan")
  local selection = import("selection")
  local settings = import("settings")
  local tracks_of = import("tracks")
  local whereabouts = import("whereabouts")
  local M = {}

  local DEFAULT_NEW_S, MIN_NEW_S, MAX_NEW_S = 30, 0.1, 600

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
      local ok, why, remedy = plan_of.stretch(selected)
      if not ok then return nil, why, remedy end
      local found, position = source_audio(selected, selected.start, selected.stop, true)
      if not found then return nil, position end
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
    fields.strength, fields.morph = values.strength, plan_of.morph(values)
  end)

  M.complete = whole("complete", "Accompaniment", function(fields, values, place)
    fields.tracks, fields.thinking = plan_of.names(values.tracks or "drums, bass, keyboard"), plan_of.thinking(values)
    place.mix = "mix" -- which has the source in it: with tracks of their own, the source plays on
  end)

  M.extract = whole("extract", "Stems", function(fields, values)
    fields.tracks, fields.music = plan_of.names(values.tracks or "vocals, drums, bass"), nil
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
        music = told, tracks = plan_of.names(values.tracks or "drums"), start_s = selected.start - start, end_s = selected.stop - start,
        context_s = context, scope = "region", output = plan_of.output(values, rate), thinking = plan_of.thinking(values),
      },
    }
    local place = on_tracks(selected, "Layers", values, changes)
    place.sources = whereabouts.note_all(selected.items)
    return { parts = { part }, captures = found.captures, place = place }
  end

  -- New music. ----------------------------------------------------------------------------------------------------------

  local STRETCHES = { ["razor edits"] = true, ["time selection"] = true } -- which say where new music goes; items do not

  local function new_music(selected, values, free)
    if selected.from == "razor edits" and selected.conflict then return nil, table.unpack(selected.conflict) end
    local is_stretch = STRETCHES[selected.from]
    local start = is_stretch and selected.start or reaper.GetCursorPositionEx(selected.project)
    start = math.floor(start * selected.rate + 0.5) / selected.rate
    local duration = values.seconds
    local chosen_s = is_stretch and selected.stop - selected.start
    if not duration and chosen_s and chosen_s > MAX_NEW_S then
      return nil, ("%.0f s are selected; allowed: at most %d s of new music."):format(chosen_s, MAX_NEW_S), "Select less."
    end
    if not duration and chosen_s and chosen_s >= MIN_NEW_S then duration = chosen_s end
    local told, changes = plan_of.music(selected, start, start + (duration or DEFAULT_NEW_S), values, free)
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

  function M.generate(selected, values)
    local part, place, remedy = new_music(selected, values, false)
    if not part then return nil, place, remedy end
    return { parts = { part }, captures = {}, place = place }
  end

  function M.compose(selected, values)
    if not values.description then
      return nil, "There is no description.", 'Say what the song should be, such as "a sad waltz with strings".'
    end
    local part, place, remedy = new_music(selected, values, true)
    if not part then return nil, place, remedy end
    part.fill_from = 0
    local idea = {
      task = "create_sample", label = "idea", position_s = part.position_s,
      fields = { description = values.description, instrumental = values.instrumental == "yes" or nil, seed = values.seed },
    }
    return { parts = { idea, part }, captures = {}, place = place }
  end

  return M
end
