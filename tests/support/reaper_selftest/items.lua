-- Lanes, and what stays in place when a take begins elsewhere.

return function(kit)
  local LANES = 2 -- I_FREEMODE
  local has_lanes = reaper.APIExists("UpdateItemLanes")

  local function track_value(track, key) return reaper.GetMediaTrackInfo_Value(track, key) end

  local function with_lanes()
    local track = kit.add_track()
    local first, second = kit.add_item(track, "ramp.wav", 2), kit.add_item(track, "ramp.wav", 2)
    reaper.SetMediaTrackInfo_Value(track, "I_FREEMODE", LANES)
    reaper.SetMediaTrackInfo_Value(track, "C_LANESETTINGS", 1)
    reaper.SetMediaTrackInfo_Value(track, "I_NUMFIXEDLANES", 2)
    reaper.SetMediaItemInfo_Value(second, "I_FIXEDLANE", 1)
    return track, first, second
  end

  local questions = {
    { "stretch markers, snap offset", function()
      local item, take = kit.add_item(kit.add_track(), "ramp.wav", 2)
      reaper.SetTakeStretchMarker(take, -1, 0.5, 0.5)
      reaper.SetMediaItemInfo_Value(item, "D_SNAPOFFSET", 0.125)
      reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", 0.25)
      local _, position = reaper.GetTakeStretchMarker(take, 0)
      kit.check("stretch_markers_stay", math.abs(position - 0.5) < 1e-6)
      kit.check("snap_offset_stays", reaper.GetMediaItemInfo_Value(item, "D_SNAPOFFSET") == 0.125)
    end },
    { "take envelopes", function()
      local item, take = kit.add_item(kit.add_track(), "ramp.wav", 2)
      reaper.SelectAllMediaItems(kit.project, false)
      reaper.SetMediaItemSelected(item, true)
      reaper.Main_OnCommandEx(40693, 0, kit.project) -- Take: Toggle take volume envelope
      local envelope = reaper.GetTakeEnvelopeByName(take, "Volume")
      kit.check("action_makes_take_envelope", envelope ~= nil)
      if not envelope then return end
      reaper.InsertEnvelopePoint(envelope, 0.5, 1, 0, 0, false, true)
      reaper.Envelope_SortPoints(envelope)
      reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", 0.25)
      local last = reaper.CountEnvelopePoints(envelope) - 1
      local _, time = reaper.GetEnvelopePoint(envelope, last)
      kit.check("take_envelopes_stay", math.abs(time - 0.5) < 1e-6)
    end },
    { "new_items", function()
      local item = reaper.AddMediaItemToTrack(kit.add_track())
      local function value(key) return reaper.GetMediaItemInfo_Value(item, key) end
      local fades, loops = value("D_FADEINLEN") > 0 and value("D_FADEOUTLEN") > 0, value("B_LOOPSRC") > 0
      local plain = value("D_FADEINLEN") == 0 and value("D_FADEOUTLEN") == 0 and not loops
      kit.answer("new_items", fades and loops and "fades and loops" or plain and "plain" or "some of it")
    end },
    { "fade_length", function()
      local item = kit.add_item(kit.add_track(), "ramp.wav", 2)
      reaper.SetMediaItemInfo_Value(item, "D_FADEINLEN", 2)
      kit.answer("fade_length", reaper.GetMediaItemInfo_Value(item, "D_FADEINLEN") > 1 and "yes" or "no")
    end },
    { "split_identity", function()
      local left = kit.add_item(kit.add_track(), "ramp.wav", 2)
      local function identity(item)
        local _, of_take = reaper.GetSetMediaItemTakeInfo_String(reaper.GetActiveTake(item), "GUID", "", false)
        return select(2, reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)) .. of_take
      end
      local before = identity(left)
      local right = reaper.SplitMediaItem(left, 2.5)
      kit.answer("split_identity", identity(left) == before and "left" or identity(right) == before and "right" or "neither")
    end },
    { "next_take", function()
      local item, first = kit.add_item(kit.add_track(), "ramp.wav", 2)
      local file = reaper.GetMediaSourceFileName(reaper.GetMediaItemTake_Source(first))
      reaper.SetMediaItemTake_Source(reaper.AddTakeToMediaItem(item), reaper.PCM_Source_CreateFromFile(file))
      reaper.SelectAllMediaItems(kit.project, false)
      reaper.SetMediaItemSelected(item, true)
      local function number() return reaper.GetMediaItemInfo_Value(item, "I_CURTAKE") end
      reaper.SetMediaItemInfo_Value(item, "I_CURTAKE", 0)
      reaper.Main_OnCommandEx(40125, 0, kit.project) -- Take: Switch items to next take
      local second = number()
      reaper.Main_OnCommandEx(40125, 0, kit.project)
      local third = number()
      reaper.SetMediaItemInfo_Value(item, "I_CURTAKE", 1)
      reaper.Main_OnCommandEx(40126, 0, kit.project) -- Take: Switch items to previous take
      kit.check("actions_switch_takes", second == 1 and number() == 0)
      kit.answer("next_take", third == 0 and "goes round" or third == 1 and "stays" or "elsewhere")
      reaper.Main_OnCommandEx(40719, 0, kit.project) -- Item properties: Mute
      kit.check("action_mutes_items", reaper.GetMediaItemInfo_Value(item, "B_MUTE") == 1)
    end },
    { "razor edits", function()
      local track = kit.add_track()
      reaper.GetSetMediaTrackInfo_String(track, "P_RAZOREDITS", '1.5 2.5 ""', true)
      local _, text = reaper.GetSetMediaTrackInfo_String(track, "P_RAZOREDITS", "", false)
      local start, stop, envelope = text:match('^(%S+) (%S+) "(.*)"$')
      kit.check("razor_edits_read_as_written", tonumber(start) == 1.5 and tonumber(stop) == 2.5 and envelope == "")
    end },
    { "before the file", function()
      local _, take = kit.add_item(kit.add_track(), "constant.wav", 2)
      reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", -0.5)
      local values = kit.samples(take, kit.rate, 2, 0.25, 10)
      kit.check("negative_offset_is_silence", kit.peak(values) == 0)
    end },
  }
  if not has_lanes then return questions end
  local function ask(name, question) questions[#questions + 1] = { name, question } end

  ask("lane_layout", function()
    local track = kit.add_track()
    kit.add_item(track, "ramp.wav", 2)
    reaper.SetMediaTrackInfo_Value(track, "I_FREEMODE", LANES)
    reaper.SetMediaTrackInfo_Value(track, "C_LANESETTINGS", 1)
    reaper.SetMediaTrackInfo_Value(track, "I_NUMFIXEDLANES", 3)
    reaper.UpdateTimeline()
    kit.answer("lane_layout", track_value(track, "I_NUMFIXEDLANES") < 3 and "UpdateTimeline" or "UpdateItemLanes")
    reaper.UpdateItemLanes(kit.project)
    kit.check("empty_lanes_are_removed", track_value(track, "I_NUMFIXEDLANES") == 1)
  end)
  ask("lanes that play", function()
    local track, first, second = with_lanes()
    reaper.SetMediaTrackInfo_Value(track, "C_LANEPLAYS:1", 1)
    local function plays(item) return reaper.GetMediaItemInfo_Value(item, "C_LANEPLAYS") end
    kit.check("a_lane_plays_alone", plays(first) == 0 and plays(second) > 0)
    reaper.SetMediaTrackInfo_Value(track, "I_FREEMODE", 0)
    kit.check("lanes_that_were_stay_silent", plays(first) == -1)
  end)
  ask("a track gets lanes", function()
    local track = kit.add_track()
    local item = kit.add_item(track, "ramp.wav", 2)
    reaper.SetMediaItemInfo_Value(item, "I_FIXEDLANE", 0)
    kit.check("fixed_lane_turns_lanes_on", track_value(track, "I_FREEMODE") == LANES)
  end)
  return questions
end
