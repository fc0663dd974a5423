-- New takes on items, wherever their music is now; where a take does not fit any more, the result goes beside its item. See
-- `place/result`.

return function(import)
  local budget = import("budget")
  local guid = import("project/guid")
  local left_edge = import("place/left_edge")
  local outputs_of = import("place/outputs")
  local takes = import("project/takes")
  local tracks = import("project/tracks")
  local undo = import("project/undo")
  local whereabouts = import("project/whereabouts")

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

  --- Add the takes of a target to one piece; returns whether they are heard. `chosen`: see `takes.find_chosen`.
  local function add_takes(request, result, target, piece, sources, chosen)
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
      takes.copy_envelopes(piece.take, take, chosen)
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

  --- Put a result beside its item; returns a sentence about that.
  local function lay_beside(project, request, result, target)
    local wanted, home = target.wanted, target.home
    local spec = { name = target.outputs[1].output.name, colour = target.outputs[1].output.colour }
    local track = tracks.insert_at(project, tracks.place_after(project, home.track), { spec })[1]
    local item = outputs_of.lay(track, request, target.part, target.outputs, target.sources[1], home.shift or 0, again_beside(wanted))
    if wanted.whole then show_what_was_sent(item, wanted, home.shift or 0) end
    if not wanted.beside then take_over_gains(item, wanted) end
    outputs_of.note_placed(result, item)
    return home.why:format(wanted.name)
  end

  -- What it takes, in calls: a piece, each of its takes, an envelope of one, what lies beside, and each of its takes.
  local PIECE_CALLS, TAKE_CALLS, ENVELOPE_CALLS, BESIDE_CALLS, BESIDE_TAKE_CALLS = 45, 30, 16, 40, 24

  --- How many calls the envelopes of a new take take.
  local function envelope_calls(old)
    local calls, is_plain = 0, reaper.GetMediaItemTakeInfo_Value(old, "D_PLAYRATE") == 1
    for i = 0, reaper.CountTakeEnvelopes(old) - 1 do
      local points = is_plain and 0 or reaper.CountEnvelopePoints(reaper.GetTakeEnvelope(old, i))
      calls = calls + ENVELOPE_CALLS + 2 * points
      budget.spend(is_plain and 0 or 2)
    end
    budget.spend(2)
    return calls
  end

  --- What is done, as units of `undo`, in their order. `done` notes what becomes of it: { count, silent, said }. `chosen`: what is
  -- selected.
  local function units_of(project, request, result, targets, chosen, done)
    local units = {}
    local function add(calls, is_there, change) units[#units + 1] = { calls = calls, is_there = is_there, change = change } end
    for _, target in ipairs(targets) do
      for i, piece in ipairs(target.home.pieces or {}) do
        local of_each = TAKE_CALLS + envelope_calls(piece.take) + takes.count_chosen_calls(piece.take, chosen)
        add(PIECE_CALLS + #target.outputs * of_each, function() return whereabouts.is_same(project, piece, target.wanted.sent) end, function()
          done.count = done.count + 1
          if not add_takes(request, result, target, piece, target.sources[i], chosen) then done.silent = done.silent + 1 end
        end)
      end
    end
    for _, target in ipairs(targets) do
      if target.is_beside then
        local track = target.home.track
        local calls = BESIDE_CALLS + tracks.count_inside(project, track) + BESIDE_TAKE_CALLS * #target.outputs
        add(calls, function() return reaper.ValidatePtr2(project, track, "MediaTrack*") end, function()
          done.said[#done.said + 1] = lay_beside(project, request, result, target)
        end)
      end
    end
    return units
  end

  --- Where each target goes now: a list of { wanted, part, home, outputs }, or { gone = the name of an item }.
  local function find_targets(project, request, result)
    local targets = {}
    for _, wanted in ipairs(request.place.items) do
      local home = home_of(project, wanted)
      if not home then return { gone = wanted.name } end
      local part = result.parts[wanted.part]
      targets[#targets + 1] = { wanted = wanted, part = part, home = home, outputs = outputs_of.by_role(part)[1].outputs }
    end
    if request.place.together then keep_together(targets) end
    local laid = {}
    for _, target in ipairs(targets) do -- what lies beside is laid once for each part
      target.is_beside = not target.home.pieces and not laid[target.part]
      laid[target.part] = laid[target.part] or target.is_beside
    end
    return targets
  end

  --- How many times the outputs of a target are opened: a source belongs to one take.
  local function count_sources(target) return target.is_beside and 1 or #(target.home.pieces or {}) end

  --- Open the sources of targets, those that are not in `opened` already. Returns true, or nil, a message and a remedy.
  local function open(targets, opened)
    for number, target in ipairs(targets) do
      opened[number] = opened[number] or {}
      target.sources = opened[number]
      for i = #target.sources + 1, count_sources(target) do
        budget.reserve(#target.outputs)
        local sources, why, remedy = outputs_of.open({ target })
        if not sources then return nil, why, remedy end
        target.sources[i] = sources
      end
    end
    return true
  end

  --- Close what was opened but for the first `wanted(number)` sources of each target.
  local function close(opened, wanted)
    for number, list in ipairs(opened) do
      for i = wanted(number) + 1, #list do
        for _, source in pairs(list[i]) do reaper.PCM_Source_Destroy(source) end
        list[i] = nil
      end
    end
  end

  --- All that has to be known: { targets, steps, done, chosen }, or { gone }, or { fault, remedy }.
  local function look_up(project, request, result, opened)
    local targets = find_targets(project, request, result)
    if targets.gone then return targets end
    local ok, fault, remedy = open(targets, opened)
    if not ok then return { fault = fault, remedy = remedy } end
    local done = { count = 0, silent = 0, said = {} }
    local chosen = takes.find_chosen(project, targets)
    local steps = undo.batches(units_of(project, request, result, targets, chosen, done))
    undo.reserve(steps)
    return { targets = targets, steps = steps, done = done, chosen = chosen }
  end

  --- What was done, in words, and whether to show them in a message. `lost`: how many parts got nothing.
  local function describe(done, lost)
    local summary = done.count == 1 and "new take" or done.count > 0 and done.count .. " new takes" or ""
    if done.silent > 0 then summary = summary .. " on a new lane that does not play yet" end
    if lost > 0 then
      done.said[#done.said + 1] = lost == 1 and "1 item was edited while the takes were placed, and got none."
        or ("%d items were edited while the takes were placed, and got none."):format(lost)
    end
    if #done.said == 0 then return summary, false end
    return table.concat(done.said, "\n") .. (done.count > 0 and "\n" .. summary or ""), true
  end

  --- place.items: { {sent, part, offset_s, name, changed, keeps, grow_left, grow_right, set, baked} … }; `sent` is a note of
  -- `whereabouts`; `beside`: notes of the items whose result lies beside them; `changed`: what is new, from the item's start;
  -- `keeps`: edges that have to be where they were; `grow_…`: how much longer the item gets; `set`: further values of the item;
  -- `whole`: the result is like the whole file of the take that was sent; `baked`: which gains the file holds ("volume", "volume
  -- and pan"; nil: none). place.together: all of them or none.
  return function(project, request, result)
    local opened = {}
    local function close_all() close(opened, function() return 0 end) end
    local found = budget.observe(project, function() return look_up(project, request, result, opened) end)
    if not found then
      close_all()
      return nil, "The project was closed.", 'Open it again, then run "AceBridge_Job list".', true
    end
    if found.gone or found.fault then
      close_all()
      if found.fault then return nil, found.fault, found.remedy, true end
      return nil, ("The item %s is no longer in the project."):format(found.gone),
        'Undo what removed it, then run "AceBridge_Job list"; the result is kept.', true
    end
    close(opened, function(number) return count_sources(found.targets[number]) end)
    return {
      steps = found.steps, give_up = close_all,
      finish = function(lost) return describe(found.done, lost) end,
      put_back = function() takes.choose_again(project, found.chosen) end,
    }
  end
end
