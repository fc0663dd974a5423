-- New items on new tracks, or on a track that has room for them. See `place/result`.

return function(import)
  local budget = import("budget")
  local guid = import("project/guid")
  local outputs_of = import("place/outputs")
  local tracks = import("project/tracks")
  local undo = import("project/undo")
  local whereabouts = import("project/whereabouts")

  --- Roles without `mix`, and true; or all of them, when there is no other: some engines play everything at once.
  local function apart(roles, mix)
    local rest = {}
    for _, role in ipairs(roles) do
      if role.role ~= mix then rest[#rest + 1] = role end
    end
    if #rest == 0 or #rest == #roles then return roles, false end
    return rest, true
  end

  --- What goes onto a track each: { {part, outputs, sources, spec} … }, and whether the source plays on beside them.
  local function layers_of(place, result)
    local layers, plays_on = {}, false
    for _, part in ipairs(result.parts) do
      if #part.takes > 0 and #part.takes[1].outputs > 0 then
        local roles
        roles, plays_on = apart(outputs_of.by_role(part), place.mix)
        local sources, why, remedy = outputs_of.open(roles)
        if not sources then return nil, why, remedy end
        for _, role in ipairs(roles) do
          local first = role.outputs[1].output
          local spec = { name = place.name or first.name, colour = first.colour }
          layers[#layers + 1] = { part = part, outputs = role.outputs, sources = sources, spec = spec }
        end
      end
    end
    return layers, plays_on
  end

  local TRACK_CALLS, TAKE_CALLS, MUTE_CALLS = 32, 16, 3 -- what a new track with an item costs at most, each of its takes, a mute
  local MUTE = 40719 -- Item properties: Mute

  --- The first output that is placed, which says whether a track has room.
  local function first_output(result)
    for _, part in ipairs(result.parts) do
      local outputs = part.takes[1] and part.takes[1].outputs or {}
      if outputs[1] then return outputs[1] end
    end
  end

  --- Whether items are just those that are selected.
  local function are_selected(project, items)
    budget.spend(1)
    if reaper.CountSelectedMediaItems(project) ~= #items then return false end
    for _, item in ipairs(items) do
      budget.spend(1)
      if not reaper.IsMediaItemSelected(item) then return false end
    end
    return true
  end

  --- How items are muted, as units of `undo`. Too many for one step are muted by REAPER itself, if they are what is selected.
  local function mutes_of(project, items)
    local units = {}
    if #items * MUTE_CALLS > undo.MOST / 2 and are_selected(project, items) then
      return { { calls = 1, change = function() reaper.Main_OnCommandEx(MUTE, 0, project) end, is_there = function() return are_selected(project, items) end } }
    end
    for i, item in ipairs(items) do
      units[i] = {
        calls = MUTE_CALLS, is_there = function() return reaper.ValidatePtr2(project, item, "MediaItem*") end,
        change = function() reaper.SetMediaItemInfo_Value(item, "B_MUTE", 1) end,
      }
    end
    return units
  end

  --- The places and items in the project now: { anchor, after, into, shift, edited, muted }.
  local function look_up(project, place, result)
    local found = { anchor = place.anchor and guid.track(project, place.anchor), muted = {} }
    if place.anchor and not found.anchor then return found end
    found.after = tracks.place_after(project, found.anchor)
    local into, first = place.into and guid.track(project, place.into), first_output(result)
    if into and first and tracks.is_free(into, first.position_s, first.position_s + first.length_s) then found.into = into end
    found.shift, found.edited = whereabouts.shift(project, place.sources)
    local find = guid.finder(project)
    for _, muted in ipairs(place.mute or {}) do
      found.muted[#found.muted + 1] = find(type(muted) == "table" and muted or { item = muted }) -- older requests name the item alone
    end
    return found
  end

  --- What is done, as units of `undo`: a track for each layer, one below the other, or all on `found.into`.
  local function units_of(project, request, result, found, layers)
    local place, units = request.place, {}
    local last -- the track that the next one goes below
    local function next_track(spec, number)
      if found.into then return found.into end
      local made = tracks.insert_at(project, last and tracks.place_after(project, last) or found.after, { spec }, number == 1 and place.folder or nil)
      last = made[#made]
      return last
    end
    for number, layer in ipairs(layers) do
      units[number] = {
        calls = TRACK_CALLS + TAKE_CALLS * #layer.outputs,
        is_there = function()
          local home = found.into or last
          return not home or reaper.ValidatePtr2(project, home, "MediaTrack*")
        end,
        change = function()
          local home = next_track(layer.spec, number)
          outputs_of.note_placed(result, outputs_of.lay(home, request, layer.part, layer.outputs, layer.sources, found.shift))
        end,
      }
    end
    return units
  end

  --- New items on new tracks below `anchor`, in one folder when `folder` names it; or on the track `into`. They go along with
  -- `sources`, the items that they were made from, if these have moved.
  return function(project, request, result)
    local place = request.place
    local layers, plays_on, remedy
    local function close()
      for _, layer in ipairs(layers or {}) do
        for file, source in pairs(layer.sources) do -- which layers of a part share
          reaper.PCM_Source_Destroy(source)
          layer.sources[file] = nil
        end
      end
    end
    local found = budget.observe(project, function()
      local found = look_up(project, place, result)
      if place.anchor and not found.anchor then return found end
      if not layers then
        budget.reserve(outputs_of.count(result))
        layers, plays_on, remedy = layers_of(place, result)
      end
      if not layers then return found end
      local units = units_of(project, request, result, found, layers)
      for _, unit in ipairs(plays_on and {} or mutes_of(project, found.muted)) do units[#units + 1] = unit end
      found.steps = undo.batches(units)
      undo.reserve(found.steps)
      return found
    end)
    if not found then
      close()
      return nil, "The project was closed.", 'Open it again, then run "AceBridge_Job list".', true
    end
    if place.anchor and not found.anchor then
      close()
      return nil, ("The track %s is no longer in the project."):format(place.anchor_name or ""),
        'Undo what removed it, then run "AceBridge_Job list"; the result is kept.', true
    end
    if not layers then return nil, plays_on, remedy, true end
    if #layers == 0 then return nil, "The engine made nothing that could be placed.", "Try another style or another seed." end
    return {
      steps = found.steps, give_up = close,
      finish = function(lost)
        local summary = #layers == 1 and "on a new track" or ("on %d tracks"):format(#layers)
        if lost > 0 then
          return ("%s; the project was edited meanwhile, so that %d of the tracks and mutes were left out."):format(summary, lost), true
        end
        if not found.edited then return summary, false end
        return ("The items that %s was made from were moved or stretched meanwhile; its result lies where they were."):format(request.title), true
      end,
    }
  end
end
