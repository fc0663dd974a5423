-- Reads the audio of playlists into WAV files, a few thousand frames in every step, so that Ardour never waits.
--
-- What is read is what the track plays before its processors: regions, their gains, fades and layers, sample for sample.

return function(import)
  local session = import("session")
  local wav = import("shared/wav")
  local M = {}

  local BITE = 8192 -- frames

  --- What a stretch of a playlist holds, as a text: to notice that it was edited while it was read.
  local function contents(playlist, first, frames)
    local lines = {}
    for _, found in ipairs(session.regions_of(playlist, first, first + frames)) do
      local region = found.region
      lines[#lines + 1] = ("%s %d %d %d %d %s"):format(session.id(region), found.first, found.last,
        session.samples(region:start()), region:layer(), region:to_audioregion():scale_amplitude())
    end
    table.sort(lines)
    return table.concat(lines, "\n")
  end

  --- Read `count` frames of each channel from a position on: a table of tables.
  local function read_bite(playlist, memory, position, count, channels)
    local found = {}
    for channel = 1, channels do
      local samples = memory:to_float(0)
      playlist:read(samples, memory:to_float(BITE), memory:to_float(2 * BITE), session.at(position), Temporal.timecnt_t(count), channel - 1)
      found[channel] = samples:get_table(count)
    end
    return found
  end

  --- The samples of a stretch of a track, interleaved. For short ones only.
  function M.read(track, first, frames, channels)
    local memory, playlist, found = ARDOUR.DSP.DspShm(3 * BITE), track:playlist():to_audioplaylist(), {}
    for done = 0, frames - 1, BITE do
      local count = math.min(BITE, frames - done)
      local bite = read_bite(playlist, memory, first + done, count, channels)
      for frame = 1, count do
        for channel = 1, channels do found[#found + 1] = bite[channel][frame] end
      end
    end
    return found
  end

  --- The playlist that a recipe names, or that its track plays.
  local function playlist_of(recipe)
    if recipe.playlist then return session.find_playlist(recipe.playlist) end
    local one = session.find_track(recipe.track)
    return one and one.track:playlist()
  end

  --- Begin to read recipes ({ file, track or playlist = an id, first, frames, channels }) into a folder. Returns a function of no
  -- arguments that reads a bite and returns true when all is read, false when not, or nil and a message.
  function M.start(recipes, folder)
    local memory = ARDOUR.DSP.DspShm(3 * BITE)
    local number, writer, done, before = 1, nil, 0, nil
    return function()
      local recipe = recipes[number]
      if not recipe then return true end
      local playlist = playlist_of(recipe)
      if not playlist then
        if writer then writer:close() end
        return nil, "A track was removed while its audio was read."
      end
      local why
      if not writer then
        writer, why = wav.create(folder .. "/" .. recipe.file, session.rate(), recipe.channels)
        if not writer then return nil, why end
        done, before = 0, contents(playlist, recipe.first, recipe.frames)
      end
      local count = math.min(BITE, recipe.frames - done)
      local bite = read_bite(playlist:to_audioplaylist(), memory, recipe.first + done, count, recipe.channels)
      local values = bite[1]
      if recipe.channels == 2 then
        values = {}
        for frame = 1, count do values[2 * frame - 1], values[2 * frame] = bite[1][frame], bite[2][frame] end
      end
      local ok
      ok, why = writer:add(values, count * recipe.channels)
      if not ok then return nil, why end
      done = done + count
      if done < recipe.frames then return false end
      ok, why = writer:close()
      if not ok then return nil, why end
      writer = nil
      if contents(playlist, recipe.first, recipe.frames) ~= before then return false end -- edited meanwhile: read it again
      number = number + 1
      return number > #recipes
    end
  end

  return M
end
