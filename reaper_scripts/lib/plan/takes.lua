-- Plans for tasks on items: the result is a take.
--
-- A plan turns a selection and the values of a dialog into the parts of a request, the recipes for their audio, and what is
-- to be done with the result. It returns { parts, captures, place }, or nil, a message and a remedy.

return function(import)
  local budget = import("budget")
  local file_passthrough = import("audio/file_passthrough")
  local guid = import("project/guid")
  local item_render = import("audio/item_render")
  local pan_of = import("audio/pan")
  local plan_of = import("plan/common")
  local recipe_in = import("audio/recipe")
  local selection = import("project/selection")
  local settings = import("settings")
  local source = import("audio/source")
  local takes = import("project/takes")
  local tempo = import("project/tempo")
  local tracks_of = import("project/tracks")
  local whereabouts = import("project/whereabouts")
  local M = {}

  local JOIN_GAP_S = 10 -- the longest gap that a join closes
  local USUAL_AMOUNT = 0.3 -- of a variation, where nobody says it
  local ITEM_CALLS = 70 -- what it takes to look at an item and its take
  local MOST_ITEMS = 100 -- that are repainted at once: each is read, painted and placed on its own

  --- A part and a recipe for the whole of an item's active take.
  local function item_part(selected, item, number, task)
    local take = reaper.GetActiveTake(item)
    local found, why = source.of_take(take, selected.rate, ("source-%d"):format(number))
    if not found then return nil, why end
    local start = selection.item_span(item)
    return {
      task = task, label = plan_of.label(item), position_s = start - found.offset_s, source = found.part, fields = {},
    }, found
  end

  --- `beside`: the items that the result will lie beside, on a track of its own, because it cannot be a take of them.
  local function target(item, number, offset_s, beside)
    local sent = whereabouts.note(item, reaper.GetActiveTake(item))
    return { sent = sent, part = number, offset_s = offset_s, name = plan_of.label(item), beside = beside and whereabouts.note_all(beside) }
  end

  function M.repaint(selected, values)
    local ok, why, remedy = plan_of.stretch(selected)
    if not ok then return nil, why, remedy end
    if #selected.items == 0 then
      return nil, "There is no item in the selection.", 'Select a stretch of time that lies on an item, or use "AceBridge_Generate here".'
    end
    if #selected.items > 1 and not selected.picked then
      return nil, ("The selection holds %d items, and none is selected."):format(#selected.items), "Select the item or the track that is to be repainted."
    end
    if #selected.items > MOST_ITEMS then
      return nil, ("The selection holds %d items; allowed: at most %d at once."):format(#selected.items, MOST_ITEMS), "Select fewer, or glue them first."
    end
    local plan = { parts = {}, captures = {}, place = { kind = "take", items = {}, lane = settings.get("repaint_as") == "lane" } }
    for number, item in ipairs(selected.items) do
      budget.spend(ITEM_CALLS)
      local part, found = item_part(selected, item, number, "repaint")
      if not part then return nil, found end
      local first, last = selection.item_span(item)
      local start, stop = math.max(selected.start, first), math.min(selected.stop, last)
      local music, changes = plan_of.music(selected, start, stop, values, true)
      part.fields = {
        music = music, start_s = math.max(0, start - part.position_s), mode = values.mode, strength = values.strength,
        context_s = settings.get("context_s"), output = plan_of.output(values),
      }
      if values.loudness == "off" then part.fields.match_loudness = false else part.fields.loudness_of = values.loudness end
      local end_s = stop - part.position_s
      part.fields.end_s = last - stop > 1 / found.rate and end_s or nil -- without: the end of the source
      plan.parts[number] = part
      plan_of.add(plan.captures, found.captures)
      plan.place.items[number] = target(item, number, found.offset_s, found.beside and { item })
      plan.place.items[number].changed = { start = start - first, stop = stop - first } -- from the item's start
      plan.place.made = plan_of.recipe(values, changes)
    end
    return plan
  end

  --- Another take of an item's file, as the recipe in that says, in its place.
  function M.again(selected)
    local item = selected.items[1]
    local take = reaper.GetActiveTake(item)
    if reaper.GetTakeNumStretchMarkers(take) > 0 then
      return nil, "The active take of the selected item has stretch markers.", "Glue the item or remove them, then run the action again."
    end
    local offset = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS")
    local file = file_passthrough.path_of(take)
    local part = {
      again = { file = file }, label = plan_of.label(item), fields = {}, position_s = selection.item_span(item) - offset,
    }
    local wanted = target(item, 1, offset)
    wanted.whole = true
    return { parts = { part }, captures = {}, place = { kind = "take", items = { wanted } } }
  end

  --- The one item that is meant, or nil and a message.
  local function one_item(selected)
    local items = selected.selected_items
    if #items == 1 then return items[1] end
    return nil, #items == 0 and "No item is selected." or ("%d items are selected."):format(#items),
      "Select one item, then run the action again."
  end

  --- What of a piece was repainted, from the item's start, for a take that was; nil for others.
  local function change_of(take, facts)
    if facts.action ~= "repaint" or not facts.again then return nil end
    -- The item may have been trimmed since.
    local trimmed = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS") - (facts.again.offset or 0)
    return { start = math.max(0, facts.again.start - trimmed), stop = facts.again.stop - trimmed }
  end

  --- Takes that are like an item's active take, as the recipe in its file says, in its place.
  function M.vary(selected, values)
    local item, why, remedy = one_item(selected)
    if not item then return nil, why, remedy end
    local take = reaper.GetActiveTake(item)
    if not recipe_in.file_of(take) then
      return nil, "The active take of the selected item holds no recipe of AceBridge.", "Choose a take that AceBridge made, then run the action again."
    end
    if reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE") ~= 1 then
      return nil, "The active take of the selected item is stretched.", "Set its playback rate to 1, then run the action again."
    end
    local facts = takes.facts(take) or {}
    local plan, fault, cure = M.again({ items = { item } })
    if not plan then return nil, fault, cure end
    plan.parts[1].variation = values.amount or USUAL_AMOUNT
    plan.parts[1].fields.output = { takes = values.takes or settings.get("takes") }
    local changed = change_of(take, facts)
    plan.action = changed and "repaint" or "again" -- so that "Another take" and "Repeat last" know what it is
    plan.place.items[1].changed = changed
    plan.place.made = { values = facts.values, caption = facts.caption, lyrics = facts.lyrics }
    return plan
  end

  local function grow_source(selected, values, side)
    local item, why, remedy = one_item(selected)
    if not item then return nil, why, remedy end
    local part, found = item_part(selected, item, 1, "repaint")
    if not part then return nil, found end
    local first, last = selection.item_span(item)
    local take = reaper.GetActiveTake(item)
    local source_s = reaper.GetMediaSourceLength(reaper.GetMediaItemTake_Source(take))
    local played_s = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS") + (last - first) * reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
    if not found.beside and reaper.GetMediaItemInfo_Value(item, "B_LOOPSRC") > 0 and played_s > source_s + 1e-3 then
      return nil, "The item repeats its source, which a longer one cannot.", "Glue the item first."
    end
    local edge = side > 0 and last or first
    local length = math.abs(tempo.bars(selected.project, edge, side * (values.bars or 8)))
    local free = found.beside and (side < 0 and first or math.huge) or tracks_of.room(item, side)
    if side < 0 and first < length - 1e-9 and free == first then
      return nil, ("There are only %.1f s before the item, and %.1f s are wanted."):format(first, length), "Move the item to the right, or choose fewer bars."
    end
    if free < length - 1e-9 then
      return nil, ("Another item is %.1f s away, and %.1f s are wanted."):format(free, length), "Make room, or choose fewer bars."
    end
    -- The new part is as long in the file as it is in the project: whole frames.
    local frames = math.floor(length * found.rate + 0.5)
    local grown_s = frames / found.rate
    local music, changes = plan_of.music(selected, edge, edge + 1, values, true)
    part.fields = { music = music, context_s = settings.get("context_s"), output = plan_of.output(values) }
    local wanted = target(item, 1, found.offset_s, found.beside and { item })
    if side > 0 then
      local old_s = found.frames / found.rate
      part.fields.start_s, part.fields.end_s = old_s, old_s + grown_s
      wanted.keeps = { right = true }
      wanted.grow_right = old_s - found.offset_s + grown_s - (last - first)
    else
      part.fields.start_s, part.fields.end_s = -grown_s, 0
      wanted.keeps = { left = true }
      wanted.grow_left = grown_s
    end
    return { parts = { part }, captures = found.captures, place = { kind = "take", items = { wanted }, made = plan_of.recipe(values, changes) } }
  end

  function M.extend(selected, values) return grow_source(selected, values, 1) end
  function M.prepend(selected, values) return grow_source(selected, values, -1) end

  --- Two items in a row: the music around their join is repainted, as one take that both of them play.
  function M.join(selected, values)
    local a, b = table.unpack(selected.selected_items)
    if #selected.selected_items ~= 2 or reaper.GetMediaItem_Track(a) ~= reaper.GetMediaItem_Track(b) then
      return nil, "Two items on one track are needed.", "Select two items that follow each other, then run the action again."
    end
    local a_start, a_stop = selection.item_span(a)
    local b_start, b_stop = selection.item_span(b)
    if b_start < a_start then
      a, b, a_start, a_stop, b_start, b_stop = b, a, b_start, b_stop, a_start, a_stop
    end
    if b_stop <= a_stop or b_start <= a_start then
      return nil, "One of the items lies inside the other.", "Trim them so that one follows the other."
    end
    if b_start - a_stop > JOIN_GAP_S then
      return nil, ("The items are %.1f s apart; allowed: at most %d s."):format(b_start - a_stop, JOIN_GAP_S), "Move them together."
    end
    local both = { reaper.GetActiveTake(a), reaper.GetActiveTake(b) }
    local keeps_pan = pan_of.are_alike(both) -- else the file holds their pans
    if not keeps_pan and not pan_of.are_known(selected.project, both) then
      return nil, "The takes are panned differently.", "Give both the same pan, or glue them first."
    end
    local rate, captures, mix = selected.rate, {}, {}
    local base = math.floor(a_start * rate) -- the mix's first frame in the project
    local frames, beside
    for i, item in ipairs({ a, b }) do
      local take = reaper.GetActiveTake(item)
      local usable, why = source.of_take(take, rate, "")
      if not usable then return nil, why end
      beside = beside or usable.beside and { a, b }
      local start, stop = selection.item_span(item)
      local at = math.max(0, math.floor(start * rate + 0.5) - base)
      frames = math.floor((i == 1 and math.min(stop, b_start) or stop) * rate + 0.5) - base
      local recipe = source.recipe_of_take(take, rate, ("source-1-%d.wav"):format(i))
      recipe.first, recipe.frames = base + at - start * rate, frames - at
      if math.abs(recipe.first) < 1e-6 then recipe.first = 0 end -- else the item lies between two samples
      local gain = reaper.GetMediaItemInfo_Value(item, "D_VOL") * math.abs(reaper.GetMediaItemTakeInfo_Value(take, "D_VOL"))
      local left, right = pan_of.balance(keeps_pan and 0 or reaper.GetMediaItemTakeInfo_Value(take, "D_PAN"))
      captures[i] = recipe
      mix[i] = { file = recipe.file, at = at, left = gain * left, right = gain * right }
    end
    if beside then -- the result lies beside both, so that it has to hold what is heard of both
      for i, item in ipairs({ a, b }) do
        local recipe, why = item_render.recipe(reaper.GetActiveTake(item), rate, captures[i].file)
        if not recipe then return nil, why end
        recipe.frames = captures[i].frames -- where they overlap, the second one is heard
        recipe.stop = recipe.start + recipe.frames / rate
        captures[i], mix[i].left, mix[i].right = recipe, 1, 1
      end
    end
    local around = values.around or 2
    local position_s = base / rate
    local music, changes = plan_of.music(selected, b_start, b_start + 1, values, true)
    local length = frames / rate
    local part = {
      task = "repaint", label = plan_of.label(a), position_s = position_s, source = { mix = mix, frames = frames },
      fields = {
        music = music, output = plan_of.output(values), context_s = settings.get("context_s"),
        start_s = math.max(0, math.min(a_stop, b_start) - around - position_s),
        end_s = math.min(length, math.max(a_stop, b_start) + around - position_s),
      },
    }
    local overlap = a_stop > b_start + 1e-9
    local first, second = target(a, 1, a_start - position_s, beside), target(b, 1, b_start - position_s, beside)
    first.baked = keeps_pan and "volume" or "volume and pan"
    second.baked = first.baked
    first.keeps, second.keeps = { right = true }, { left = true }
    if overlap then -- both play the same there: their fades have to add up to one
      local length_s = a_stop - b_start
      first.set = { C_FADEOUTSHAPE = 0, D_FADEOUTLEN = length_s, D_FADEOUTLEN_AUTO = -1 }
      second.set = { C_FADEINSHAPE = 0, D_FADEINLEN = length_s, D_FADEINLEN_AUTO = -1 }
    else
      first.grow_right = b_start - a_stop
      first.set = { D_FADEOUTLEN = 0, D_FADEOUTLEN_AUTO = -1 }
      second.set = { D_FADEINLEN = 0, D_FADEINLEN_AUTO = -1 }
    end
    return {
      parts = { part }, captures = captures,
      place = { kind = "take", items = { first, second }, together = true, made = plan_of.recipe(values, changes) },
    }
  end

  --- Every take of an item is scored.
  function M.score(selected, values)
    local item, why, remedy = one_item(selected)
    if not item then return nil, why, remedy end
    local fault
    local left_out = {} -- a sentence for each take that cannot be scored
    local plan = { parts = {}, captures = {}, place = { kind = "scores", item = guid.of_item(item), takes = {}, left_out = left_out } }
    for i = 0, reaper.CountTakes(item) - 1 do
      budget.spend(ITEM_CALLS)
      local take = reaper.GetTake(item, i)
      local number = #plan.parts + 1
      local found, why = nil, nil
      if take then found, why = source.of_take(take, selected.rate, ("source-%d"):format(number)) end
      if why then
        fault, left_out[#left_out + 1] = fault or why, ("take %d: %s"):format(i + 1, why)
      end
      if found then
        local known = takes.facts(take) or {}
        local name = takes.name(take)
        plan.parts[number] = {
          task = "score", label = ("take %d%s"):format(i + 1, name ~= "" and " " .. name or ""), position_s = 0, source = found.part,
          fields = { music = { caption = values.style or known.caption, lyrics = values.lyrics or known.lyrics } },
        }
        plan_of.add(plan.captures, found.captures)
        plan.place.takes[number] = guid.of_take(take)
      end
    end
    if #plan.parts == 0 then return nil, fault or "The selected item holds no audio; select an item with audio or MIDI." end
    return plan
  end

  return M
end
