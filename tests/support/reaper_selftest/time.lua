-- What a new tempo moves.

return function(kit)
  local BEATS, STAYS = 1, 0 -- C_BEATATTACHMODE

  --- Set the tempo from the start on; returns what takes it back.
  local function set_tempo(bpm)
    reaper.SetTempoTimeSigMarker(kit.project, -1, 0, -1, -1, bpm, 4, 4, false)
    return function()
      reaper.DeleteTempoTimeSigMarker(kit.project, reaper.CountTempoTimeSigMarkers(kit.project) - 1)
      reaper.UpdateTimeline()
    end
  end

  return {
    { "tempo", function()
      local item = kit.add_item(kit.add_track(), "ramp.wav", 2)
      local staying, track = kit.add_item(kit.add_track(), "ramp.wav", 2), kit.add_track()
      local by_track = kit.add_item(track, "ramp.wav", 2)
      reaper.SetMediaTrackInfo_Value(track, "C_BEATATTACHMODE", BEATS)
      reaper.SetMediaItemInfo_Value(item, "C_BEATATTACHMODE", BEATS)
      reaper.SetMediaItemInfo_Value(staying, "C_BEATATTACHMODE", STAYS)
      local take_back = set_tempo(60)
      local function position(of) return reaper.GetMediaItemInfo_Value(of, "D_POSITION") end
      kit.answer("tempo", position(item) ~= 2 and "at once" or "UpdateTimeline")
      reaper.UpdateTimeline()
      kit.check("items_on_beats_follow", math.abs(position(item) - 4) < 1e-6)
      kit.check("items_follow_their_track", math.abs(position(by_track) - 4) < 1e-6)
      kit.check("items_on_time_stay", position(staying) == 2)
      take_back()
    end },
    { "MIDI", function()
      local item = reaper.CreateNewMIDIItemInProj(kit.add_track(), 2, 6)
      reaper.SetMediaItemInfo_Value(item, "C_BEATATTACHMODE", STAYS)
      local take = reaper.GetActiveTake(item)
      local function beat() return reaper.MIDI_GetProjTimeFromPPQPos(take, 960) - reaper.MIDI_GetProjTimeFromPPQPos(take, 0) end
      local take_back = set_tempo(120)
      reaper.UpdateTimeline()
      local before = beat()
      take_back()
      take_back = set_tempo(60)
      reaper.UpdateTimeline()
      kit.check("midi_follows_the_tempo", math.abs(before - 0.5) < 1e-6 and math.abs(beat() - 1) < 1e-6
        and reaper.GetMediaItemInfo_Value(item, "D_POSITION") == 2)
      take_back()
    end },
  }
end
