-- Tracks as a tree of folders: what belongs to a folder, and where new tracks go.

return function(import)
  local budget = import("budget")
  local pan_of = import("audio/pan")
  local M = {}

  local function index(track)
    return math.floor(reaper.GetMediaTrackInfo_Value(track, "IP_TRACKNUMBER")) - 1
  end

  local function depth(track)
    return math.floor(reaper.GetMediaTrackInfo_Value(track, "I_FOLDERDEPTH"))
  end

  --- The last track of a track's folder (itself, if it is none), and how many outer folders that one closes (<= 0).
  local function last_of(project, track)
    local level, i, count = 0, index(track), reaper.CountTracks(project)
    while true do
      local here = reaper.GetTrack(project, i)
      level = level + depth(here)
      budget.spend(2)
      if level <= 0 or i + 1 >= count then return here, math.min(level, 0) end
      i = i + 1
    end
  end

  --- A list of tracks with everything in their folders, each once.
  function M.with_children(project, tracks)
    local found, seen = {}, {}
    for _, track in ipairs(tracks) do
      budget.spend(4)
      for i = index(track), index((last_of(project, track))) do
        if not seen[i] then
          seen[i] = true
          found[#found + 1] = reaper.GetTrack(project, i)
          budget.spend(2)
        end
      end
    end
    return found
  end

  function M.name(track)
    local _, name = reaper.GetSetMediaTrackInfo_String(track, "P_NAME", "", false)
    return name ~= "" and name or ("Track " .. index(track) + 1)
  end

  --- Whether a track has one of some envelopes, by their names in its chunk.
  function M.has_envelope(track, names)
    for _, name in ipairs(names) do
      if reaper.GetTrackEnvelopeByChunkName(track, name) then return true end
    end
    return false
  end

  --- The lowest of several tracks that is in the folder of none of the others, or nil.
  function M.lowest(list)
    local found, listed = nil, {}
    for _, track in ipairs(list) do listed[track] = true end
    for _, track in ipairs(list) do
      local parent = reaper.GetParentTrack(track)
      budget.spend(1)
      while parent and not listed[parent] do
        parent = reaper.GetParentTrack(parent)
        budget.spend(1)
      end
      if not parent then found = track end
    end
    return found
  end

  local FIXED_LANES, LANES_SINCE = 2, 7 -- I_FREEMODE; REAPER's version

  local knows_lanes -- whether this REAPER does; nil: not asked yet

  --- Whether a track has fixed lanes.
  function M.has_lanes(track)
    if knows_lanes == nil then knows_lanes = tonumber(reaper.GetAppVersion():match("^%d+")) >= LANES_SINCE end
    return knows_lanes and reaper.GetMediaTrackInfo_Value(track, "I_FREEMODE") == FIXED_LANES
  end

  --- Whether an item is on a lane that plays; on tracks without lanes every item is.
  function M.is_on_playing_lane(item)
    return not M.has_lanes(reaper.GetMediaItem_Track(item)) or reaper.GetMediaItemInfo_Value(item, "C_LANEPLAYS") > 0
  end

  --- The items of a track; of one with lanes only those on lanes that play, unless `all` are wanted.
  function M.items(track, all)
    local found, lanes = {}, not all and M.has_lanes(track)
    for i = 0, reaper.CountTrackMediaItems(track) - 1 do
      local item = reaper.GetTrackMediaItem(track, i)
      if not lanes or reaper.GetMediaItemInfo_Value(item, "C_LANEPLAYS") > 0 then found[#found + 1] = item end
      budget.spend(lanes and 2 or 1)
    end
    budget.spend(2)
    return found
  end

  --- Whether an item plays between two times: it is there, not muted, and on a lane that plays.
  function M.sounds(item, start, stop)
    local first = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
    return first < stop and first + reaper.GetMediaItemInfo_Value(item, "D_LENGTH") > start
      and reaper.GetMediaItemInfo_Value(item, "B_MUTE") == 0 and M.is_on_playing_lane(item)
  end

  local function find_between(track, start, stop)
    local found = {}
    for _, item in ipairs(M.items(track, true)) do
      local first = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
      budget.spend(2)
      if first < stop and first + reaper.GetMediaItemInfo_Value(item, "D_LENGTH") > start then found[#found + 1] = item end
    end
    return found
  end

  --- The items of a track that lie between two times, on any lane. While a project is observed, a track is looked through once
  -- for the same times, whoever asks.
  function M.items_between(track, start, stop)
    local known = budget.memory()
    local last = known and known[track]
    if last and last.start == start and last.stop == stop then return last.items end
    local items = find_between(track, start, stop)
    if known then known[track] = { start = start, stop = stop, items = items } end
    return items
  end

  --- Whether a track has no item between two times.
  function M.is_free(track, start, stop) return #M.items_between(track, start, stop) == 0 end

  --- Seconds without another item on its track before (side -1) or after (1) an item; before, not beyond the project's start.
  function M.room(item, side)
    local function span(of)
      local start = reaper.GetMediaItemInfo_Value(of, "D_POSITION")
      return start, start + reaper.GetMediaItemInfo_Value(of, "D_LENGTH")
    end
    local track = reaper.GetMediaItem_Track(item)
    local first, last = span(item)
    local free = side < 0 and first or math.huge
    for i = 0, reaper.CountTrackMediaItems(track) - 1 do
      local other = reaper.GetTrackMediaItem(track, i)
      local start, stop = span(other)
      budget.spend(3)
      if other ~= item then
        if side > 0 and start >= last - 1e-6 then free = math.min(free, start - last) end
        if side < 0 and stop <= first + 1e-6 then free = math.min(free, first - stop) end
      end
    end
    return free
  end

  --- What a track is played with: volume and pan of its own and of the folders it is in, up to the folder `home` (nil:
  -- all), whose own is added by REAPER to whatever comes to lie in it. For the left and the right channel; nil when muted.
  -- What a pan does that only REAPER knows is estimated: see `needs_render`.
  function M.gains(track, home)
    local left, right = 1, 1
    while track and track ~= home do
      budget.spend(11)
      if reaper.GetMediaTrackInfo_Value(track, "B_MUTE") > 0 then return nil end
      local volume, pan_left, pan_right = reaper.GetMediaTrackInfo_Value(track, "D_VOL"), pan_of.gains(track)
      if not pan_left then pan_left, pan_right = pan_of.balance(reaper.GetMediaTrackInfo_Value(track, "D_PAN")) end
      left, right = left * volume * pan_left, right * volume * pan_right
      track = reaper.GetParentTrack(track)
    end
    return left, right
  end

  --- Whether a track is heard while others are soloed: it is, or a folder that it is in.
  function M.is_soloed(track)
    while track do
      budget.spend(2)
      if reaper.GetMediaTrackInfo_Value(track, "I_SOLO") > 0 then return true end
      track = reaper.GetParentTrack(track)
    end
    return false
  end

  local function insert(project, at)
    if reaper.APIExists("InsertTrackInProject") then
      reaper.InsertTrackInProject(project, at, 0)
    else -- older ones insert into the tab that is shown: see `place/result`
      reaper.InsertTrackAtIndex(at, false)
    end
    return reaper.GetTrack(project, at)
  end

  --- The place after a track and its folder, for `insert_at`; nil for no track: that at the end.
  function M.place_after(project, anchor)
    if not anchor then return nil end
    local last, closes = last_of(project, anchor)
    return { last = last, closes = closes }
  end

  --- How many calls it takes to look for the end of a track's folder.
  function M.count_inside(project, track)
    return 2 * (index((last_of(project, track))) - index(track) + 1)
  end

  --- Insert named tracks at a place of `place_after`, in the folder that its track is in; with `folder_name` the first of what
  -- is returned is a folder that holds the others. `specs`: { {name, colour} … }.
  function M.insert_at(project, place, specs, folder_name)
    local at, closes = reaper.CountTracks(project), 0
    if place then
      at, closes = index(place.last) + 1, place.closes
      if closes < 0 then -- the new tracks close the folder instead
        reaper.SetMediaTrackInfo_Value(place.last, "I_FOLDERDEPTH", depth(place.last) - closes)
      end
    end
    local made = {}
    if folder_name then specs = { { name = folder_name }, table.unpack(specs) } end
    for i, spec in ipairs(specs) do
      local track = insert(project, at + i - 1)
      reaper.GetSetMediaTrackInfo_String(track, "P_NAME", spec.name, true)
      if spec.colour and spec.colour ~= "" then
        reaper.SetMediaTrackInfo_Value(track, "I_CUSTOMCOLOR", M.native_colour(spec.colour))
      end
      made[i] = track
    end
    if folder_name then reaper.SetMediaTrackInfo_Value(made[1], "I_FOLDERDEPTH", 1) end
    local last_depth = (folder_name and -1 or 0) + closes
    if last_depth ~= 0 then reaper.SetMediaTrackInfo_Value(made[#made], "I_FOLDERDEPTH", last_depth) end
    reaper.TrackList_AdjustWindows(false) -- or the panels show the old folders until something else redraws them
    return made
  end

  --- "#rrggbb" as REAPER stores colours.
  function M.native_colour(hex)
    local r, g, b = hex:match("^#(%x%x)(%x%x)(%x%x)$")
    return reaper.ColorToNative(tonumber(r, 16), tonumber(g, 16), tonumber(b, 16)) | 0x1000000
  end

  return M
end
