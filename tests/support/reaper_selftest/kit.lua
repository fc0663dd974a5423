-- What the questions share: projects, tracks, items and audio; and where answers go.

return function(folder, scripts)
  local kit = { folder = folder, scripts = scripts, rate = 44100, unit = 2 ^ 20, answers = {}, checks = {}, figures = {}, faults = {} }

  --- Have the questions go to a project.
  function kit.use(project)
    kit.project = project
    reaper.GetSetProjectInfo(project, "PROJECT_SRATE", kit.rate, true) -- else the audio device decides, if there is one
    reaper.GetSetProjectInfo(project, "PROJECT_SRATE_USE", 1, true)
  end
  kit.use(reaper.EnumProjects(-1))

  --- The answer to an open question, in the words of `behaviour.OPEN`.
  function kit.answer(name, way) kit.answers[name] = tostring(way) end

  --- Whether what is known holds here.
  function kit.check(name, holds) kit.checks[name] = holds and true or false end

  function kit.figure(name, value) kit.figures[name] = value end

  function kit.add_track()
    reaper.InsertTrackAtIndex(reaper.CountTracks(kit.project), false)
    return reaper.GetTrack(kit.project, reaper.CountTracks(kit.project) - 1)
  end

  --- An item that plays a file from its start for a second, without fades.
  function kit.add_item(track, file, position)
    local item = reaper.AddMediaItemToTrack(track)
    local take = reaper.AddTakeToMediaItem(item)
    reaper.SetMediaItemTake_Source(take, reaper.PCM_Source_CreateFromFile(folder .. "/" .. file))
    for key, value in pairs({ D_POSITION = position, D_LENGTH = 1, B_LOOPSRC = 0, D_FADEINLEN = 0, D_FADEOUTLEN = 0 }) do
      reaper.SetMediaItemInfo_Value(item, key, value)
    end
    reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", 0)
    return item, take
  end

  local BYPASSED = 1 -- I_PLAY_OFFSET_FLAG
  kit.IN_SECONDS, kit.IN_SAMPLES = 0, 2

  --- Have a track play its media later by this much; negative: earlier; without a unit: when it lies there.
  function kit.delay(track, by, unit)
    reaper.SetMediaTrackInfo_Value(track, "D_PLAY_OFFSET", by)
    reaper.SetMediaTrackInfo_Value(track, "I_PLAY_OFFSET_FLAG", unit or BYPASSED)
  end

  --- Samples of an accessor, interleaved; what is not written stays `before`. The second value is what REAPER returns.
  function kit.read(accessor, rate, channels, start, count, before)
    local buffer = reaper.new_array(count * channels)
    buffer.clear(before or 0)
    local got = reaper.GetAudioAccessorSamples(accessor, rate, channels, start, count, buffer)
    return buffer.table(1, count * channels), got
  end

  --- The samples of a take or a track, by an accessor of its own.
  function kit.samples(pointer, rate, channels, start, count, of_track)
    local accessor = of_track and reaper.CreateTrackAudioAccessor(pointer) or reaper.CreateTakeAudioAccessor(pointer)
    if not accessor then error("there is no accessor", 0) end
    local values = kit.read(accessor, rate, channels, start, count)
    reaper.DestroyAudioAccessor(accessor)
    return values
  end

  --- The largest difference of two lists, or the largest value of one.
  function kit.peak(a, b)
    local most = 0
    for i = 1, #a do most = math.max(most, math.abs(a[i] - (b and b[i] or 0))) end
    return most
  end

  local RENDER, FLOAT_WAV = 42230, "ZXZhdyAAAQ=="

  --- Render the master of a stretch; the frames of the file and its samples, or nil at once.
  function kit.render(start, stop, name)
    local function set(key, value) reaper.GetSetProjectInfo(kit.project, key, value, true) end
    for key, value in pairs({
      RENDER_SETTINGS = 0, RENDER_BOUNDSFLAG = 0, RENDER_CHANNELS = 2, RENDER_SRATE = kit.rate, RENDER_STARTPOS = start,
      RENDER_ENDPOS = stop, RENDER_TAILFLAG = 0, RENDER_ADDTOPROJ = 0, RENDER_DITHER = 0,
    }) do set(key, value) end
    for _, pair in ipairs({ { "RENDER_FILE", folder }, { "RENDER_PATTERN", name }, { "RENDER_FORMAT2", "" }, { "RENDER_FORMAT", FLOAT_WAV } }) do
      reaper.GetSetProjectInfo_String(kit.project, pair[1], pair[2], true)
    end
    reaper.Main_OnCommandEx(RENDER, 0, kit.project)
    local file = io.open(folder .. "/" .. name .. ".wav", "rb")
    if not file then return nil end
    local bytes = file:read("a")
    file:close()
    local at = 13
    while at + 8 <= #bytes do
      local kind, size = string.unpack("<c4I4", bytes, at)
      if kind == "data" then return size // 8, function(frame) return (string.unpack("<f", bytes, at + 8 + 8 * frame)) end end
      at = at + 8 + size + size % 2
    end
  end

  --- The level of the master's left channel at a second of the project; -1 where nothing was rendered.
  function kit.level_at(second, name)
    local _, at = kit.render(second - 0.1, second + 0.1, name)
    return at and at(kit.rate // 10) or -1
  end

  function kit.near(a, b, most) return math.abs(a - b) < (most or 1e-3) end

  --- Run a script of ours: written to a file whose name is no plain ASCII, added to REAPER's actions and started.
  function kit.add_script(name, code)
    local path = ("%s/스크립트 ü %s.lua"):format(folder, name)
    local file = assert(io.open(path, "wb"))
    file:write(code)
    file:close()
    local number = reaper.AddRemoveReaScript(true, 0, path, true)
    return number, function() reaper.AddRemoveReaScript(false, 0, path, true) end
  end

  local SECTION = "AceBridge self-test"
  function kit.get(key) return reaper.GetExtState(SECTION, key) end
  function kit.set(key, value) reaper.SetExtState(SECTION, key, value, false) end

  --- A function that acts, and is true, once this time has gone by.
  function kit.after(seconds, act)
    local due = reaper.time_precise() + seconds
    return function()
      if reaper.time_precise() < due then return false end
      act()
      return true
    end
  end

  --- Nothing of a question is left for the next one.
  function kit.clean()
    for i = reaper.CountTracks(kit.project) - 1, 0, -1 do reaper.DeleteTrack(reaper.GetTrack(kit.project, i)) end
  end

  return kit
end
