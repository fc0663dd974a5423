-- What a render gives: solos, sends, its length, its settings. constant.wav: stereo, 0.125 throughout; wide.wav: stereo, of
-- which both channels add up to nothing.

return function(kit)
  local SOLO_ALONE, SOLO_IN_PLACE = 1, 2

  local near = kit.near

  --- The level of the master in the items.
  local function level(name) return kit.level_at(2.3, name) end

  return {
    { "solo and sends", function()
      local a, b, bus = kit.add_track(), kit.add_track(), kit.add_track()
      kit.add_item(a, "constant.wav", 2)
      reaper.SetMediaItemInfo_Value(kit.add_item(b, "constant.wav", 2), "D_VOL", 2)
      reaper.CreateTrackSend(a, bus)
      kit.check("sends_add_up", near(level("all"), 0.5))
      reaper.SetMediaTrackInfo_Value(a, "I_SOLO", SOLO_ALONE)
      kit.check("solo_ignores_routing", near(level("alone"), 0.125))
      reaper.SetMediaTrackInfo_Value(a, "I_SOLO", SOLO_IN_PLACE)
      kit.check("solo_in_place_keeps_sends", near(level("in place"), 0.25))
      reaper.SetMediaTrackInfo_Value(b, "B_SOLO_DEFEAT", 1)
      kit.check("solo_defeat_is_heard", near(level("defeat"), 0.5))
      reaper.SetMediaTrackInfo_Value(b, "B_SOLO_DEFEAT", 0)
      reaper.SetMediaTrackInfo_Value(a, "I_SOLO", 0)
      reaper.SetMediaTrackInfo_Value(bus, "I_SOLO", SOLO_IN_PLACE)
      local received = level("receives")
      local ways = { [0] = "not at all", "there only", "on its own too" }
      kit.answer("solo_senders", ways[math.floor(received / 0.125 + 0.5)] or received)
    end },
    { "polarity and width", function()
      local STEREO_PAN = 5 -- I_PANMODE
      local track = kit.add_track()
      local item = kit.add_item(track, "constant.wav", 2)
      reaper.SetMediaTrackInfo_Value(track, "B_PHASE", 1)
      local inverted = near(level("phase"), -0.125)
      reaper.SetMediaTrackInfo_Value(track, "B_PHASE", 0)
      reaper.DeleteTrackMediaItem(track, item)
      kit.add_item(track, "wide.wav", 2)
      local wide = level("wide")
      reaper.SetMediaTrackInfo_Value(track, "I_PANMODE", STEREO_PAN)
      reaper.SetMediaTrackInfo_Value(track, "D_WIDTH", 0)
      kit.check("polarity_and_width", inverted and wide > 0.01 and near(level("narrow"), 0))
    end },
    { "length", function()
      kit.add_item(kit.add_track(), "constant.wav", 2)
      local frames, at = kit.render(2, 2 + 1001 / kit.rate, "length")
      kit.check("render_is_done_at_once", frames ~= nil)
      kit.check("render_goes_by_its_settings", frames == 1001 and near(at(500), 0.125))
    end },
    { "main sends", function()
      local track = kit.add_track()
      kit.add_item(track, "constant.wav", 2)
      reaper.SetMediaTrackInfo_Value(track, "I_NCHAN", 4)
      reaper.SetMediaTrackInfo_Value(track, "C_MAINSEND_OFFS", 2)
      kit.check("main_send_to_other_channels", near(level("other channels"), 0))
    end },
    { "playback offset", function()
      local FRAMES = 100
      local track = kit.add_track()
      kit.add_item(track, "ramp.wav", 2)
      local function frame(by, unit, name)
        kit.delay(track, by, unit)
        return math.floor(level(name) * kit.unit + 0.5)
      end
      local there = frame(FRAMES, nil, "no offset")
      kit.check("playback_offset_is_off", there == math.floor(0.3 * kit.rate + 0.5))
      kit.check("playback_offset_in_samples", frame(FRAMES, kit.IN_SAMPLES, "late") == there - FRAMES)
      kit.check("playback_offset_in_seconds", frame(-FRAMES / kit.rate, kit.IN_SECONDS, "early") == there + FRAMES)
    end },
    { "play_rate", function()
      kit.add_item(kit.add_track(), "constant.wav", 2)
      reaper.CSurf_OnPlayRateChange(0.5)
      local frames = kit.render(2, 2.5, "rate")
      reaper.CSurf_OnPlayRateChange(1)
      kit.answer("play_rate", frames == math.floor(kit.rate / 2) and "no" or "yes")
    end },
    { "render_format", function()
      local function format() return select(2, reaper.GetSetProjectInfo_String(kit.project, "RENDER_FORMAT", "", false)) end
      local function set() reaper.GetSetProjectInfo_String(kit.project, "RENDER_FORMAT", "ZXZhdyAAAQ==", true) end
      local before, way = format(), "none"
      set()
      local wanted = format()
      reaper.GetSetProjectInfo_String(kit.project, "RENDER_FORMAT2", "", true)
      if format() ~= wanted then way = "RENDER_FORMAT2" end
      set()
      reaper.GetSetProjectInfo(kit.project, "RENDER_SETTINGS", reaper.GetSetProjectInfo(kit.project, "RENDER_SETTINGS", 0, false), true)
      if format() ~= wanted then way = "RENDER_SETTINGS" end
      reaper.GetSetProjectInfo_String(kit.project, "RENDER_FORMAT", before, true)
      kit.answer("render_format", way)
    end },
    { "dialog_timers", function() -- the dialog is that of the render: it needs nobody
      kit.add_item(kit.add_track(), "constant.wav", 2)
      kit.set("count", "0")
      local number, remove = kit.add_script("count", [[
        local SECTION = "AceBridge self-test"
        local function count()
          if reaper.GetExtState(SECTION, "count") == "stop" then return end
          reaper.SetExtState(SECTION, "count", ("%d"):format(tonumber(reaper.GetExtState(SECTION, "count")) + 1), false)
          reaper.defer(count)
        end
        count()
      ]])
      reaper.Main_OnCommand(number, 0)
      local before = kit.get("count")
      kit.render(0, 60, "dialog")
      kit.answer("dialog_timers", kit.get("count") ~= before)
      kit.set("count", "stop")
      remove()
    end },
  }
end
