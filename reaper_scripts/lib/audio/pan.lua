-- What pans do to the level of a track. In the middle and at a side that is known; in between REAPER's curve depends on the
-- law and the taper of pans, which scripts cannot all ask for.

return function(import)
  local files = import("shared/files")
  local M = {}

  local BALANCE, WITH_WIDTH, DUAL = 3, 5, 6 -- pan modes
  local HEAD_BYTES = 65536 -- of a project file: its settings stand before its tracks
  local PLAIN = { [-1] = true, [0] = true, [1] = true }
  local SAME = 1e-6

  local function value(track, key) return reaper.GetMediaTrackInfo_Value(track, key) end

  local function file_of(project)
    local i = 0
    while true do
      local open, file = reaper.EnumProjects(i)
      if not open or open == project then return file or "" end
      i = i + 1
    end
  end

  local laws = {} -- by project: no script runs for so long that a change of it matters

  --- The gain in the middle that a project gives to tracks and takes without a law of their own. Only its file says it; a
  -- project that was never saved has that of a new REAPER, which changes nothing.
  function M.law(project)
    local key = tostring(project)
    if not laws[key] then
      local file = file_of(project)
      local head = file ~= "" and files.read_head(file, HEAD_BYTES) or ""
      laws[key] = tonumber(head:match("\n%s*PANLAW ([%d%.]+)")) or 1
    end
    return laws[key]
  end

  --- Whether a law of a track or take of a project (below 0: it has none of its own) leaves the level in the middle alone.
  function M.is_plain_law(project, law) return math.abs((law < 0 and M.law(project) or law) - 1) < SAME end

  local function project_of(track)
    local i = 0
    while true do
      local project = reaper.EnumProjects(i)
      if not project or reaper.ValidatePtr2(project, track, "MediaTrack*") then return project end
      i = i + 1
    end
  end

  --- The gains for the left and the right channel that a track's pan comes to; nil when only REAPER knows.
  function M.gains(track)
    if not M.is_plain_law(project_of(track), value(track, "D_PANLAW")) then return nil end
    local _, _, _, mode = reaper.GetTrackUIPan(track) -- the track's own mode, or that of its project
    if mode == DUAL then
      if value(track, "D_DUALPANL") == -1 and value(track, "D_DUALPANR") == 1 then return 1, 1 end
      return nil
    end
    local pan = value(track, "D_PAN")
    local plain = mode == BALANCE and PLAIN[pan] or mode == WITH_WIDTH and pan == 0 and value(track, "D_WIDTH") == 1
    if plain then return M.balance(pan) end
  end

  --- Whether two takes of a project have pans whose gains are known; else those of both have to be left to REAPER.
  function M.are_known(project, takes)
    for _, take in ipairs(takes) do
      local known = PLAIN[reaper.GetMediaItemTakeInfo_Value(take, "D_PAN")]
        and M.is_plain_law(project, reaper.GetMediaItemTakeInfo_Value(take, "D_PANLAW"))
      if not known then return false end
    end
    return true
  end

  --- Whether takes are panned alike, by the same law.
  function M.are_alike(takes)
    for _, key in ipairs({ "D_PAN", "D_PANLAW" }) do
      for _, take in ipairs(takes) do
        if reaper.GetMediaItemTakeInfo_Value(take, key) ~= reaper.GetMediaItemTakeInfo_Value(takes[1], key) then return false end
      end
    end
    return true
  end

  --- The gains of a pan whose law and taper do not matter, or are not known.
  function M.balance(pan) return math.min(1, 1 - pan), math.min(1, 1 + pan) end

  return M
end
