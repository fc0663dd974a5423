-- The outputs of a result's part: sorted by role, opened as media, laid onto tracks.

return function(import)
  local guid = import("project/guid")
  local scores = import("shared/scores")
  local takes = import("project/takes")
  local M = {}

  --- Outputs of a part by role, in order: { {role, outputs = {one for each take}} … }.
  function M.by_role(part)
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

  --- How many outputs a result has.
  function M.count(result)
    local count = 0
    for _, part in ipairs(result.parts) do
      for _, take in ipairs(part.takes) do count = count + #(take.outputs or {}) end
    end
    return count
  end

  --- Open the media of outputs as sources: output file → source. nil, a message and a remedy when one cannot be opened.
  function M.open(roles)
    local sources = {}
    for _, role in ipairs(roles) do
      for _, made in ipairs(role.outputs) do
        local source = reaper.PCM_Source_CreateFromFile(made.output.file)
        if not source then
          for _, opened in pairs(sources) do reaper.PCM_Source_Destroy(opened) end
          return nil, "REAPER cannot open " .. made.output.file .. "; is the disk still there?",
            'Bring it back, then run "AceBridge_Job list"; the result is kept.'
        end
        sources[made.output.file] = source
      end
    end
    return sources
  end

  --- What to remember on a take.
  function M.facts(request, part, take, again)
    local found = take.metadata or {}
    local rank, best_of, ranked_by = scores.rank(part, take.take)
    local made = request.place.made or {}
    return {
      action = request.action, title = request.title, values = made.values, seed = take.seed, engine = part.engine,
      task = part.task, caption = made.caption or found.caption, lyrics = made.lyrics or found.lyrics, model = found.model,
      score = found.score, rank = rank, best_of = best_of, ranked_by = ranked_by, bpm = found.bpm, keyscale = found.keyscale, again = again,
    }
  end

  --- The number of the best take, from 1: the first where the best were chosen or none has scores, else by them.
  function M.best(part)
    if part.ranking and #part.ranking > 0 then return 1 end
    local number, value = 1, -math.huge
    for i, take in ipairs(part.takes) do
      local score = take.metadata and take.metadata.score
      local quality = score and ((score.quality or 0) + (score.lyrics_alignment or 0) + (score.fit or 0)) or -math.huge
      if quality > value then number, value = i, quality end
    end
    return number
  end

  --- The file that a take plays; "" where there is none.
  function M.file_of(take)
    local source = reaper.GetMediaItemTake_Source(take)
    return source and reaper.GetMediaSourceFileName(source) or ""
  end

  --- Note in `result.placed` what was made of it: { {item, take, file, old, old_number, old_file, beside} … }, GUIDs and files. `old`:
  -- the take that played before; `beside`: the item that did, in another lane, and its take: { item, take }.
  function M.note_placed(result, item, old, beside)
    local take = reaper.GetActiveTake(item)
    result.placed = result.placed or {}
    table.insert(result.placed, {
      item = guid.of_item(item), take = guid.of_take(take), file = M.file_of(take), old = old and guid.of_take(old),
      old_number = old and reaper.GetMediaItemTakeInfo_Value(old, "IP_TAKENUMBER"), old_file = old and M.file_of(old),
      beside = beside and { item = guid.of_item(beside), take = guid.of_take(reaper.GetActiveTake(beside)) },
    })
  end

  function M.new_item(track)
    return reaper.AddMediaItemToTrack(track) or error("no new item could be made.", 0)
  end

  --- Put the outputs of one role as takes of a new item on a track, `shift_s` later than where they were made for. `again`: the
  -- stretch of it that another take changes. Its time base is that of its track or project, as that of every item that is
  -- inserted: a new tempo moves all of them together.
  function M.lay(track, request, part, outputs, sources, shift_s, again)
    local item = M.new_item(track)
    local first = outputs[1].output
    local function set(key, value) reaper.SetMediaItemInfo_Value(item, key, value) end
    set("D_POSITION", first.position_s + shift_s)
    set("D_LENGTH", first.length_s)
    set("B_LOOPSRC", 0)
    set("D_FADEINLEN", first.fade_in_s)
    set("D_FADEOUTLEN", first.fade_out_s)
    for _, made in ipairs(outputs) do
      local take = takes.add(item, sources[made.output.file], made.output.name, 0)
      takes.remember(take, M.facts(request, part, made.take, again))
    end
    set("I_CURTAKE", M.best(part) - 1)
    reaper.UpdateItemInProject(item)
    return item
  end

  return M
end
