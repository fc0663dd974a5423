-- Answers, in the REAPER that runs it, what no public source says about REAPER (`behaviour.OPEN` of the simulated one): a table
-- of question → answer, in the words of that table. `folder` holds ramp.wav: mono, 44.1 kHz, sample n is n / 2^20.
-- Questions that need a person, an audio device or the end of the script are left out.

local RATE, UNIT = 44100, 2 ^ 20

return function(folder)
  local project = reaper.EnumProjects(-1)
  local facts = {}
  reaper.InsertTrackAtIndex(reaper.CountTracks(project), false)
  local track = reaper.GetTrack(project, reaper.CountTracks(project) - 1)

  local function new_item(position)
    local item = reaper.AddMediaItemToTrack(track)
    local take = reaper.AddTakeToMediaItem(item)
    reaper.SetMediaItemTake_Source(take, reaper.PCM_Source_CreateFromFile(folder .. "/ramp.wav"))
    reaper.SetMediaItemInfo_Value(item, "D_POSITION", position)
    reaper.SetMediaItemInfo_Value(item, "D_LENGTH", 1)
    return item, take
  end

  local function read(accessor, rate, channels, start, count)
    local buffer = reaper.new_array(count * channels)
    buffer.clear()
    reaper.GetAudioAccessorSamples(accessor, rate, channels, start, count, buffer)
    return buffer.table(1, count * channels)
  end

  local item, take = new_item(2)
  local accessor = reaper.CreateTakeAudioAccessor(take)
  local frame = math.floor(read(accessor, RATE, 1, 8.75 / RATE, 1)[1] * UNIT + 0.5)
  facts.accessor_frames = ({ [8] = "before", [9] = "nearest" })[frame] or "frame " .. frame

  local both = read(accessor, RATE, 2, 8 / RATE, 1)
  facts.accessor_wider = both[2] == both[1] and "copies" or both[2] == 0 and "silence" or "other samples"

  local whole, most = read(accessor, 48000, 1, 0.5, 2000), 0
  local parts = { read(accessor, 48000, 1, 0.5, 1000), read(accessor, 48000, 1, 0.5 + 1000 / 48000, 1000) }
  for i = 1, 1000 do most = math.max(most, math.abs(parts[1][i] - whole[i]), math.abs(parts[2][i] - whole[i + 1000])) end
  facts.accessor_rate = most < 1e-9 and "whole" or "each call"

  reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", 1000 / RATE)
  facts.accessor_changed = read(accessor, RATE, 1, 0, 1)[1] * UNIT < 500 and "old" or "new"
  reaper.DestroyAudioAccessor(accessor)

  -- A track's accessor while the track plays 100 samples late.
  reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", 0)
  reaper.SetMediaItemInfo_Value(item, "D_FADEINLEN", 0)
  reaper.SetMediaItemInfo_Value(item, "D_FADEOUTLEN", 0)
  reaper.SetMediaTrackInfo_Value(track, "I_PLAY_OFFSET_FLAG", 2)
  reaper.SetMediaTrackInfo_Value(track, "D_PLAY_OFFSET", 100)
  local of_track = reaper.CreateTrackAudioAccessor(track)
  local late = math.floor(read(of_track, RATE, 2, 2 + 150 / RATE, 1)[1] * UNIT + 0.5)
  facts.accessor_offset = ({ [50] = "played", [150] = "left out" })[late] or "frame " .. late
  reaper.DestroyAudioAccessor(of_track)
  reaper.SetMediaTrackInfo_Value(track, "I_PLAY_OFFSET_FLAG", 1)
  reaper.SetMediaTrackInfo_Value(track, "D_PLAY_OFFSET", 0)

  -- What an item has before a script gives it anything, how long its fades may be, and what a split leaves of it.
  local fresh = reaper.AddMediaItemToTrack(track)
  local function value(key) return reaper.GetMediaItemInfo_Value(fresh, key) end
  local fades = value("D_FADEINLEN") > 0 and value("D_FADEOUTLEN") > 0
  facts.new_items = fades and value("B_LOOPSRC") > 0 and "fades and loops" or not fades and value("B_LOOPSRC") == 0 and "plain" or "some of it"
  reaper.SetMediaItemInfo_Value(fresh, "D_POSITION", 20)
  reaper.SetMediaItemInfo_Value(fresh, "D_LENGTH", 1)
  reaper.SetMediaItemInfo_Value(fresh, "D_FADEINLEN", 2)
  facts.fade_length = value("D_FADEINLEN") > 1 and "yes" or "no"
  reaper.SetMediaItemInfo_Value(fresh, "D_FADEINLEN", 0)
  local function guid(of) return select(2, reaper.GetSetMediaItemInfo_String(of, "GUID", "", false)) end
  local identity = guid(fresh)
  local right = reaper.SplitMediaItem(fresh, 20.5)
  facts.split_identity = guid(fresh) == identity and "left" or guid(right) == identity and "right" or "neither"

  local midi = reaper.CreateNewMIDIItemInProj(track, 10, 11)
  local of_midi = reaper.CreateTakeAudioAccessor(reaper.GetActiveTake(midi))
  facts.accessor_of_midi = of_midi and "silence" or "none"
  if of_midi then reaper.DestroyAudioAccessor(of_midi) end

  -- The tempo: is the item where the new one has it before anybody updates the timeline?
  reaper.SetMediaItemInfo_Value(item, "C_BEATATTACHMODE", 1)
  reaper.SetTempoTimeSigMarker(project, -1, 0, -1, -1, 60, 4, 4, false)
  facts.tempo = reaper.GetMediaItemInfo_Value(item, "D_POSITION") ~= 2 and "at once" or "UpdateTimeline"
  reaper.UpdateTimeline()
  reaper.DeleteTempoTimeSigMarker(project, reaper.CountTempoTimeSigMarkers(project) - 1)
  reaper.UpdateTimeline()

  if reaper.APIExists("UpdateItemLanes") then
    reaper.SetMediaTrackInfo_Value(track, "I_FREEMODE", 2)
    reaper.SetMediaTrackInfo_Value(track, "C_LANESETTINGS", 1)
    reaper.SetMediaTrackInfo_Value(track, "I_NUMFIXEDLANES", 3)
    reaper.UpdateTimeline()
    local left = reaper.GetMediaTrackInfo_Value(track, "I_NUMFIXEDLANES")
    facts.lane_layout = left < 3 and "UpdateTimeline" or "UpdateItemLanes"
  end

  local function format() return select(2, reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT", "", false)) end
  local before = format()
  reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT", "ZXZhdyAAAQ==", true)
  local set = format()
  reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT2", "", true)
  facts.render_format = format() ~= set and "RENDER_FORMAT2" or "none"
  reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT", "ZXZhdyAAAQ==", true)
  reaper.GetSetProjectInfo(project, "RENDER_SETTINGS", reaper.GetSetProjectInfo(project, "RENDER_SETTINGS", 0, false), true)
  if format() ~= set then facts.render_format = "RENDER_SETTINGS" end
  reaper.GetSetProjectInfo_String(project, "RENDER_FORMAT", before, true)

  reaper.Undo_OnStateChange2(project, "AceBridge facts: so far")
  reaper.Undo_BeginBlock2(project)
  reaper.Undo_EndBlock2(project, "AceBridge facts: nothing", -1)
  facts.empty_undo = reaper.Undo_CanUndo2(project) == "AceBridge facts: nothing"

  reaper.Undo_BeginBlock2(project)
  reaper.SetProjExtState(project, "AceBridge facts", "key", "value")
  reaper.InsertTrackAtIndex(0, false)
  reaper.Undo_EndBlock2(project, "AceBridge facts: state", -1)
  reaper.Undo_DoUndo2(project)
  facts.undo_pointers = reaper.ValidatePtr2(project, item, "MediaItem*") and "they live" or "they die"
  facts.ext_state = reaper.GetProjExtState(project, "AceBridge facts", "key") > 0 and "kept" or "undone"
  reaper.SetProjExtState(project, "AceBridge facts", "key", "")
  return facts
end
