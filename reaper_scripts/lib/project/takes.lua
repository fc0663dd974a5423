-- What AceBridge remembers on a take: how it was made, so that it can be made again, and new takes beside the old ones.

return function(import)
  local budget = import("budget")
  local json = import("shared/json")
  local selection = import("project/selection")
  local M = {}

  local KEY = "P_EXT:AceBridge"
  -- A new take has the same gain as the one it was made from: neither holds it in its file.
  local INHERITED = { "D_VOL", "D_PAN", "D_PANLAW" }

  --- { action, values, seed, caption, lyrics, engine, model, score, rank, best_of, ranked_by, title } or nil for a take that we did not make.
  function M.facts(take)
    local _, text = reaper.GetSetMediaItemTakeInfo_String(take, KEY, "", false)
    return json.object(text)
  end

  function M.remember(take, facts)
    reaper.GetSetMediaItemTakeInfo_String(take, KEY, json.encode(facts), true)
  end

  --- Add a take that plays `source` from `offset_s` on. `old`: a take whose gain and FX it gets.
  function M.add(item, source, name, offset_s, old)
    local take = reaper.AddTakeToMediaItem(item) or error("no new take could be made.", 0)
    reaper.SetMediaItemTake_Source(take, source)
    reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", offset_s)
    reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", name, true)
    if old then
      for _, key in ipairs(INHERITED) do
        reaper.SetMediaItemTakeInfo_Value(take, key, reaper.GetMediaItemTakeInfo_Value(old, key))
      end
      for i = 0, reaper.TakeFX_GetCount(old) - 1 do reaper.TakeFX_CopyToTake(old, i, take, i, false) end
    end
    return take
  end

  -- What makes an envelope of the active takes of the selected items, by the name that it gets.
  local TOGGLES = { Volume = 40693, Pan = 40694, Mute = 40695, Pitch = 41612 }

  local FEW = 50 -- selected items that are selected again at once; more than that over several ticks, after the last step

  --- Whether a new take needs an envelope that only one of REAPER's actions makes, for which the item has to be selected alone.
  local function needs_toggle(old)
    budget.spend(1)
    if reaper.CountTakeEnvelopes(old) == 0 then return false end
    for name in pairs(TOGGLES) do
      budget.spend(1)
      if reaper.GetTakeEnvelopeByName(old, name) then return true end
    end
    return false
  end

  --- What is selected, as { items, alone }, if takes of `targets` need such an envelope; nil if not. `alone`: nothing else is
  -- selected any more.
  function M.find_chosen(project, targets)
    for _, target in ipairs(targets) do
      for _, piece in ipairs(target.home.pieces or {}) do
        if needs_toggle(piece.take) then return { items = selection.find_items(project), alone = false } end
      end
    end
  end

  --- How many calls it takes, for a new take, to select what was selected.
  function M.count_chosen_calls(old, chosen)
    return chosen and #chosen.items <= FEW and needs_toggle(old) and 3 * #chosen.items + 10 or 0
  end

  --- Select what was selected before envelopes were made, as long as the project is open.
  function M.choose_again(project, chosen)
    if not chosen or not chosen.alone or not reaper.ValidatePtr2(0, project, "ReaProject*") then return end
    chosen.alone = false
    reaper.SelectAllMediaItems(project, false)
    for _, item in ipairs(chosen.items) do
      budget.spend(3)
      if not reaper.ValidatePtr2(0, project, "ReaProject*") then return end
      if reaper.ValidatePtr2(project, item, "MediaItem*") then reaper.SetMediaItemSelected(item, true) end
    end
    reaper.UpdateArrange()
  end

  --- An envelope of a take by its name: the one that is there, or a new one.
  local function envelope_of(take, name, chosen)
    local found = reaper.GetTakeEnvelopeByName(take, name)
    if found or not TOGGLES[name] then return found end
    local item = reaper.GetMediaItemTake_Item(take)
    local project = reaper.GetItemProjectContext(item)
    if not chosen.alone then reaper.SelectAllMediaItems(project, false) end
    chosen.alone = true
    reaper.SetMediaItemSelected(item, true)
    reaper.Main_OnCommandEx(TOGGLES[name], 0, project)
    reaper.SetMediaItemSelected(item, false)
    return reaper.GetTakeEnvelopeByName(take, name)
  end

  --- The envelope of `new` that one of another take corresponds to, made if there is none: of a parameter of an effect, which
  -- has the same number in `new`, or by its name.
  local function twin_of(from, new, chosen)
    local _, fx, parameter = reaper.Envelope_GetParentTake(from)
    if fx >= 0 then return reaper.TakeFX_GetEnvelope(new, fx, parameter, true) end
    return envelope_of(new, select(2, reaper.GetEnvelopeName(from)), chosen)
  end

  --- Give `new`, the active take of its item, the envelopes of `old`, those of the parameters of its FX too. `chosen`: what is
  -- selected, from `find_chosen`; where that is much, the caller selects it again with `choose_again`.
  function M.copy_envelopes(old, new, chosen)
    local rate = reaper.GetMediaItemTakeInfo_Value(old, "D_PLAYRATE") / reaper.GetMediaItemTakeInfo_Value(new, "D_PLAYRATE")
    for i = 0, reaper.CountTakeEnvelopes(old) - 1 do
      local from = reaper.GetTakeEnvelope(old, i)
      -- Before REAPER 7.06 a parameter that was modulated once has an envelope without points.
      local into = reaper.CountEnvelopePoints(from) > 0 and twin_of(from, new, chosen)
      if into then
        local _, chunk = reaper.GetEnvelopeStateChunk(from, "", false)
        reaper.SetEnvelopeStateChunk(into, (chunk:gsub("\nEGUID [^\n]*", "")), false)
        for point = 0, rate ~= 1 and reaper.CountEnvelopePoints(into) - 1 or -1 do
          local _, time, value, shape, tension, chosen_point = reaper.GetEnvelopePoint(into, point)
          reaper.SetEnvelopePoint(into, point, time / rate, value, shape, tension, chosen_point, true)
        end
        reaper.Envelope_SortPoints(into)
      end
    end
    if chosen and #chosen.items <= FEW then M.choose_again(reaper.GetItemProjectContext(reaper.GetMediaItemTake_Item(new)), chosen) end
  end

  function M.name(take)
    return select(2, reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", "", false))
  end

  return M
end
