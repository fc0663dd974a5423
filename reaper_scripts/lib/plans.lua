-- What each task asks for: a plan turns a selection and the values of a dialog into the parts of a request, the recipes
-- for their audio, and what is to be done with the result. A plan returns
--   { parts, captures, place }   or nil, a message and a remedy.

return function(import)
  local guid = import("guid")
  local json = import("json")
  local selection = import("selection")
  local settings = import("settings")
  local source = import("source")
  local takes = import("takes")
  local tempo = import("tempo")
  local tracks_of = import("tracks")
  local M = {}

  local JOIN_GAP_S = 10 -- the longest gap that a join closes
  local DEFAULT_NEW_S = 30

  --- Lyrics as one line of a dialog: " / " parts the lines.
  function M.lyrics(text)
    return text and (text:gsub("%s*/%s*", "\n"))
  end

  local function seeds(values)
    return values.seed and { values.seed } or nil
  end

  local function number_of_takes(values)
    return values.takes or tonumber(settings.get("takes"))
  end

  --- `free`: the engine may find out for itself what the project does not know.
  local function music(selected, start, stop, values, free)
    local told, changes = {}, nil
    if settings.get("tempo_from") == "project" then
      told, changes = tempo.music(selected.project, start, stop, free)
    end
    told.caption, told.lyrics = values.style, M.lyrics(values.lyrics)
    return told, changes
  end

  local function output(values)
    return { takes = number_of_takes(values), seeds = seeds(values) }
  end

  local function made(values, changes)
    return { values = values, caption = values.style, lyrics = M.lyrics(values.lyrics), tempo = changes }
  end

  local function add(list, more)
    for _, entry in ipairs(more) do list[#list + 1] = entry end
  end

  local NOTHING = "Nothing is selected."
  local SELECT_TIME = "Make a time selection, or select items or tracks, then run the action again."

  local function label(item)
    local take = reaper.GetActiveTake(item)
    local name = take and takes.name(take) or ""
    return name ~= "" and name or tracks_of.name(reaper.GetMediaItem_Track(item))
  end

  -- Tasks on items: the result is a take. ------------------------------------------------------------------------------

  --- A part and a recipe for the whole of an item's active take.
  local function item_part(selected, item, number, task)
    local take = reaper.GetActiveTake(item)
    local found, why = source.of_take(take, selected.rate, ("source-%d"):format(number))
    if not found then return nil, why end
    local start = selection.item_span(item)
    return {
      task = task, label = label(item), position_s = start - found.offset_s, source = found.part, fields = {},
    }, found
  end

  local function target(item, number, offset_s)
    return { guid = guid.of_item(item), part = number, offset_s = offset_s, name = label(item) }
  end

  function M.repaint(selected, values)
    if not selected.start then return nil, NOTHING, SELECT_TIME end
    if #selected.items == 0 then
      return nil, "There is no item in the selection.", "Select a stretch of time that lies on an item, or use AceBridge: Generate here."
    end
    if #selected.items > 1 and not selected.picked then
      return nil, ("The selection holds %d items on different tracks."):format(#selected.items), "Select the item or the track that is to be repainted."
    end
    local plan = { parts = {}, captures = {}, place = { kind = "take", items = {}, lane = settings.get("repaint_as") == "lane" } }
    for number, item in ipairs(selected.items) do
      local part, found = item_part(selected, item, number, "repaint")
      if not part then return nil, found end
      local first, last = selection.item_span(item)
      local start, stop = math.max(selected.start, first), math.min(selected.stop, last)
      local told, changes = music(selected, start, stop, values, true)
      part.fields = {
        music = told, start_s = math.max(0, start - part.position_s), mode = values.mode, strength = values.strength,
        context_s = tonumber(settings.get("context_s")), output = output(values),
      }
      local end_s = stop - part.position_s
      part.fields.end_s = last - stop > 1 / found.rate and end_s or -1
      plan.parts[number] = part
      add(plan.captures, found.captures)
      plan.place.items[number] = target(item, number, found.offset_s)
      plan.place.made = made(values, changes)
    end
    return plan
  end

  --- The one item that is meant, or nil and a message.
  local function one_item(selected)
    if #selected.items == 1 then return selected.items[1] end
    return nil, #selected.items == 0 and "No item is selected." or ("%d items are selected."):format(#selected.items),
      "Select one item with audio, then run the action again."
  end

  --- Seconds until the next item on the track of `item`, before (-1) or after (1) it.
  local function room(item, side)
    local track = reaper.GetMediaItem_Track(item)
    local first, last = selection.item_span(item)
    local free = side < 0 and first or math.huge
    for i = 0, reaper.CountTrackMediaItems(track) - 1 do
      local other = reaper.GetTrackMediaItem(track, i)
      local start, stop = selection.item_span(other)
      if other ~= item then
        if side > 0 and start >= last - 1e-6 then free = math.min(free, start - last) end
        if side < 0 and stop <= first + 1e-6 then free = math.min(free, first - stop) end
      end
    end
    return free
  end

  local function grown(selected, values, side)
    local item, why, remedy = one_item(selected)
    if not item then return nil, why, remedy end
    local part, found = item_part(selected, item, 1, "repaint")
    if not part then return nil, found end
    local first, last = selection.item_span(item)
    local edge = side > 0 and last or first
    local length = math.abs(tempo.bars(selected.project, edge, side * (values.bars or 8)))
    local free = room(item, side)
    if side < 0 and first < length - 1e-9 and free == first then
      return nil, ("There are only %.1f s before the item, and %.1f s are wanted."):format(first, length), "Move the item to the right, or choose fewer bars."
    end
    if free < length - 1e-9 then
      return nil, ("Another item is %.1f s away, and %.1f s are wanted."):format(free, length), "Make room, or choose fewer bars."
    end
    -- The new part is as long in the file as it is in the project: whole frames.
    local frames = math.floor(length * found.rate + 0.5)
    local grown_s = frames / found.rate
    local told, changes = music(selected, edge, edge + 1, values, true)
    part.fields = { music = told, context_s = tonumber(settings.get("context_s")), output = output(values) }
    local wanted = target(item, 1, found.offset_s)
    if side > 0 then
      local source_s = found.frames / found.rate
      part.fields.start_s, part.fields.end_s = source_s, source_s + grown_s
      wanted.set = { B_LOOPSRC = 0, D_LENGTH = source_s - found.offset_s + grown_s }
    else
      part.fields.start_s, part.fields.end_s = -grown_s, 0
      wanted.shift_s = grown_s
      wanted.set = { B_LOOPSRC = 0, D_POSITION = first - grown_s, D_LENGTH = last - first + grown_s }
    end
    return { parts = { part }, captures = found.captures, place = { kind = "take", items = { wanted }, made = made(values, changes) } }
  end

  function M.extend(selected, values) return grown(selected, values, 1) end
  function M.prepend(selected, values) return grown(selected, values, -1) end

  --- Two items in a row: the music around the place where they meet is made anew, as one take that both of them play.
  function M.join(selected, values)
    local a, b = selected.items[1], selected.items[2]
    if #selected.items ~= 2 or reaper.GetMediaItem_Track(a) ~= reaper.GetMediaItem_Track(b) then
      return nil, ("%d items are selected."):format(#selected.items), "Select two items that follow each other on one track."
    end
    local a_start, a_stop = selection.item_span(a)
    local b_start, b_stop = selection.item_span(b)
    if b_start < a_start then
      a, b, a_start, a_stop, b_start, b_stop = b, a, b_start, b_stop, a_start, a_stop
    end
    if b_start - a_stop > JOIN_GAP_S then
      return nil, ("The items are %.1f s apart; allowed: at most %d s."):format(b_start - a_stop, JOIN_GAP_S), "Move them together."
    end
    local rate, captures, mix = selected.rate, {}, {}
    local base = math.floor(a_start * rate) -- the mix's first frame in the project
    local frames
    for i, item in ipairs({ a, b }) do
      local take = reaper.GetActiveTake(item)
      local usable, why = source.of_take(take, rate, "")
      if not usable then return nil, why end
      local start, stop = selection.item_span(item)
      local at = math.max(0, math.floor(start * rate + 0.5) - base)
      frames = math.floor((i == 1 and math.min(stop, b_start) or stop) * rate + 0.5) - base
      local recipe = source.recipe_of_take(take, rate, ("source-1-%d.wav"):format(i))
      recipe.first, recipe.frames = base + at - start * rate, frames - at
      if math.abs(recipe.first) < 1e-6 then recipe.first = 0 end -- else the item lies between two samples
      local gain = reaper.GetMediaItemInfo_Value(item, "D_VOL") * math.abs(reaper.GetMediaItemTakeInfo_Value(take, "D_VOL"))
      captures[i], mix[i] = recipe, { file = recipe.file, at = at, left = gain, right = gain }
    end
    local around = values.around or 2
    local position_s = base / rate
    local told, changes = music(selected, b_start, b_start + 1, values, true)
    local length = frames / rate
    local part = {
      task = "repaint", label = label(a), position_s = position_s, source = { mix = mix, frames = frames },
      fields = {
        music = told, output = output(values), context_s = tonumber(settings.get("context_s")),
        start_s = math.max(0, math.min(a_stop, b_start) - around - position_s),
        end_s = math.min(length, math.max(a_stop, b_start) + around - position_s),
      },
    }
    local overlap = a_stop > b_start + 1e-9
    local first, second = target(a, 1, a_start - position_s), target(b, 1, b_start - position_s)
    first.baked, second.baked = true, true
    if overlap then -- both play the same there: their fades have to add up to one
      first.set, second.set = { C_FADEOUTSHAPE = 0 }, { C_FADEINSHAPE = 0 }
    else
      first.set = { D_LENGTH = b_start - a_start, D_FADEOUTLEN = 0, D_FADEOUTLEN_AUTO = 0, B_LOOPSRC = 0 }
      second.set = { D_FADEINLEN = 0, D_FADEINLEN_AUTO = 0 }
    end
    return {
      parts = { part }, captures = captures,
      place = { kind = "take", items = { first, second }, made = made(values, changes) },
    }
  end

  --- Every take of an item is scored.
  function M.score(selected, values)
    local item, why, remedy = one_item(selected)
    if not item then return nil, why, remedy end
    local plan = { parts = {}, captures = {}, place = { kind = "scores", item = guid.of_item(item), takes = {} } }
    for i = 0, reaper.CountTakes(item) - 1 do
      local take = reaper.GetTake(item, i)
      local number = #plan.parts + 1
      local found = take and source.of_take(take, selected.rate, ("source-%d"):format(number))
      if found then
        local known = takes.facts(take) or {}
        local name = takes.name(take)
        plan.parts[number] = {
          task = "score", label = ("take %d%s"):format(i + 1, name ~= "" and " " .. name or ""), position_s = 0, source = found.part,
          fields = { music = { caption = values.style or known.caption, lyrics = M.lyrics(values.lyrics) or known.lyrics } },
        }
        add(plan.captures, found.captures)
        plan.place.takes[number] = i
      end
    end
    if #plan.parts == 0 then return nil, "The selected item holds no audio.", "Select an item with audio takes." end
    return plan
  end

  -- Tasks on what is heard: the result goes to new tracks. --------------------------------------------------------------

  --- The audio that a selection means: the item itself when it is one whole item at full level, else the mix of tracks.
  local function heard(selected, start, stop, exact)
    local how = settings.get("capture")
    if how == "pre" and selected.chosen and #selected.items == 1 and exact then
      local first, last = selection.item_span(selected.items[1])
      local take = reaper.GetActiveTake(selected.items[1])
      local left, right = tracks_of.gains(reaper.GetMediaItem_Track(selected.items[1]))
      local unity = left == 1 and right == 1 and take and reaper.GetMediaItemTakeInfo_Value(take, "D_VOL") == 1
        and reaper.GetMediaItemTakeInfo_Value(take, "D_PAN") == 0 and reaper.GetMediaItemInfo_Value(selected.items[1], "D_VOL") == 1
      if unity and math.abs(first - start) * selected.rate < 1 and math.abs(last - stop) * selected.rate < 1 then
        local found, why = source.of_take(take, selected.rate, "source-1")
        if not found then return nil, why end
        return found, first - found.offset_s
      end
    end
    local found, why = source.of_mix(selected, start, stop, "source-1", how)
    return found, found and start or why
  end

  --- How items that the result is made from are muted, if the musician wants that.
  local function muted(selected)
    local found = {}
    if settings.get("mute_source") == "yes" and selected.chosen then
      for i, item in ipairs(selected.items) do found[i] = guid.of_item(item) end
    end
    return found
  end

  local function on_tracks(selected, folder, values, changes)
    local anchor = selected.anchor
    return {
      kind = "tracks", anchor = anchor and guid.of_track(anchor), anchor_name = anchor and tracks_of.name(anchor),
      folder = folder and (anchor and ("%s: %s"):format(folder, tracks_of.name(anchor)) or folder), made = made(values, changes),
    }
  end

  local function whole(task, folder, fill)
    return function(selected, values)
      if not selected.start then return nil, NOTHING, SELECT_TIME end
      local found, position = heard(selected, selected.start, selected.stop, true)
      if not found then return nil, position end
      local told, changes = music(selected, selected.start, selected.stop, values, true)
      local part = {
        task = task, position_s = position, source = found.part,
        fields = { music = told, output = { sample_rate = selected.rate, takes = number_of_takes(values), seeds = seeds(values) } },
      }
      local place = on_tracks(selected, folder, values, changes)
      place.mute = muted(selected)
      fill(part.fields, values, place)
      return { parts = { part }, captures = found.captures, place = place }
    end
  end

  --- "drums, Backing vocals" as names of tracks.
  local function names(text)
    local found = {}
    for name in (text or ""):gmatch("[^,;]+") do
      name = name:match("^%s*(.-)%s*$"):lower():gsub("[%s%-]+", "_")
      if name ~= "" then found[#found + 1] = name end
    end
    return json.array(found)
  end
  M.names = names

  M.cover = whole("cover", nil, function(fields, values) fields.strength = values.strength end)

  M.complete = whole("complete", "Accompaniment", function(fields, values, place)
    fields.tracks = names(values.tracks or "drums, bass, keyboard")
    place.skip, place.mute = { "mix" }, nil -- the source plays on
  end)

  M.extract = whole("extract", "Stems", function(fields, values)
    fields.tracks, fields.music = names(values.tracks or "vocals, drums, bass"), nil
    fields.output.takes, fields.output.seeds = nil, nil
  end)

  --- New layers hear more than the selection: the music around it too.
  function M.lego(selected, values)
    if not selected.start then return nil, NOTHING, SELECT_TIME end
    local context = tonumber(settings.get("context_s"))
    local rate = selected.rate
    local last = 0
    for _, track in ipairs(selected.tracks) do
      for i = 0, reaper.CountTrackMediaItems(track) - 1 do
        last = math.max(last, select(2, selection.item_span(reaper.GetTrackMediaItem(track, i))))
      end
    end
    local start = math.floor(math.max(0, selected.start - context) * rate + 0.5) / rate
    local stop = math.floor(math.max(selected.stop, math.min(selected.stop + context, last)) * rate + 0.5) / rate
    local found, position = heard(selected, start, stop, false)
    if not found then return nil, position end
    local told, changes = music(selected, selected.start, selected.stop, values, true)
    local part = {
      task = "lego", position_s = position, source = found.part,
      fields = {
        music = told, tracks = names(values.tracks or "drums"), start_s = selected.start - start, end_s = selected.stop - start,
        context_s = context, scope = "region", output = { sample_rate = rate, takes = number_of_takes(values), seeds = seeds(values) },
      },
    }
    return { parts = { part }, captures = found.captures, place = on_tracks(selected, "Layers", values, changes) }
  end

  -- New music. ----------------------------------------------------------------------------------------------------------

  --- Whether a track has no item between two times.
  local function is_free(track, start, stop)
    for i = 0, reaper.CountTrackMediaItems(track) - 1 do
      local first, last = selection.item_span(reaper.GetTrackMediaItem(track, i))
      if first < stop and last > start then return false end
    end
    return true
  end

  local function new_music(selected, values, free)
    local start = selected.from == "time selection" and selected.start or reaper.GetCursorPositionEx(selected.project)
    start = math.floor(start * selected.rate + 0.5) / selected.rate
    local duration = values.seconds
    if not duration and selected.from == "time selection" then duration = selected.stop - selected.start end
    local told, changes = music(selected, start, start + (duration or DEFAULT_NEW_S), values, free)
    local place = on_tracks(selected, nil, values, changes)
    if selected.picked and #selected.tracks == 1 and duration and is_free(selected.tracks[1], start, start + duration) then
      place.into = place.anchor -- the selected track has room for it
    end
    return {
      task = "text2music", position_s = start,
      fields = { music = told, duration_s = duration, output = { sample_rate = selected.rate, takes = number_of_takes(values), seeds = seeds(values) } },
    }, place
  end

  function M.generate(selected, values)
    local part, place = new_music(selected, values, false)
    return { parts = { part }, captures = {}, place = place }
  end

  function M.compose(selected, values)
    if not values.description then
      return nil, "There is no description.", 'Say what the song should be, such as "a sad waltz with strings".'
    end
    local part, place = new_music(selected, values, true)
    part.fill_from = 0
    local idea = {
      task = "create_sample", label = "idea", position_s = part.position_s,
      fields = { description = values.description, instrumental = values.instrumental == "yes" or nil, seed = values.seed },
    }
    return { parts = { idea, part }, captures = {}, place = place }
  end

  -- Listening. ----------------------------------------------------------------------------------------------------------

  local function listening(task, kind, fill)
    return function(selected, values)
      if not selected.start then return nil, NOTHING, SELECT_TIME end
      local found, position = heard(selected, selected.start, selected.stop, true)
      if not found then return nil, position end
      local part = { task = task, position_s = position, source = found.part, fields = {} }
      local ok, why, remedy = fill(part, selected, values)
      if not ok then return nil, why, remedy end
      return { parts = { part }, captures = found.captures, place = { kind = kind } }
    end
  end

  M.analyse = listening("understand", "analysis", function() return true end)

  --- The lyrics of a selection: typed in, remembered on its take, in its item's notes, or a text file.
  local function lyrics_of(selected, values)
    if values.lyrics then return M.lyrics(values.lyrics) end
    for _, item in ipairs(selected.items) do
      local take = reaper.GetActiveTake(item)
      local facts = take and takes.facts(take)
      local _, notes = reaper.GetSetMediaItemInfo_String(item, "P_NOTES", "", false)
      local found = facts and facts.lyrics or notes
      if found and found:match("%S") then return found end
    end
    local ok, path = reaper.GetUserFileNameForRead("", "Lyrics of the selection", "txt")
    return ok and import("files").read(path) or nil
  end

  M.lyrics_regions = listening("align_lyrics", "regions", function(part, selected, values)
    local words = lyrics_of(selected, values)
    if not words or not words:match("%S") then
      return nil, "There are no lyrics.", "Put them into the item's notes, or choose a text file."
    end
    part.fields = { music = { lyrics = words } }
    return true
  end)

  return M
end
