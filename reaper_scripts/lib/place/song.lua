-- A song from sections: one item for each on a new track, all cut from one file, with the other takes of a section as takes.
-- See `place/result`.

return function(import)
  local budget = import("budget")
  local guid = import("project/guid")
  local outputs_of = import("place/outputs")
  local regions = import("project/regions")
  local takes = import("project/takes")
  local tracks = import("project/tracks")
  local undo = import("project/undo")

  local MOVED = "The regions were moved or changed meanwhile; the song lies where they were."

  --- What goes onto the items: { {section, part, takes = { {take, output, offset_s, source} … }} … }, a source for each take. Or
  -- nil, a message and a remedy.
  local function layers_of(result)
    local song = result.song
    local whole = result.parts[song.part + 1].takes[1].outputs[1]
    local layers, opened = {}, {}
    for number, section in ipairs(song.sections) do
      local layer = { section = section, part = result.parts[section.part + 1], takes = {}, rate = whole.sample_rate }
      for place, take in ipairs(layer.part.takes) do
        -- The take that was chosen is in the song, where it leads into the next section.
        local output = place == 1 and whole or take.outputs[1]
        local sources, why, remedy = outputs_of.open({ { outputs = { { output = output } } } })
        if not sources then
          for _, source in ipairs(opened) do reaper.PCM_Source_Destroy(source) end
          return nil, why, remedy
        end
        opened[#opened + 1] = sources[output.file]
        layer.takes[place] = {
          take = take, source = sources[output.file], name = section.name,
          offset_s = (section.start_frame - output.start_frame) / output.sample_rate,
        }
      end
      layers[number] = layer
    end
    return layers, whole
  end

  local function lay(track, request, layer, origin, shift)
    local item = outputs_of.new_item(track)
    local section, rate = layer.section, layer.rate
    local function set(key, value) reaper.SetMediaItemInfo_Value(item, key, value) end
    set("D_POSITION", (origin + section.start_frame) / rate + shift)
    set("D_LENGTH", (section.end_frame - section.start_frame) / rate)
    set("B_LOOPSRC", 0)
    set("D_FADEINLEN", 0) -- the items play on into each other
    set("D_FADEOUTLEN", 0)
    for _, made in ipairs(layer.takes) do
      local take = takes.add(item, made.source, made.name, made.offset_s)
      takes.remember(take, outputs_of.facts(request, layer.part, made.take))
    end
    set("I_CURTAKE", 0)
    reaper.UpdateItemInProject(item)
    return item
  end

  local TRACK_CALLS, ITEM_CALLS, TAKE_CALLS = 20, 20, 14 -- what the track costs at most, an item, and each of its takes

  --- The places in the project now: { anchor, after, shift, moved }.
  local function look_up(project, place)
    local found = { anchor = place.anchor and guid.track(project, place.anchor) }
    if place.anchor and not found.anchor then return found end
    found.after = tracks.place_after(project, found.anchor)
    found.shift, found.moved = regions.shift(project, place.regions)
    return found
  end

  --- What is done, as units of `undo`: the track, with an item for each section.
  local function units_of(project, request, result, found, layers, whole)
    local units, track = {}, nil
    local origin = math.floor(whole.position_s * whole.sample_rate + 0.5)
    for number, layer in ipairs(layers) do
      units[number] = {
        calls = ITEM_CALLS + TAKE_CALLS * #layer.takes + (number == 1 and TRACK_CALLS or 0),
        is_there = function() return reaper.ValidatePtr2(project, track, "MediaTrack*") end,
        change = function()
          track = track or tracks.insert_at(project, found.after, { { name = "Song" } })[1]
          outputs_of.note_placed(result, lay(track, request, layer, origin, found.shift))
        end,
      }
    end
    return units
  end

  local function close(layers)
    for _, layer in ipairs(layers or {}) do
      for _, made in ipairs(layer.takes) do reaper.PCM_Source_Destroy(made.source) end
    end
  end

  return function(project, request, result)
    local place = request.place
    local layers, whole, remedy
    local found = budget.observe(project, function()
      local found = look_up(project, place)
      if place.anchor and not found.anchor then return found end
      if not layers then
        budget.reserve(outputs_of.count(result))
        layers, whole, remedy = layers_of(result)
      end
      if not layers then return found end
      found.steps = undo.batches(units_of(project, request, result, found, layers, whole))
      undo.reserve(found.steps)
      return found
    end)
    if not found then
      close(layers)
      return nil, "The project was closed.", 'Open it again, then run "AceBridge_Job list".', true
    end
    if place.anchor and not found.anchor then
      close(layers)
      return nil, ("The track %s is no longer in the project."):format(place.anchor_name or ""),
        'Undo what removed it, then run "AceBridge_Job list"; the result is kept.', true
    end
    if not layers then return nil, whole, remedy, true end
    return {
      steps = found.steps, give_up = function() close(layers) end,
      finish = function(lost)
        local summary, missing = ("%d sections on a new track"):format(#layers), result.song.missing
        if lost > 0 then summary = ("%s; %d of them were left out, because the track was removed meanwhile"):format(summary, lost) end
        if #missing > 0 then
          return ("%s; not made: %s.\n%s"):format(summary, table.concat(missing, ", "), table.concat(result.warnings, "\n")), true
        end
        if found.moved then return MOVED, true end
        return summary, lost > 0
      end,
    }
  end
end
