-- Effects of takes and tracks and the envelopes of takes. Uses the effects that every REAPER brings: ReaEQ and ReaSynth.

return function(kit)
  local EFFECT, INSTRUMENT, ALWAYS_ADD = "ReaEQ", "ReaSynth", -1

  return {
    { "fx_envelopes", function()
      local item, take = kit.add_item(kit.add_track(), "constant.wav", 2)
      if reaper.TakeFX_AddByName(take, EFFECT, ALWAYS_ADD) < 0 then error("there is no " .. EFFECT, 0) end
      local envelope = reaper.TakeFX_GetEnvelope(take, 0, 0, true)
      local of, effect, parameter = reaper.Envelope_GetParentTake(envelope)
      kit.check("envelopes_of_effects_count", reaper.CountTakeEnvelopes(take) == 1 and of == take and effect == 0 and parameter == 0)
      local copy = reaper.AddTakeToMediaItem(item)
      reaper.SetMediaItemTake_Source(copy, reaper.PCM_Source_CreateFromFile(kit.folder .. "/constant.wav"))
      reaper.TakeFX_CopyToTake(take, 0, copy, 0, false)
      kit.check("a_copied_effect_is_there_at_once", reaper.TakeFX_GetCount(copy) == 1)
      kit.answer("fx_envelopes", reaper.CountTakeEnvelopes(copy) > 0 and "come along" or "stay")
    end },
    { "names of instruments", function()
      local track = kit.add_track()
      if reaper.TrackFX_AddByName(track, INSTRUMENT, false, ALWAYS_ADD) < 0 then error("there is no " .. INSTRUMENT, 0) end
      local _, name = reaper.TrackFX_GetFXName(track, 0)
      kit.check("instruments_end_in_i", name:find("^%w+i:") ~= nil and reaper.TrackFX_GetInstrument(track) == 0)
    end },
    { "envelopes and the play rate", function() -- muted from second 1 of the envelope on: half a second at twice the rate
      local item, take = kit.add_item(kit.add_track(), "constant.wav", 2)
      reaper.SetMediaItemTakeInfo_Value(take, "B_PPITCH", 0)
      reaper.SetMediaItemTakeInfo_Value(take, "D_PLAYRATE", 2)
      reaper.SelectAllMediaItems(kit.project, false)
      reaper.SetMediaItemSelected(item, true)
      reaper.Main_OnCommandEx(40695, 0, kit.project) -- Take: Toggle take mute envelope
      local envelope = reaper.GetTakeEnvelopeByName(take, "Mute")
      if not envelope then error("action 40695 made no envelope", 0) end
      for _, point in ipairs({ { 0.999, 1 }, { 1, 0 } }) do
        reaper.InsertEnvelopePoint(envelope, point[1], point[2], 0, 0, false, true)
      end
      reaper.Envelope_SortPoints(envelope)
      kit.check("envelopes_count_in_times_of_the_rate", kit.level_at(2.3, "heard") > 0.1 and kit.near(kit.level_at(2.7, "muted"), 0))
    end },
  }
end
