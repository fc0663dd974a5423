-- What audio accessors give. ramp.wav: mono, 44.1 kHz, sample n is n / 2^20; six.wav: six channels, (8 n + channel) / 2^20;
-- fine.wav: as ramp.wav, 48 kHz; wide.wav: stereo, ramp.wav and its negative.

return function(kit)
  local RATE, UNIT = kit.rate, kit.unit

  local function on_ramp(position) return kit.add_item(kit.add_track(), "ramp.wav", position or 2) end

  --- Whether a file that is read in pieces gives its own samples.
  local function reads_itself(file, rate, channels, size, value_of)
    local _, take = kit.add_item(kit.add_track(), file, 3)
    local accessor = reaper.CreateTakeAudioAccessor(take)
    local worst, at, total = 0, 0, math.floor(rate / 2)
    while at < total do
      local count = math.min(size, total - at)
      local values = kit.read(accessor, rate, channels, (at + 1e-6) / rate, count)
      for i = 0, count * channels - 1 do
        worst = math.max(worst, math.abs(values[i + 1] * UNIT - value_of(at + i // channels, i % channels)))
      end
      at = at + count
    end
    reaper.DestroyAudioAccessor(accessor)
    return worst < 1e-3
  end

  local function frame(n) return n end

  return {
    { "accessor_frames", function()
      local _, take = on_ramp()
      local n = math.floor(kit.samples(take, RATE, 1, 8.75 / RATE, 1)[1] * UNIT + 0.5)
      kit.answer("accessor_frames", ({ [8] = "before", [9] = "nearest" })[n] or "frame " .. n)
    end },
    { "accessor_wider", function()
      local _, take = on_ramp()
      local both = kit.samples(take, RATE, 2, 8 / RATE, 1)
      kit.answer("accessor_wider", both[2] == both[1] and "copies" or both[2] == 0 and "silence" or "other samples")
    end },
    { "accessor_rate", function()
      local _, take = on_ramp()
      local accessor = reaper.CreateTakeAudioAccessor(take)
      local whole, most = kit.read(accessor, 48000, 1, 0.5, 2000), 0
      local parts = { kit.read(accessor, 48000, 1, 0.5, 1000), kit.read(accessor, 48000, 1, 0.5 + 1000 / 48000, 1000) }
      for i = 1, 1000 do most = math.max(most, math.abs(parts[1][i] - whole[i]), math.abs(parts[2][i] - whole[i + 1000])) end
      kit.answer("accessor_rate", most < 1e-9 and "whole" or "each call")
      reaper.DestroyAudioAccessor(accessor)
    end },
    { "accessor_changed", function()
      local _, take = on_ramp()
      local accessor = reaper.CreateTakeAudioAccessor(take)
      kit.read(accessor, RATE, 1, 0, 1)
      local before = reaper.AudioAccessorStateChanged(accessor)
      reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", 1000 / RATE)
      kit.check("accessor_says_changed", not before and reaper.AudioAccessorStateChanged(accessor))
      kit.answer("accessor_changed", kit.read(accessor, RATE, 1, 0, 1)[1] * UNIT < 500 and "old" or "new")
      reaper.AudioAccessorValidateState(accessor)
      kit.check("accessor_validates", kit.read(accessor, RATE, 1, 0, 1)[1] * UNIT > 500)
      reaper.DestroyAudioAccessor(accessor)
    end },
    { "accessor_of_midi", function()
      local midi = reaper.CreateNewMIDIItemInProj(kit.add_track(), 10, 11)
      local accessor = reaper.CreateTakeAudioAccessor(reaper.GetActiveTake(midi))
      kit.answer("accessor_of_midi", accessor and "silence" or "none")
      if accessor then reaper.DestroyAudioAccessor(accessor) end
    end },
    { "accessor_offset", function()
      local LATE = 100
      local track = kit.add_track()
      kit.add_item(track, "ramp.wav", 2)
      kit.delay(track, LATE, kit.IN_SAMPLES)
      local frame_there = math.floor(kit.samples(track, RATE, 2, 2 + 150 / RATE, 1, true)[1] * UNIT + 0.5)
      kit.answer("accessor_offset", ({ [150 - LATE] = "played", [150] = "left out" })[frame_there] or "frame " .. frame_there)
    end },
    { "what accessors count from, and return", function()
      local track = kit.add_track()
      local _, take = kit.add_item(track, "ramp.wav", 2)
      local of_take, of_track = reaper.CreateTakeAudioAccessor(take), reaper.CreateTrackAudioAccessor(track)
      local at_start, there = kit.read(of_take, RATE, 1, 150 / RATE, 1)
      local in_project = kit.read(of_track, RATE, 2, 2 + 150 / RATE, 1)
      local _, behind = kit.read(of_take, RATE, 1, 5, 1)
      kit.check("take_accessor_counts_from_its_item", math.abs(at_start[1] * UNIT - 150) < 0.5 and there == 1 and behind == 0)
      kit.check("track_accessor_counts_from_the_project", math.abs(in_project[1] * UNIT - 150) < 0.5)
      reaper.DestroyAudioAccessor(of_take)
      reaper.DestroyAudioAccessor(of_track)
    end },
    { "offline_media", function()
      local item, take = on_ramp()
      reaper.SelectAllMediaItems(kit.project, false)
      reaper.SetMediaItemSelected(item, true)
      local OFFLINE, ONLINE = 40440, 40439 -- Item: Set selected media temporarily offline, online
      reaper.Main_OnCommandEx(OFFLINE, 0, kit.project)
      local accessor = reaper.CreateTakeAudioAccessor(take)
      local values, got = { 0 }, -1
      if accessor then
        values, got = kit.read(accessor, RATE, 1, 0.5, 1)
        reaper.DestroyAudioAccessor(accessor)
      end
      kit.answer("offline_media", got < 0 and "error" or values[1] == 0 and "silence" or "its samples")
      reaper.Main_OnCommandEx(ONLINE, 0, kit.project)
    end },
    { "pieces of any size", function()
      kit.check("accessor_is_file_mono", reads_itself("ramp.wav", RATE, 1, 4096, frame) and reads_itself("ramp.wav", RATE, 1, 777, frame))
    end },
    { "six channels", function()
      kit.check("accessor_is_file_six", reads_itself("six.wav", RATE, 6, 1000, function(n, channel) return 8 * n + channel end))
    end },
    { "48 kHz in a project of 44.1 kHz", function()
      kit.check("accessor_is_file_48k", reads_itself("fine.wav", 48000, 1, 1000, frame))
    end },
    { "behind the end of an item", function()
      local _, take = on_ramp()
      local accessor = reaper.CreateTakeAudioAccessor(take)
      local values = kit.read(accessor, RATE, 1, 0.9, 8820, 7)
      kit.check("accessor_leaves_the_rest", values[4400] ~= 7 and values[4420] == 7 and values[8820] == 7)
      reaper.DestroyAudioAccessor(accessor)
    end },
    { "gains", function()
      local track = kit.add_track()
      local item, take = kit.add_item(track, "wide.wav", 2)
      local plain = kit.samples(take, RATE, 2, 0.5, 1000)
      reaper.SetMediaItemTakeInfo_Value(take, "D_VOL", 0.5)
      reaper.SetMediaItemInfo_Value(item, "D_VOL", 0.5)
      reaper.SetMediaTrackInfo_Value(track, "D_VOL", 0.5)
      kit.check("take_accessor_leaves_gains_out", kit.peak(kit.samples(take, RATE, 2, 0.5, 1000), plain) < 1e-9)
      for i = 1, #plain do plain[i] = plain[i] * 0.25 end
      kit.check("track_accessor_is_takes_times_gains", kit.peak(kit.samples(track, RATE, 2, 2.5, 1000, true), plain) < 1e-6)
    end },
    { "speed", function()
      local _, take = on_ramp()
      local accessor = reaper.CreateTakeAudioAccessor(take)
      local began = reaper.time_precise()
      for block = 0, 9 do kit.read(accessor, RATE, 2, block * 4096 / RATE, 4096) end
      kit.figure("ms for a block of 4096 frames", (reaper.time_precise() - began) * 100)
      reaper.DestroyAudioAccessor(accessor)
    end },
  }
end
