-- Reads audio into WAV files, a little in every tick, so that REAPER never waits: about BUDGET_S of each.
--
-- A recipe is { project, take|track, first, frames, rate, channels, file }: `first` is its first frame, of the project for
-- a track, from its item's start for a take. Nothing is computed here; what has to be mixed, the command mixes. A recipe
-- with `render` is rendered with FX instead; one with `bytes` is a file of these.

return function(import)
  local files = import("shared/files")
  local wav = import("shared/wav")
  local render = import("audio/render")
  local M = {}

  local BUDGET_S = 0.022
  local CHUNK = 4096 -- frames; small enough that one more of them does not matter
  local INSIDE = 1e-6 -- frames: a time so far inside its frame means that one, whether REAPER rounds it or cuts it off

  --- Begin to read a recipe into `folder`. Returns { step, abort }, or nil and a message. `step(until)` works until that
  -- time and returns the share that is done, 1 at the end; or nil and a message, after which nothing is left to close.
  local function reader(recipe, folder)
    local pointer, kind = recipe.take or recipe.track, recipe.take and "MediaItem_Take*" or "MediaTrack*"
    local rate, channels, frames = recipe.rate, recipe.channels, recipe.frames

    --- Whether what is read is still there: musicians go on working meanwhile.
    local function intact()
      return reaper.ValidatePtr2(0, recipe.project, "ReaProject*") and reaper.ValidatePtr2(recipe.project, pointer, kind)
    end
    local GONE, CHANGED = "What was selected is no longer there.", "What was selected was edited while it was read."
    if not intact() then return nil, GONE end
    local accessor = recipe.take and reaper.CreateTakeAudioAccessor(pointer) or reaper.CreateTrackAudioAccessor(pointer)
    if not accessor then return nil, "REAPER gave no access to the audio of the selection; select it again." end
    local writer, why = wav.create(files.join(folder, recipe.file), rate, channels)

    local function close()
      if accessor then reaper.DestroyAudioAccessor(accessor) end
      accessor = nil
      if writer then return writer:close() end
    end
    local function fail(message)
      close()
      return nil, message
    end
    if not writer then return fail(why) end

    local buffer, done = reaper.new_array(CHUNK * channels), 0
    local silence = {}
    for i = 1, CHUNK * channels do silence[i] = 0 end

    local function step(until_s)
      if not intact() then return fail(GONE) end
      if reaper.AudioAccessorStateChanged(accessor) then return fail(CHANGED) end
      while done < frames and reaper.time_precise() < until_s do
        local count = math.min(CHUNK, frames - done)
        buffer.clear() -- what is not written may be left from the last time
        local got = reaper.GetAudioAccessorSamples(accessor, rate, channels, (recipe.first + done + INSIDE) / rate, count, buffer)
        if got < 0 then return fail("REAPER could not read the audio of the selection; is its media online?") end
        local ok, fault = writer:add(got > 0 and buffer.table(1, count * channels) or silence, count * channels)
        if not ok then return fail(fault) end
        done = done + count
      end
      if done < frames then return done / frames end
      local written, fault = close()
      if not written then return nil, fault end
      return 1
    end

    return { step = step, abort = close }
  end

  --- As `reader`, for a file whose bytes are known.
  local function writer_of(recipe, folder)
    local ok, why = files.write(files.join(folder, recipe.file), recipe.bytes)
    if not ok then return nil, why end
    return { step = function() return 1 end, abort = function() end }
  end

  local function begin_of(recipe) return recipe.bytes and writer_of or recipe.render and render.start or reader end

  --- Begin to read several recipes, one after the other. As `reader`, but `step` chooses its time itself.
  function M.start(recipes, folder)
    local number, current = 1, nil
    local all = {}

    function all.step()
      local until_s = reaper.time_precise() + BUDGET_S
      while recipes[number] do
        local why
        if not current then
          current, why = begin_of(recipes[number])(recipes[number], folder)
          if not current then return nil, why end
        end
        local share
        share, why = current.step(until_s)
        if not share then
          current = nil
          return nil, why
        end
        if share < 1 then return (number - 1 + share) / #recipes end
        number, current = number + 1, nil
        if reaper.time_precise() >= until_s then return math.min((number - 1) / #recipes, 0.99) end
      end
      return 1
    end

    function all.abort()
      if current then current.abort() end
      current = nil
    end

    return all
  end

  return M
end
