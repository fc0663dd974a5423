-- New items on new tracks, or on a track that has room for them. See `place`.

return function(import)
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

  --- The tracks that layers go to, one for each: `into`, when it still has room, or new ones.
  local function tracks_for(project, place, anchor, layers)
    local first = layers[1].outputs[1].output
    local into = place.into and guid.track(project, place.into)
    if into and tracks.is_free(into, first.position_s, first.position_s + first.length_s) then
      local found = {}
      for i = 1, #layers do found[i] = into end
      return found
    end
    local specs = {}
    for i, layer in ipairs(layers) do specs[i] = layer.spec end
    local made = tracks.insert_after(project, anchor, specs, place.folder)
    if place.folder then table.remove(made, 1) end
    return made
  end

  --- New items on new tracks below `anchor`, in one folder when `folder` names it; or on the track `into`. They go along with
  -- `sources`, the items that they were made from, if these have moved.
  return function(project, request, result)
    local place = request.place
    local anchor = place.anchor and guid.track(project, place.anchor)
    if place.anchor and not anchor then
      return nil, ("The track %s is no longer in the project."):format(place.anchor_name or ""),
        'Undo what removed it, then run "AceBridge_Job list"; the result is kept.', true
    end
    local layers, plays_on, remedy = layers_of(place, result)
    if not layers then return nil, plays_on, remedy, true end
    if #layers == 0 then return nil, "The engine made nothing that could be placed.", "Try another style or another seed." end
    local shift, edited = whereabouts.shift(project, place.sources)
    return function()
      local homes = tracks_for(project, place, anchor, layers)
      for i, layer in ipairs(layers) do
        outputs_of.note_placed(result, outputs_of.lay(homes[i], request, layer.part, layer.outputs, layer.sources, shift))
      end
      local to_mute = not plays_on and place.mute or {}
      local items = #to_mute > 0 and guid.items(project)
      for _, muted in ipairs(to_mute) do
        if items[muted] then reaper.SetMediaItemInfo_Value(items[muted], "B_MUTE", 1) end
      end
      local summary = #layers == 1 and "on a new track" or ("on %d tracks"):format(#layers)
      if not edited then return summary end
      return ("The items that %s was made from were moved or stretched meanwhile; its result lies where they were."):format(request.title), true
    end
  end
end
