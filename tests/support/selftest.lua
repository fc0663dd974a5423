-- Runs inside REAPER, a real one or the simulated one: repaints two seconds of a song and writes down what it finds.
-- ACEBRIDGE_SELFTEST names a folder with song.wav (stereo) and ramp.wav (see reaper_facts.lua); report.json is written there.
-- ACEBRIDGE_SCRIPTS: reaper_scripts/.

local home, scripts = os.getenv("ACEBRIDGE_SELFTEST"), os.getenv("ACEBRIDGE_SCRIPTS")
local START, STOP, CROSSFADE_S, PATIENCE_S = 2, 4, 0.02, 120

local function write(report)
  local lines = {}
  for key, value in pairs(report) do lines[#lines + 1] = ("  %q: %s"):format(key, type(value) == "string" and ("%q"):format(value) or tostring(value)) end
  local file = assert(io.open(home .. "/report.part", "wb"))
  file:write("{\n", table.concat(lines, ",\n"), "\n}\n")
  file:close()
  os.rename(home .. "/report.part", home .. "/report.json")
end

local function read(accessor, rate, from, count)
  local buffer = reaper.new_array(count * 2)
  buffer.clear()
  reaper.GetAudioAccessorSamples(accessor, rate, 2, from, count, buffer)
  local values = buffer.table(1, count * 2)
  reaper.DestroyAudioAccessor(accessor)
  return values
end

local function samples(take, rate, from, count)
  return read(reaper.CreateTakeAudioAccessor(take), rate, from, count)
end

local function peak(a, b)
  local most = 0
  for i = 1, #a do most = math.max(most, math.abs(a[i] - (b and b[i] or 0))) end
  return most
end

local project = reaper.EnumProjects(-1)
reaper.GetSetProjectInfo(project, "PROJECT_SRATE", 44100, true) -- else the audio device decides, if there is one
reaper.GetSetProjectInfo(project, "PROJECT_SRATE_USE", 1, true)
reaper.InsertTrackAtIndex(0, true)
local track = reaper.GetTrack(project, 0)
local source = reaper.PCM_Source_CreateFromFile(home .. "/song.wav")
local rate = reaper.GetMediaSourceSampleRate(source)
local length = reaper.GetMediaSourceLength(source)
local item = reaper.AddMediaItemToTrack(track)
local original = reaper.AddTakeToMediaItem(item)
reaper.SetMediaItemTake_Source(original, source)
reaper.SetMediaItemInfo_Value(item, "D_POSITION", 1)
reaper.SetMediaItemInfo_Value(item, "D_LENGTH", length)
reaper.SetMediaItemSelected(item, true)
reaper.GetSet_LoopTimeRange2(project, true, false, 1 + START, 1 + STOP, false)

local report = { reaper = reaper.GetAppVersion() }
local loud = peak(samples(original, rate, 0, rate))
reaper.SetMediaItemTakeInfo_Value(original, "D_VOL", 0.5)
report.take_accessor_leaves_volume_out = math.abs(peak(samples(original, rate, 0, rate)) - loud) < 1e-6
-- What is mixed from files has to be what the track would give: the take's samples, times all gains and nothing else.
reaper.SetMediaItemInfo_Value(item, "D_VOL", 0.5)
local alone, together = samples(original, rate, 1, rate), read(reaper.CreateTrackAudioAccessor(track), rate, 2, rate)
for i = 1, #alone do alone[i] = alone[i] * 0.25 end
report.track_accessor_is_takes_times_gains = peak(alone, together) < 1e-6
reaper.SetMediaItemInfo_Value(item, "D_VOL", 1)
reaper.SetMediaItemTakeInfo_Value(original, "D_VOL", 1)

dofile(scripts .. "lib/acebridge.lua")(scripts).run("repaint", { values = { style = "brighter piano", seed = 7, takes = 1 } })

local began = reaper.time_precise()
local function look()
  if reaper.CountTakes(item) == 2 then
    local new = reaper.GetTake(item, 1)
    local before = math.floor((START - CROSSFADE_S) * rate) - 1
    local after = math.ceil((STOP + CROSSFADE_S) * rate) + 1
    local left = math.floor(length * rate) - after
    report.placed = true
    report.active_is_new = reaper.GetActiveTake(item) == new
    report.position = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
    report.length_is_kept = math.abs(reaper.GetMediaItemInfo_Value(item, "D_LENGTH") - length) < 1e-9
    report.difference_before = peak(samples(original, rate, 0, before), samples(new, rate, 0, before))
    report.difference_inside = peak(samples(original, rate, START, rate), samples(new, rate, START, rate))
    report.difference_after = peak(samples(original, rate, after / rate, left), samples(new, rate, after / rate, left))
    report.undo = reaper.Undo_CanUndo2(project) or ""
    report.seconds = reaper.time_precise() - began
    local here = select(2, reaper.get_action_context()):match("^(.*[/\\])")
    local ok, facts = pcall(function() return dofile(here .. "reaper_facts.lua")(home) end)
    for question, found in pairs(ok and facts or { fault = tostring(facts) }) do report["fact " .. question] = tostring(found) end
    return write(report)
  end
  if reaper.time_precise() - began > PATIENCE_S then
    report.placed = false
    return write(report)
  end
  reaper.defer(look)
end
look()
