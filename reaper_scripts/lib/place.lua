-- Puts a result on tracks: in the project it came from, exactly where it belongs, in one undo step. Everything that can be
-- wrong is found before the project is touched; should REAPER fail half-way all the same, the step is undone.

return function(import)
  local guid = import("guid")
  local takes = import("takes")
  local tracks = import("tracks")
  local M = {}

  local BUILD_MISSING_PEAKS = 40047
  local TIME_BASE = 0 -- C_BEATATTACHMODE: stays where it is when the tempo changes
  local FIXED_LANES = 2 -- I_FREEMODE
  local OF_THE_ITEM = {
    "D_POSITION", "D_LENGTH", "D_VOL", "B_MUTE", "C_BEATATTACHMODE", "D_FADEINLEN", "D_FADEOUTLEN", "D_FADEINLEN_AUTO",
    "D_FADEOUTLEN_AUTO", "C_FADEINSHAPE", "C_FADEOUTSHAPE",
  }

  --- Outputs of a part by role, in order: { {role, outputs = {one for each take}} … }.
  local function by_role(part)
    local roles, at = {}, {}
    for _, take in ipairs(part.takes) do
      for _, output in ipairs(take.outputs) do
        if not at[output.role] then
          roles[#roles + 1] = { role = output.role, outputs = {} }
          at[output.role] = roles[#roles]
        end
        local outputs = at[output.role].outputs
        outputs[#outputs + 1] = { output = output, take = take }
      end
    end
    return roles
  end

  --- Roles without `mix`, and true; or all of them, when there is no other: some engines play everything at once.
  local function apart(roles, mix)
    local rest = {}
    for _, role in ipairs(roles) do
      if role.role ~= mix then rest[#rest + 1] = role end
    end
    if #rest == 0 or #rest == #roles then return roles, false end
    return rest, true
  end

  --- Open the media of outputs as sources: output file → source. nil and a message when one cannot be opened.
  local function open_media(roles)
    local sources = {}
    for _, role in ipairs(roles) do
      for _, made in ipairs(role.outputs) do
        local source = reaper.PCM_Source_CreateFromFile(made.output.file)
        if not source then
          for _, opened in pairs(sources) do reaper.PCM_Source_Destroy(opened) end
          return nil, "REAPER cannot open " .. made.output.file .. "; is the disk still there?"
        end
        sources[made.output.file] = source
      end
    end
    return sources
  end

  --- What to remember on a take.
  local function facts_of(request, part, take, again)
    local found = take.metadata or {}
    local made = request.place.made or {}
    return {
      action = request.action, title = request.title, values = made.values, seed = take.seed, engine = part.engine,
      task = part.task, caption = made.caption or found.caption, lyrics = made.lyrics or found.lyrics, model = found.model,
      score = found.score, bpm = found.bpm, keyscale = found.keyscale, again = again,
    }
  end

  --- The number of the best take by its scores, from 1; the first when there are none.
  local function best(part)
    local number, value = 1, -math.huge
    for i, take in ipairs(part.takes) do
      local score = take.metadata and take.metadata.score
      local quality = score and ((score.quality or 0) + (score.lyrics_alignment or 0)) or -math.huge
      if quality > value then number, value = i, quality end
    end
    return number
  end

  local function new_item(track)
    return reaper.AddMediaItemToTrack(track) or error("no new item could be made.", 0)
  end

  --- A new lane of an item's track with a copy of the item's place; returns the item on it.
  local function lane_item(item)
    local track = reaper.GetMediaItem_Track(item)
    local alone = reaper.CountTrackMediaItems(track) == 1
    local lanes = 1
    if reaper.GetMediaTrackInfo_Value(track, "I_FREEMODE") == FIXED_LANES then
      lanes = math.floor(reaper.GetMediaTrackInfo_Value(track, "I_NUMFIXEDLANES"))
    else
      reaper.SetMediaTrackInfo_Value(track, "I_FREEMODE", FIXED_LANES)
    end
    reaper.SetMediaTrackInfo_Value(track, "I_NUMFIXEDLANES", lanes + 1)
    local copy = new_item(track)
    for _, key in ipairs(OF_THE_ITEM) do
      reaper.SetMediaItemInfo_Value(copy, key, reaper.GetMediaItemInfo_Value(item, key))
    end
    reaper.SetMediaItemInfo_Value(copy, "I_FIXEDLANE", lanes)
    reaper.SetMediaItemInfo_Value(copy, "B_LOOPSRC", 0)
    -- A lane plays for its whole track: only when nothing else is on it may the new one take over.
    if alone then reaper.SetMediaTrackInfo_Value(track, "C_LANEPLAYS:" .. lanes, 1) end
    reaper.UpdateTimeline() -- as REAPER's reference asks for after a change of lanes
    return copy
  end

  local function lanes_exist()
    return tonumber(reaper.GetAppVersion():match("^%d+")) >= 7
  end

  -- By kind: a function of project, request and result that looks at all that may be wrong, and returns a function that
  -- changes the project and returns what was placed (and whether to show that in a message). Or it returns nil, a message
  -- and a remedy; or false and a message when nothing is to change.
  local kinds = import("place_facts")

  --- New takes on items. place.items: { {guid, part, offset_s, name, shift_s, set, baked, again} … }; `shift_s`:
  -- how much earlier the item starts now; `set`: further values of the item.
  function kinds.take(project, request, result)
    local targets = {}
    for _, wanted in ipairs(request.place.items) do
      local item = guid.item(project, wanted.guid)
      if not item then
        return nil, ("The item %s is no longer in the project."):format(wanted.name),
          "Undo what removed it, then run AceBridge: Job list; the result is kept.", true
      end
      local part = result.parts[wanted.part]
      local roles = by_role(part)
      local sources, why = open_media(roles)
      if not sources then return nil, why, "Bring it back, then run AceBridge: Job list; the result is kept.", true end
      targets[#targets + 1] = { item = item, wanted = wanted, part = part, outputs = roles[1].outputs, sources = sources }
    end
    return function()
      for _, target in ipairs(targets) do
        local item, wanted = target.item, target.wanted
        local old = reaper.GetActiveTake(item)
        local shift = wanted.shift_s or 0
        if shift > 0 then
          for i = 0, reaper.CountTakes(item) - 1 do
            local take = reaper.GetTake(item, i)
            if take then -- an item may have empty takes
              local rate = reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
              local offset = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS")
              reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", offset - shift * rate)
            end
          end
        end
        local on_lane = request.place.lane and shift == 0 and not wanted.set and lanes_exist()
        local home = on_lane and lane_item(item) or item
        for key, value in pairs(wanted.set or {}) do reaper.SetMediaItemInfo_Value(home, key, value) end
        local first = reaper.CountTakes(home)
        for _, made in ipairs(target.outputs) do
          local take = takes.add(home, target.sources[made.output.file], made.output.name, wanted.offset_s, old)
          if wanted.baked then -- the file holds volume and pan of item and take
            local volume = reaper.GetMediaItemInfo_Value(home, "D_VOL")
            reaper.SetMediaItemTakeInfo_Value(take, "D_VOL", volume > 0 and 1 / volume or 1)
            reaper.SetMediaItemTakeInfo_Value(take, "D_PAN", 0)
          end
          takes.remember(take, facts_of(request, target.part, made.take, wanted.again))
        end
        reaper.SetMediaItemInfo_Value(home, "I_CURTAKE", first + best(target.part) - 1)
        reaper.UpdateItemInProject(home)
      end
      return #targets == 1 and "new take" or #targets .. " new takes"
    end
  end

  --- New items on new tracks below `anchor`, in one folder when `folder` names it; or on the track `into`.
  function kinds.tracks(project, request, result)
    local place = request.place
    local anchor = place.anchor and guid.track(project, place.anchor)
    if place.anchor and not anchor then
      return nil, ("The track %s is no longer in the project."):format(place.anchor_name or ""),
        "Undo what removed it, then run AceBridge: Job list; the result is kept.", true
    end
    local lanes, plays_on = {}, false
    for _, part in ipairs(result.parts) do
      if #part.takes > 0 and #part.takes[1].outputs > 0 then
        local roles
        roles, plays_on = apart(by_role(part), place.mix)
        local sources, why = open_media(roles)
        if not sources then return nil, why, "Bring it back, then run AceBridge: Job list; the result is kept.", true end
        for _, role in ipairs(roles) do
          local first = role.outputs[1].output
          lanes[#lanes + 1] = { part = part, outputs = role.outputs, sources = sources, spec = { name = place.name or first.name, colour = first.colour } }
        end
      end
    end
    if #lanes == 0 then return nil, "The engine made nothing that could be placed.", "Try another style or another seed." end
    return function()
      local specs = {}
      for i, lane in ipairs(lanes) do specs[i] = lane.spec end
      local made
      local first_output = lanes[1].outputs[1].output
      local into = place.into and guid.track(project, place.into)
      if into and not tracks.is_free(into, first_output.position_s, first_output.position_s + first_output.length_s) then into = nil end
      if into then
        made = { into }
      else
        made = tracks.insert_after(project, anchor, specs, place.folder)
        if place.folder then table.remove(made, 1) end
      end
      for i, lane in ipairs(lanes) do
        local item = new_item(into or made[i])
        local first = lane.outputs[1].output
        reaper.SetMediaItemInfo_Value(item, "D_POSITION", first.position_s)
        reaper.SetMediaItemInfo_Value(item, "D_LENGTH", first.length_s)
        reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
        reaper.SetMediaItemInfo_Value(item, "C_BEATATTACHMODE", TIME_BASE)
        reaper.SetMediaItemInfo_Value(item, "D_FADEINLEN", first.fade_in_s)
        reaper.SetMediaItemInfo_Value(item, "D_FADEOUTLEN", first.fade_out_s)
        for _, output in ipairs(lane.outputs) do
          local take = takes.add(item, lane.sources[output.output.file], output.output.name, 0)
          takes.remember(take, facts_of(request, lane.part, output.take))
        end
        reaper.SetMediaItemInfo_Value(item, "I_CURTAKE", best(lane.part) - 1)
        reaper.UpdateItemInProject(item)
      end
      for _, muted in ipairs(not plays_on and place.mute or {}) do
        local item = guid.item(project, muted)
        if item then reaper.SetMediaItemInfo_Value(item, "B_MUTE", 1) end
      end
      return #lanes == 1 and "on a new track" or ("on %d tracks"):format(#lanes)
    end
  end

  --- Place a result into `project`. Returns true, what was placed, and whether that is to be shown in a message;
  -- or nil, a message, a remedy, and whether it is worth trying again later.
  function M.place(project, request, result)
    for i, part in ipairs(result.parts) do part.engine = part.engine or result.engine or request.parts[i].engine end
    local apply, why, remedy, later = kinds[request.place.kind](project, request, result)
    if apply == false then return true, why end
    if not apply then return nil, why, remedy, later end
    reaper.PreventUIRefresh(1)
    reaper.Undo_BeginBlock2(project)
    local ok, summary, shown = pcall(apply, project)
    reaper.Undo_EndBlock2(project, "AceBridge: " .. request.title, -1)
    if not ok then reaper.Undo_DoUndo2(project) end
    reaper.PreventUIRefresh(-1)
    reaper.UpdateArrange()
    if not ok then return nil, "REAPER could not place the result: " .. tostring(summary), "The result is kept: run AceBridge: Job list.", true end
    reaper.Main_OnCommandEx(BUILD_MISSING_PEAKS, 0, project)
    return true, summary, shown
  end

  return M
end
