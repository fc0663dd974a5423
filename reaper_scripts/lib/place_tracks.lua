-- New items on new tracks, or on a track that has room for them. See `place`.

return function(import)
  local budget = import("budget")
  local guid = import("guid")
  local outputs_of = import("outputs")
  local tracks = import("tracks")
  local whereabouts = import("whereabouts")

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

  --- The tracks that layers go to, one for each: `found.into`, when it still has room, or new ones.
  local function tracks_for(project, place, found, layers)
    local made = {}
    if found.into then
      for i = 1, #layers do made[i] = found.into end
      return made
    end
    local specs = {}
    for i, layer in ipairs(layers) do specs[i] = layer.spec end
    made = tracks.insert_at(project, found.after, specs, place.folder)
    if place.folder then table.remove(made, 1) end
    return made
  end

  local TRACK_CALLS, TAKE_CALLS = 15, 12 -- what a new track with an item costs at most, and each of its takes

  --- How many calls placing takes: all in one tick, since they are one undo step.
  local function count_calls(place, result)
    local calls = 100 + #(place.mute or {})
    for _, part in ipairs(result.parts) do
      local outputs = part.takes[1] and part.takes[1].outputs or {}
      calls = calls + #outputs * (TRACK_CALLS + TAKE_CALLS * #part.takes)
    end
    return calls
  end

  --- The first output that is placed, which says whether a track has room.
  local function first_output(result)
    for _, part in ipairs(result.parts) do
      local outputs = part.takes[1] and part.takes[1].outputs or {}
      if outputs[1] then return outputs[1] end
    end
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

  --- New items on new tracks below `anchor`, in one folder when `folder` names it; or on the track `into`. They go along with
  -- `sources`, the items that they were made from, if these have moved.
  return function(project, request, result)
    local place = request.place
    local found = budget.observe(project, function() return look_up(project, place, result) end, count_calls(place, result))
    if not found then return nil, "The project was closed.", 'Open it again, then run "AceBridge_Job list".', true end
    if place.anchor and not found.anchor then
      return nil, ("The track %s is no longer in the project."):format(place.anchor_name or ""),
        'Undo what removed it, then run "AceBridge_Job list"; the result is kept.', true
    end
    local layers, plays_on, remedy = layers_of(place, result)
    if not layers then return nil, plays_on, remedy, true end
    if #layers == 0 then return nil, "The engine made nothing that could be placed.", "Try another style or another seed." end
    return function()
      local homes = tracks_for(project, place, found, layers)
      for i, layer in ipairs(layers) do
        outputs_of.note_placed(result, outputs_of.lay(homes[i], request, layer.part, layer.outputs, layer.sources, found.shift))
      end
      for _, item in ipairs(plays_on and {} or found.muted) do reaper.SetMediaItemInfo_Value(item, "B_MUTE", 1) end
      local summary = #layers == 1 and "on a new track" or ("on %d tracks"):format(#layers)
      if not found.edited then return summary end
      return ("The items that %s was made from were moved or stretched meanwhile; its result lies where they were."):format(request.title), true
    end
  end
end
