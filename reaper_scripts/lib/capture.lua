-- Reads audio into WAV files, a little in every tick, so that REAPER never waits: about BUDGET_S of each.
--
-- A recipe is { project, file, rate, channels, frames, pieces } with pieces { {take|track, at, frames, left, right} … } that are
-- added up; `at` is a piece's first frame in the file. A take is read from its item's start (or from frame `skip` of it),
-- a track from frame `first` of the project. A recipe with `render` is rendered with FX instead.

return function(import)
  local files = import("files")
  local wav = import("wav")
  local render = import("render")
  local M = {}

  local BUDGET_S = 0.012
  local CHUNK = 2048 -- frames; small enough that one more chunk does not matter

  --- Add `count` frames of a piece, from frame `done` of the file on, to the interleaved `sum`.
  local function add(piece, recipe, done, count, buffer, sum)
    local channels, values = recipe.channels, count * recipe.channels
    local start_s = (piece.first + done - piece.at) / recipe.rate
    local got = reaper.GetAudioAccessorSamples(piece.accessor, recipe.rate, channels, start_s, count, buffer)
    if got < 0 then return nil, "REAPER could not read the audio of the selection; is its media online?" end
    if got == 0 then return sum end -- nothing there
    local heard = buffer.table(1, values)
    local left, right = piece.left or 1, piece.right or 1
    if not sum and left == 1 and right == 1 then return heard end
    sum = sum or {}
    for i = 1, values, channels do
      sum[i] = (sum[i] or 0) + left * heard[i]
      if channels == 2 then sum[i + 1] = (sum[i + 1] or 0) + right * heard[i + 1] end
    end
    return sum
  end

  --- Frames from `done` on that lie in the same pieces.
  local function alike(recipe, done)
    local stop = math.min(recipe.frames, done + CHUNK)
    for _, piece in ipairs(recipe.pieces) do
      for _, edge in ipairs({ piece.at, piece.at + piece.frames }) do
        if edge > done and edge < stop then stop = edge end
      end
    end
    return stop - done
  end

  local function chunk(recipe, writer, buffer, done)
    local count = alike(recipe, done)
    local sum, why
    for _, piece in ipairs(recipe.pieces) do
      if done >= piece.at and done < piece.at + piece.frames then
        sum, why = add(piece, recipe, done, count, buffer, sum)
        if why then return nil, why end
      end
    end
    if not sum then
      sum = {}
      for i = 1, count * recipe.channels do sum[i] = 0 end
    end
    local ok
    ok, why = writer:add(sum, count * recipe.channels)
    return ok and count, why
  end

  --- Whether all that is read is still there: musicians go on working meanwhile.
  local function intact(recipe)
    for _, piece in ipairs(recipe.pieces) do
      local pointer, kind = piece.take or piece.track, piece.take and "MediaItem_Take*" or "MediaTrack*"
      if not reaper.ValidatePtr2(recipe.project, pointer, kind) then return false end
    end
    return true
  end

  local function close(recipe, writer)
    for _, piece in ipairs(recipe.pieces) do
      if piece.accessor then reaper.DestroyAudioAccessor(piece.accessor) end
      piece.accessor = nil
    end
    if writer then return writer:close() end
  end

  --- Begin to read a recipe into `folder`. Returns { step, abort }, or nil and a message. `step()` works for a while and
  -- returns the share that is done, 1 at the end; or nil and a message, after which nothing is left to close.
  local function reader(recipe, folder)
    for _, piece in ipairs(recipe.pieces) do
      piece.accessor = piece.take and reaper.CreateTakeAudioAccessor(piece.take) or reaper.CreateTrackAudioAccessor(piece.track)
      piece.first = piece.take and (piece.skip or 0) or recipe.first
      if not piece.accessor then
        close(recipe)
        return nil, "REAPER gave no access to the audio of the selection; select it again."
      end
    end
    local writer, why = wav.create(files.join(folder, recipe.file), recipe.rate, recipe.channels)
    if not writer then
      close(recipe)
      return nil, why
    end
    local buffer, done = reaper.new_array(CHUNK * recipe.channels), 0

    local function step()
      local began = reaper.time_precise()
      if not reaper.ValidatePtr2(0, recipe.project, "ReaProject*") or not intact(recipe) then
        close(recipe, writer)
        return nil, "What was selected is no longer there."
      end
      while done < recipe.frames and reaper.time_precise() - began < BUDGET_S do
        local count, fault = chunk(recipe, writer, buffer, done)
        if not count then
          close(recipe, writer)
          return nil, fault
        end
        done = done + count
      end
      if done < recipe.frames then return done / recipe.frames end
      local frames, fault = close(recipe, writer)
      if not frames then return nil, fault end
      return 1
    end

    return { step = step, abort = function() close(recipe, writer) end }
  end

  --- Begin to read several recipes, one after the other. As `reader`.
  function M.start(recipes, folder)
    local number, current = 1, nil
    local all = {}

    function all.step()
      local recipe = recipes[number]
      if not recipe then return 1 end
      if not current then
        local why
        current, why = (recipe.render and render.start or reader)(recipe, folder)
        if not current then return nil, why end
      end
      local share, why = current.step()
      if not share then
        current = nil
        return nil, why
      end
      if share >= 1 then
        number, current = number + 1, nil
        share = 0
      end
      return (number - 1 + share) / #recipes
    end

    function all.abort()
      if current then current.abort() end
      current = nil
    end

    return all
  end

  return M
end
