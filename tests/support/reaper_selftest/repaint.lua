-- Repaints two seconds of a song by the scripts, with the command and a daemon. song.wav: stereo, 44.1 kHz.

return function(kit)
  local START, STOP, CROSSFADE_S, PATIENCE_S = 2, 4, 0.02, 120

  return {
    { "a repaint", function()
      local track = kit.add_track()
      local item, original = kit.add_item(track, "song.wav", 1)
      local source = reaper.GetMediaItemTake_Source(original)
      local rate, length = reaper.GetMediaSourceSampleRate(source), reaper.GetMediaSourceLength(source)
      reaper.SetMediaItemInfo_Value(item, "D_LENGTH", length)
      reaper.SelectAllMediaItems(kit.project, false)
      reaper.SetMediaItemSelected(item, true)
      reaper.GetSet_LoopTimeRange2(kit.project, true, false, 1 + START, 1 + STOP, false)
      dofile(kit.scripts .. "lib/acebridge.lua")(kit.scripts).run("repaint", { values = { style = "brighter piano", seed = 7, takes = 1 } })
      local began = reaper.time_precise()
      return function()
        if reaper.CountTakes(item) < 2 then
          if reaper.time_precise() - began > PATIENCE_S then error("no take was placed", 0) end
          return false
        end
        local new = reaper.GetTake(item, 1)
        local function difference(from_s, count)
          return kit.peak(kit.samples(original, rate, 2, from_s, count), kit.samples(new, rate, 2, from_s, count))
        end
        local before = math.floor((START - CROSSFADE_S) * rate) - 1
        local after = math.ceil((STOP + CROSSFADE_S) * rate) + 1
        kit.check("repaint_is_active", reaper.GetActiveTake(item) == new)
        kit.check("repaint_leaves_the_item", reaper.GetMediaItemInfo_Value(item, "D_POSITION") == 1
          and math.abs(reaper.GetMediaItemInfo_Value(item, "D_LENGTH") - length) < 1e-9)
        kit.check("repaint_changes_nothing_outside", difference(0, before) == 0
          and difference(after / rate, math.floor(length * rate) - after) == 0)
        kit.check("repaint_changes_the_inside", difference(START, rate) > 1e-3)
        kit.check("repaint_has_one_undo_point", reaper.Undo_CanUndo2(kit.project) == "AceBridge: Repaint time selection")
        kit.figure("s for a repaint", reaper.time_precise() - began)
        return true
      end
    end },
  }
end
