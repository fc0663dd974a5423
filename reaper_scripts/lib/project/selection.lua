-- What the musician selected: a stretch of time, tracks and items. Razor edits go first: they say most, and go with the next
-- click, while a time selection stays. Then come the time selection, the loop where a caller wants it, items, tracks.

return function(import)
  local budget = import("budget")
  local tracks_of = import("project/tracks")
  local M = {}

  local FALLBACK_HZ = 48000

  --- The sample rate of a project: its own, or that of the audio device.
  function M.rate(project)
    local own = reaper.GetSetProjectInfo(project, "PROJECT_SRATE", 0, false)
    if reaper.GetSetProjectInfo(project, "PROJECT_SRATE_USE", 0, false) > 0 and own > 0 then return math.floor(own) end
    local ok, device = reaper.GetAudioDeviceInfo("SRATE", "")
    return math.floor(ok and tonumber(device) or (own > 0 and own or FALLBACK_HZ))
  end

  function M.item_span(item)
    local start = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
    return start, start + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
  end

  --- As many objects as `count` says, each as `get(number)` returns it.
  local function collect(count, get)
    local found = {}
    for i = 0, count - 1 do
      found[#found + 1] = get(i)
      budget.spend(1)
    end
    return found
  end

  --- The selected items.
  function M.find_items(project)
    return collect(reaper.CountSelectedMediaItems(project), function(i) return reaper.GetSelectedMediaItem(project, i) end)
  end

  --- The selected tracks.
  function M.find_tracks(project)
    return collect(reaper.CountSelectedTracks2(project, false), function(i) return reaper.GetSelectedTrack2(project, i, false) end)
  end

  local function all_tracks(project)
    return collect(reaper.CountTracks(project), function(i) return reaper.GetTrack(project, i) end)
  end

  local function items_on(tracks)
    local found = {}
    for _, track in ipairs(tracks) do
      for _, item in ipairs(tracks_of.items(track)) do found[#found + 1] = item end
    end
    return found
  end

  --- Those of several items that are on playing lanes; all of them, if none is: then somebody wants just these.
  local function on_playing_lanes(items)
    local found = {}
    for _, item in ipairs(items) do
      if tracks_of.is_on_playing_lane(item) then found[#found + 1] = item end
      budget.spend(3)
    end
    return #found > 0 and found or items
  end

  --- The tracks that items are on, each once.
  function M.tracks_with(items)
    local found, seen = {}, {}
    for _, item in ipairs(items) do
      local track = reaper.GetMediaItem_Track(item)
      budget.spend(1)
      if not seen[track] then
        seen[track] = true
        found[#found + 1] = track
      end
    end
    return found
  end

  local function extent(items)
    local start, stop = math.huge, -math.huge
    for _, item in ipairs(items) do
      local first, last = M.item_span(item)
      start, stop = math.min(start, first), math.max(stop, last)
      budget.spend(2)
    end
    return stop > start and start or nil, stop
  end

  --- Razor edits on tracks (not on envelopes): their extent, their tracks, and whether they are all of the same stretch.
  local function razor(project)
    local start, stop, tracks, alike = math.huge, -math.huge, {}, true
    for _, track in ipairs(all_tracks(project)) do
      local _, areas = reaper.GetSetMediaTrackInfo_String(track, "P_RAZOREDITS", "", false)
      budget.spend(1)
      local here = false
      for first, last, envelope in areas:gmatch('(%S+) (%S+) "(.-)"') do
        if envelope == "" then
          here = true
          alike = alike and (start == math.huge or (start == tonumber(first) and stop == tonumber(last)))
          start, stop = math.min(start, tonumber(first)), math.max(stop, tonumber(last))
        end
      end
      if here then tracks[#tracks + 1] = track end
    end
    return stop > start and start or nil, stop, tracks, alike
  end

  local function within(items, start, stop, rate)
    local found = {}
    for _, item in ipairs(items) do
      local first, last = M.item_span(item)
      local overlap = math.min(last, stop) - math.max(first, start)
      budget.spend(2)
      if overlap * rate > 0.999 then found[#found + 1] = item end -- a sample, whatever rounding makes of it
    end
    return found
  end

  --- Returns { project, rate, start, stop, from, tracks, items, anchor, selected_items, conflict }.
  --
  -- start, stop: seconds on the sample grid; nil when nothing is selected that has a length.
  -- from: "time selection", "razor edits", "loop", "items" or "tracks".
  -- tracks: those that are meant; empty when none is: then all of them are. picked: whether somebody picked them.
  -- items: what lies on them inside the stretch; when items are selected, only those.
  -- selected_items: all selected items, wherever they are; of tracks with fixed lanes those on lanes that play.
  -- conflict: a message and a remedy when it cannot be told which stretch is meant.
  -- anchor: the track that new tracks go below (the lowest one that is meant, folders before what is in them), or nil.
  -- with_loop: whether the loop points count too; no action that is run by hand looks at them.
  function M.read(project, with_loop)
    local rate = M.rate(project)
    local picked_items, chosen_tracks = on_playing_lanes(M.find_items(project)), M.find_tracks(project)
    local picked_tracks = tracks_of.with_children(project, chosen_tracks)
    local razor_start, razor_stop, razor_tracks, alike = razor(project)
    local time_start, time_stop = reaper.GetSet_LoopTimeRange2(project, false, false, 0, 0, false)
    local loop_start, loop_stop = 0, 0
    if with_loop then loop_start, loop_stop = reaper.GetSet_LoopTimeRange2(project, false, true, 0, 0, false) end
    local item_start, item_stop = extent(picked_items)
    local track_start, track_stop = extent(items_on(picked_tracks))

    local start, stop, from, tracks
    if razor_start then
      start, stop, from, tracks = razor_start, razor_stop, "razor edits", razor_tracks
    elseif time_stop > time_start then
      start, stop, from = time_start, time_stop, "time selection"
    elseif loop_stop > loop_start then
      start, stop, from = loop_start, loop_stop, "loop"
    elseif item_start then
      start, stop, from = item_start, item_stop, "items"
    elseif track_start then
      start, stop, from = track_start, track_stop, "tracks"
    end
    if start then
      start = math.floor(math.max(0, start) * rate + 0.5) / rate
      stop = math.floor(stop * rate + 0.5) / rate
      if stop <= start then start, stop, from = nil, nil, nil end
    end

    local conflict
    if from == "razor edits" and not alike then
      conflict = { "The razor edits are of different stretches of time.", "Leave those of one stretch, then run the action again." }
    end
    local items = start and within(picked_items, start, stop, rate) or {}
    if not tracks then
      tracks = #items > 0 and M.tracks_with(items) or picked_tracks
    elseif #items > 0 then
      items = {} -- razor edits say themselves where they are
    end
    if from == "time selection" and #picked_items > 0 and #items == 0 then
      conflict = { "The selected items lie outside of the time selection.", "Remove the time selection, or select items inside of it." }
    end
    local picked = #tracks > 0
    local anchor = tracks == picked_tracks and tracks_of.lowest(chosen_tracks) or tracks[#tracks]
    if not picked then tracks = all_tracks(project) end
    local chosen = #items > 0
    if not chosen and start then items = within(items_on(tracks), start, stop, rate) end
    return {
      project = project, rate = rate, start = start, stop = stop, from = from, tracks = tracks, picked = picked,
      items = items, chosen = chosen, anchor = anchor,
      selected_items = picked_items, conflict = conflict,
    }
  end

  return M
end
