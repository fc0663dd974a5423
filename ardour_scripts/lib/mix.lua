-- What several tracks sound like together, as the source of a part: tracks without processors are read from their playlists
-- and get the gain of their fader; others are bounced behind them. Pans are left out.

return function(import)
  local json = import("shared/json")
  local session = import("session")
  local M = {}

  --- What every track has.
  local OWN = { recorder = true, player = true, triggerbox = true, polarity = true, trim = true, fader = true, meter = true, ["main outs"] = true }

  --- Whether a track has processors of its musician's that are on.
  local function has_processors(route)
    local number = 0
    while true do
      local processor = route:nth_processor(number)
      if processor:isnil() then return false end
      local name = processor:display_name():lower()
      if processor:active() and not OWN[name] and not name:find("^latcomp%-") and not name:find("^meter") then return true end
      number = number + 1
    end
  end

  --- The tracks that sound: neither muted nor silent beside soloed ones.
  local function sounding(tracks)
    local soloed = false
    for _, one in ipairs(tracks) do soloed = soloed or one.route:soloed() end
    local found = {}
    for _, one in ipairs(tracks) do
      if not one.route:muted() and (one.route:soloed() or not soloed) then found[#found + 1] = one end
    end
    return found
  end

  --- Bounce a track behind its processors and fader; the paths of its files.
  local function bounce(one, from, to)
    local function try(...)
      return pcall(one.track.bounce_range, one.track, from, to, ARDOUR.InterThreadInfo(), one.route:main_outs(), false, "AceBridge source", ...)
    end
    local ok, region = try()
    if not ok then ok, region = try(false) end -- Ardour 8 asks for one more
    if not ok or region:isnil() then return nil end
    local audio, paths = region:to_audioregion(), {}
    for channel = 0, math.min(2, audio:n_channels()) - 1 do paths[channel + 1] = audio:source(channel):to_filesource():path() end
    return paths
  end

  local LEFT_RIGHT = { { left = 1, right = 0 }, { left = 0, right = 1 } }

  --- The source of a part, and recipes for its files; or nil, a message and a remedy.
  function M.of(tracks, from, to)
    local files, captures = {}, {}
    for _, one in ipairs(sounding(tracks)) do
      if #session.regions(one.track, from, to) > 0 then
        local channels, why, remedy = session.channels(one)
        if not channels then return nil, why, remedy end
        if has_processors(one.route) then
          local paths = bounce(one, from, to)
          if not paths then return nil, ('The track "%s" cannot be bounced.'):format(one.track:name()), "Bounce it in Ardour, then run the action again." end
          for number, path in ipairs(paths) do
            local gains = #paths == 2 and LEFT_RIGHT[number] or { left = 1, right = 1 }
            files[#files + 1] = { file = path, frames = to - from, left = gains.left, right = gains.right }
          end
        else
          local file, gain = ("source-%d.wav"):format(#captures + 1), one.route:gain_control():get_value()
          captures[#captures + 1] = { file = file, track = session.id(one.route), first = from, frames = to - from, channels = channels }
          files[#files + 1] = { file = file, left = gain, right = gain }
        end
      end
    end
    if #files == 0 then return nil, "No track sounds in the selection.", "Select tracks with audio that are not muted." end
    return { mix = json.array(files), frames = to - from, channels = 2 }, captures
  end

  return M
end
