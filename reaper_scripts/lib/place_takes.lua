-- New takes on items, wherever their music is now; where a take does not fit any more, the result goes beside its item. See
-- `place`.

return function(import)
  local budget = import("budget")
  local guid = import("guid")
  local left_edge = import("left_edge")
  local outputs_of = import("outputs")
  local takes = import("takes")
  local tracks = import("tracks")
  local whereabouts = import("whereabouts")

  local FREE_POSITIONS, FIXED_LANES, LANES_SINCE = 1, 2, 7 -- I_FREEMODE; REAPER's version
  local SAME_S = 1e-6
  local OF_THE_ITEM = {
    "D_POSITION", "D_LENGTH", "D_VOL", "B_MUTE", "C_BEATATTACHMODE", "D_FADEINLEN", "D_FADEOUTLEN", "D_FADEINLEN_AUTO",
    "D_FADEOUTLEN_AUTO", "C_FADEINSHAPE", "C_FADEOUTSHAPE",
  }
  local MANNER = { D_PLAYRATE = "rate", D_PITCH = "pitch", I_CHANMODE = "channels" } -- of a take: its name in a note
  local EDITED = '"%s" was edited while its job ran, so that the result is on a new track below it.'
  local NO_ROOM = 'There is no room beside "%s" any more, so that the result is on a new track below it.'

  local MIDI = '"%s" holds MIDI, so that the result is on a new track below it, at the same place.'

  --- A new lane of an item's track with a copy of the item's place; returns the item on it, and whether it plays.
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
    local copy = outputs_of.new_item(track)
    for _, key in ipairs(OF_THE_ITEM) do
      reaper.SetMediaItemInfo_Value(copy, key, reaper.GetMediaItemInfo_Value(item, key))
    end
    reaper.SetMediaItemInfo_Value(copy, "I_FIXEDLANE", lanes)
    reaper.SetMediaItemInfo_Value(copy, "B_LOOPSRC", 0)
    -- A lane plays for its whole track: only when nothing else is on it may the new one take over.
    if alone then reaper.SetMediaTrackInfo_Value(track, "C_LANEPLAYS:" .. lanes, 1) end
    reaper.UpdateTimeline() -- as REAPER's reference asks for after a change of lanes
    if reaper.APIExists("UpdateItemLanes") then reaper.UpdateItemLanes(reaper.GetItemProjectContext(item)) end
    return copy, alone
  end

  --- Whether a result may go onto a lane: never on a track whose items lie where they were put.
  local function takes_lanes(item)
    return tonumber(reaper.GetAppVersion():match("^%d+")) >= LANES_SINCE
      and reaper.GetMediaTrackInfo_Value(reaper.GetMediaItem_Track(item), "I_FREEMODE") ~= FREE_POSITIONS
  end

  local function has_room(piece, wanted)
    for side, grow in pairs({ [-1] = wanted.grow_left or 0, [1] = wanted.grow_right or 0 }) do
      if grow > SAME_S and tracks.room(piece.item, side) < grow - SAME_S then return false end
    end
    return true
  end

  --- Where the result of an item goes that holds MIDI: beside it, as much later as the music is now; nil: it is gone.
  local function home_beside(project, wanted)
    local item = guid.finder(project)(wanted.sent)
    local shift, edited = whereabouts.shift(project, wanted.beside)
    return item and { track = reaper.GetMediaItem_Track(item), why = edited and EDITED or MIDI, shift = shift }
  end

  --- Where a result goes: { pieces, track }, or { track, why } when no take of it fits, or nil when its item is gone.
  local function home_of(project, wanted)
    if wanted.beside then return home_beside(project, wanted) end
    local pieces, track, something = whereabouts.find(project, wanted.sent)
    if not pieces then return something and { track = track, why = EDITED } or nil end
    local needs = wanted.keeps or {}
    pieces = whereabouts.fitting(pieces, wanted.sent, { left = needs.left, right = needs.right, changed = wanted.changed })
    if #pieces == 0 then return { track = track, why = EDITED } end
    for _, piece in ipairs(pieces) do
      if not has_room(piece, wanted) then return { track = track, why = NO_ROOM } end
    end
    return { track = track, pieces = pieces }
  end

  local PIECE_CALLS, TAKE_CALLS = 40, 40 -- what a piece costs, and each of its takes, envelopes apart

  --- How many calls placing takes, about: all in one tick, since they are one undo step.
  local function count_calls(targets, result)
    local calls = 100
    for _, target in ipairs(targets) do
      local count = #result.parts[target.wanted.part].takes
      calls = calls + math.max(1, #(target.home.pieces or {})) * (PIECE_CALLS + TAKE_CALLS * count)
    end
    return calls
  end

  --- Takes that make sense together only (a join): when one does not fit, or they no longer meet, none does.
  local function keep_together(targets)
    local by
    for _, target in ipairs(targets) do
      local pieces = target.home.pieces
      local here = pieces and #pieces == 1 and pieces[1].origin - target.wanted.sent.position
      if not here or by and math.abs(here - by) > SAME_S or target.home.track ~= targets[1].home.track then
        for _, each in ipairs(targets) do each.home = { track = each.home.track, why = each.home.why or EDITED, shift = each.home.shift } end
        return
      end
      by = by or here
    end
  end

  --- The stretch that is new, from the start of a piece whose new take begins at `offset_s` of its file.
  local function again_in(changed, piece, offset_s)
    if not changed then return nil end
    return {
      offset = offset_s, start = math.max(0, changed.start - piece.shift), stop = math.min(piece.length, changed.stop - piece.shift),
    }
  end

  --- The same of an item beside.
  local function again_beside(wanted)
    if not wanted.changed then return nil end
    if wanted.whole then return again_in(wanted.changed, { shift = 0, length = wanted.sent.length }, wanted.offset_s) end
    return { offset = 0, start = wanted.changed.start + wanted.offset_s, stop = wanted.changed.stop + wanted.offset_s }
  end

  --- Play a take as fast and as high as the one that was sent: its file is like that one's.
  local function play_as_sent(take, sent)
    for key, name in pairs(MANNER) do reaper.SetMediaItemTakeInfo_Value(take, key, sent[name]) end
  end

  --- Add the takes of a target to one piece; returns whether they are heard.
  local function add_takes(request, result, target, piece, sources)
    local wanted, item = target.wanted, piece.item
    local grows = wanted.grow_left or wanted.grow_right
    if wanted.grow_left then left_edge.extend(item, wanted.grow_left) end
    local on_lane = request.place.lane and not grows and not wanted.set and takes_lanes(item)
    local home, plays = item, true
    if on_lane then home, plays = lane_item(item) end
    local function set(key, value) reaper.SetMediaItemInfo_Value(home, key, value) end
    if wanted.grow_right then set("D_LENGTH", reaper.GetMediaItemInfo_Value(home, "D_LENGTH") + wanted.grow_right) end
    if grows then set("B_LOOPSRC", 0) end
    for key, value in pairs(wanted.set or {}) do set(key, value) end
    local first = reaper.CountTakes(home)
    local offset_s = wanted.offset_s + piece.shift * (wanted.whole and wanted.sent.rate or 1)
    local again = again_in(wanted.changed, piece, offset_s)
    for number, made in ipairs(target.outputs) do
      local take = takes.add(home, sources[made.output.file], made.output.name, offset_s, piece.take)
      if wanted.whole then play_as_sent(take, wanted.sent) end
      if wanted.baked then -- the file holds the volume of item and take
        local volume = reaper.GetMediaItemInfo_Value(home, "D_VOL")
        reaper.SetMediaItemTakeInfo_Value(take, "D_VOL", volume > 0 and 1 / volume or 1)
        if wanted.baked ~= "volume" then reaper.SetMediaItemTakeInfo_Value(take, "D_PAN", 0) end
      end
      takes.remember(take, outputs_of.facts(request, target.part, made.take, again))
      set("I_CURTAKE", first + number - 1)
      takes.copy_envelopes(piece.take, take)
    end
    set("I_CURTAKE", first + outputs_of.best(target.part) - 1)
    reaper.UpdateItemInProject(home)
    outputs_of.note_placed(result, home, not on_lane and piece.take or nil, on_lane and item or nil)
    return plays
  end

  --- Play what lies beside an item as loud and where its take did, unless its file holds that.
  local function take_over_gains(item, wanted)
    local gains, baked = wanted.sent.gains, wanted.baked
    if not gains or baked and baked ~= "volume" then return end
    if not baked then reaper.SetMediaItemInfo_Value(item, "D_VOL", gains.item) end
    for i = 0, reaper.CountTakes(item) - 1 do
      for _, key in ipairs(whereabouts.GAINS) do
        if not baked or key ~= "D_VOL" then reaper.SetMediaItemTakeInfo_Value(reaper.GetTake(item, i), key, gains[key]) end
      end
    end
  end

  --- Have an item beside play what was sent of a whole file, where that was sent from.
  local function show_what_was_sent(item, wanted, shift)
    reaper.SetMediaItemInfo_Value(item, "D_POSITION", wanted.sent.position + shift)
    reaper.SetMediaItemInfo_Value(item, "D_LENGTH", wanted.sent.length)
    for i = 0, reaper.CountTakes(item) - 1 do
      local take = reaper.GetTake(item, i)
      reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", wanted.offset_s)
      play_as_sent(take, wanted.sent)
    end
  end

  --- Put results beside their items, each once; returns a sentence for each.
  local function lay_beside(project, request, result, targets)
    local said, done = {}, {}
    for _, target in ipairs(targets) do
      if not target.home.pieces and done[target.part] then
        for _, source in pairs(target.sources[1]) do reaper.PCM_Source_Destroy(source) end
      elseif not target.home.pieces then
        done[target.part] = true
        said[#said + 1] = target.home.why:format(target.wanted.name)
        local spec = { name = target.outputs[1].output.name, colour = target.outputs[1].output.colour }
        local track = tracks.insert_at(project, target.home.after, { spec })[1]
        local item = outputs_of.lay(track, request, target.part, target.outputs, target.sources[1], target.home.shift or 0, again_beside(target.wanted))
        if target.wanted.whole then show_what_was_sent(item, target.wanted, target.home.shift or 0) end
        if not target.wanted.beside then take_over_gains(item, target.wanted) end
        outputs_of.note_placed(result, item)
      end
    end
    return said
  end

  --- Where each target goes now: a list of { wanted, part, home, outputs }, or { gone = the name of an item }.
  local function look_up(project, request, result)
    local targets = {}
    for _, wanted in ipairs(request.place.items) do
      local home = home_of(project, wanted)
      if not home then return { gone = wanted.name } end
      local part = result.parts[wanted.part]
      targets[#targets + 1] = { wanted = wanted, part = part, home = home, outputs = outputs_of.by_role(part)[1].outputs }
    end
    if request.place.together then keep_together(targets) end
    for _, target in ipairs(targets) do
      if not target.home.pieces then target.home.after = tracks.place_after(project, target.home.track) end
    end
    budget.reserve(count_calls(targets, result))
    return targets
  end

  --- place.items: { {sent, part, offset_s, name, changed, keeps, grow_left, grow_right, set, baked} … }; `sent` is a note of
  -- `whereabouts`; `beside`: notes of the items whose result lies beside them; `changed`: what is new, from the item's start;
  -- `keeps`: edges that have to be where they were; `grow_…`: how much longer the item gets; `set`: further values of the item;
  -- `whole`: the result is like the whole file of the take that was sent; `baked`: which gains the file holds ("volume", "volume
  -- and pan"; nil: none). place.together: all of them or none.
  return function(project, request, result)
    local targets = budget.observe(project, function() return look_up(project, request, result) end)
    if not targets then return nil, "The project was closed.", 'Open it again, then run "AceBridge_Job list".', true end
    if targets.gone then
      return nil, ("The item %s is no longer in the project."):format(targets.gone),
        'Undo what removed it, then run "AceBridge_Job list"; the result is kept.', true
    end
    for _, target in ipairs(targets) do
      target.sources = {}
      for i = 1, math.max(1, #(target.home.pieces or {})) do -- a source belongs to one take
        local sources, why, remedy = outputs_of.open({ target })
        if not sources then return nil, why, remedy, true end
        target.sources[i] = sources
      end
    end
    return function()
      local count, silent = 0, 0
      for _, target in ipairs(targets) do
        for i, piece in ipairs(target.home.pieces or {}) do
          count = count + 1
          if not add_takes(request, result, target, piece, target.sources[i]) then silent = silent + 1 end
        end
      end
      local said = lay_beside(project, request, result, targets)
      local summary = count == 1 and "new take" or count > 0 and count .. " new takes" or ""
      if silent > 0 then summary = summary .. " on a new lane that does not play yet" end
      if #said == 0 then return summary end
      return table.concat(said, "\n") .. (count > 0 and "\n" .. summary or ""), true
    end
  end
end
