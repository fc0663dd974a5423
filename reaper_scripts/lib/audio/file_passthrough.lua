-- What plays a file as it is: its audio need not be read through REAPER, the command reads the file itself.
--
-- A track's accessor gives what its items play: takes with their FX, envelopes, gains and fades, mixed, before the track's
-- own FX and fader. Where all of that comes down to "these frames of this file, times a gain", the request says so. Where it
-- does not, or where it is not known for certain what REAPER does (overlaps, lanes, places between two samples), the
-- answer is nil: then the accessor is asked.

return function(import)
  local budget = import("budget")
  local pan_of = import("audio/pan")
  local tracks_of = import("project/tracks")
  local M = {}

  -- What the daemon reads as REAPER does, to the sample. (Not MP3: how much of its beginning is left out differs.)
  local FILES = { WAVE = true, FLAC = true, AIFF = true, VORBIS = true }
  local GRID = 1e-3 -- how far from a sample is still on it, in frames: what rounding makes of a time
  local FIXED_LANES, LANES_SINCE = 2, 7 -- I_FREEMODE; REAPER's version
  local BEFORE_FX = { "<VOLENV", "<PANENV", "<WIDTHENV" } -- a track's envelopes that may be heard before its FX

  --- Whether a path names a file, wherever the project lies.
  local function is_file(path)
    return (path:match("^[/\\]") or path:match("^%a:[/\\]")) and reaper.file_exists(path)
  end

  --- The full path of the file that a take plays, in whichever way; nil where there is none.
  function M.path_of(take)
    local source = reaper.GetMediaItemTake_Source(take)
    local path = source and reaper.GetMediaSourceFileName(source) or ""
    return is_file(path) and path or nil
  end

  --- The file that a take plays as it is, from its `offset_s` on: { path, rate, channels, frames, offset_s }; nil if it
  -- plays it in any other way. Its gains and FX are not looked at, nor whether its item is longer.
  function M.file_of(take)
    local source = reaper.GetMediaItemTake_Source(take)
    if not source or not FILES[reaper.GetMediaSourceType(source)]
      or reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE") ~= 1
      or reaper.GetMediaItemTakeInfo_Value(take, "D_PITCH") ~= 0
      or reaper.GetMediaItemTakeInfo_Value(take, "I_CHANMODE") ~= 0
      or reaper.GetTakeNumStretchMarkers(take) > 0 then
      return nil
    end
    local path, rate = reaper.GetMediaSourceFileName(source), reaper.GetMediaSourceSampleRate(source)
    if rate <= 0 or not is_file(path) then return nil end
    return {
      path = path, rate = rate, channels = reaper.GetMediaSourceNumChannels(source),
      frames = math.floor(reaper.GetMediaSourceLength(source) * rate + 0.5),
      offset_s = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS"),
    }
  end

  --- The frame that a time is, or nil when it lies between two.
  local function frame(seconds, rate)
    local nearest = math.floor(seconds * rate + 0.5)
    return math.abs(seconds * rate - nearest) <= GRID and nearest or nil
  end

  local function silent(take)
    if not take then return true end
    local source = reaper.GetMediaItemTake_Source(take)
    local empty = not source or reaper.TakeIsMIDI(take) or reaper.GetMediaSourceType(source) == "EMPTY"
    return empty and reaper.TakeFX_GetCount(take) == 0 -- an instrument may be among its FX
  end

  --- The gain that a take is played with, the same all the time on both channels; nil if it is not.
  local function gain(item, take)
    local volume = reaper.GetMediaItemTakeInfo_Value(take, "D_VOL") * reaper.GetMediaItemInfo_Value(item, "D_VOL")
    local law = reaper.GetMediaItemTakeInfo_Value(take, "D_PANLAW")
    local plain = volume > 0 -- below: its polarity is flipped
      and reaper.GetMediaItemTakeInfo_Value(take, "D_PAN") == 0
      and pan_of.is_plain_law(reaper.GetItemProjectContext(item), law)
      and reaper.TakeFX_GetCount(take) == 0 and reaper.CountTakeEnvelopes(take) == 0
    return plain and volume or nil
  end

  local function fade(item, side)
    local function length(key) return reaper.GetMediaItemInfo_Value(item, key) end
    return math.max(length("D_FADE" .. side .. "LEN"), length("D_FADE" .. side .. "LEN_AUTO"))
  end

  --- What an item adds between two frames of the project: { file, at, first, frames, gain }, with `at` from `first` on;
  -- false for silence; nil if only REAPER knows.
  local function piece(item, first, last, rate)
    local take = reaper.GetActiveTake(item)
    if reaper.GetMediaItemInfo_Value(item, "B_MUTE") > 0 then return false end
    if reaper.GetMediaItemInfo_Value(item, "B_ALLTAKESPLAY") > 0 and reaper.CountTakes(item) > 1 then return nil end
    if silent(take) then return false end
    local file, volume = M.file_of(take), gain(item, take)
    if not file or not volume or file.rate ~= rate or file.channels < 1 or file.channels > 2 then return nil end

    local start = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
    local stop = start + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
    local begin, offset = frame(start, rate), frame(file.offset_s, rate)
    local ends = last
    if stop * rate < last - GRID then ends = frame(stop, rate) end
    if not begin or not offset or not ends or offset < 0 then return nil end
    local fade_in, fade_out = fade(item, "IN") * rate, fade(item, "OUT") * rate
    if fade_in > 0 and begin + fade_in + 1 > first or fade_out > 0 and stop * rate - fade_out - 1 < last then return nil end

    local over = begin + file.frames - offset -- where the file ends
    if ends > over and reaper.GetMediaItemInfo_Value(item, "B_LOOPSRC") > 0 then return nil end
    local from, to = math.max(first, begin), math.min(ends, over)
    if to <= from then return false end
    return { file = file.path, at = from - first, first = from - begin + offset, frames = to - from, gain = volume }
  end

  --- Whether anything but items, one after the other, decides what a track plays before its FX.
  local function intricate(track)
    return reaper.GetMediaTrackInfo_Value(track, "I_FREEMODE") == FIXED_LANES
      or reaper.GetMediaTrackInfo_Value(track, "D_PLAY_OFFSET") ~= 0 or tracks_of.has_envelope(track, BEFORE_FX)
  end

  --- What a track plays before its FX from frame `first` of the project up to `last`, at the project's rate: a list of
  -- { file, at, first, frames, gain }; nil if it has to be read through REAPER.
  function M.of_track(track, first, last, rate)
    budget.spend(7)
    if intricate(track) then return nil end
    local lanes = tonumber(reaper.GetAppVersion():match("^%d+")) >= LANES_SINCE
    local found, reached = {}, -math.huge
    for _, item in ipairs(tracks_of.items_between(track, first / rate, last / rate)) do
      local begin = reaper.GetMediaItemInfo_Value(item, "D_POSITION") * rate
      local ends = begin + reaper.GetMediaItemInfo_Value(item, "D_LENGTH") * rate
      budget.spend(2)
      if begin < last - GRID and ends > first + GRID then
        budget.spend(34)
        local hidden = lanes and reaper.GetMediaItemInfo_Value(item, "C_LANEPLAYS") < 0
        local new = piece(item, first, last, rate)
        if hidden or begin < reached - GRID or new == nil then return nil end
        if new then found[#found + 1] = new end
        reached = math.max(reached, ends)
      end
    end
    return found
  end

  return M
end
