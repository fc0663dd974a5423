-- Says to other programs which projects are open here: see `presence_file`.

return function(import)
  local files = import("shared/files")
  local guid = import("project/guid")
  local json = import("shared/json")
  local presence_file = import("shared/presence_file")
  local selection = import("project/selection")
  local SECTION, KEY = "AceBridge", "instance"
  local RECORDS = 4 -- GetPlayStateEx

  --- The name of this run of REAPER.
  local function instance()
    if not reaper.HasExtState(SECTION, KEY) then
      reaper.SetExtState(SECTION, KEY, reaper.genGuid(""):gsub("%W", ""):sub(1, 16):lower(), false)
    end
    return reaper.GetExtState(SECTION, KEY)
  end

  --- All open projects: { {project, file} … }.
  local function list_projects()
    local found = {}
    while true do
      local project, file = reaper.EnumProjects(#found)
      if not project then return found end
      found[#found + 1] = { project = project, file = file }
    end
  end

  local function pointer_of(project) return (tostring(project):gsub("[^%w]", "")) end

  --- A name for an open project that tells it from the others of this REAPER: its pointer and its first track.
  local function key_of(project)
    local track = reaper.GetTrack(project, 0)
    return pointer_of(project) .. " " .. (track and guid.of_track(track) or "")
  end

  local function describe(open, shown)
    local project = open.project
    local cursor = reaper.GetCursorPositionEx(project)
    local beats, unit, bpm = reaper.TimeMap_GetTimeSigAtTime(project, cursor)
    local start, stop = reaper.GetSet_LoopTimeRange2(project, false, false, 0, 0, false)
    local name = reaper.GetProjectName(project)
    return {
      key = key_of(project), name = name ~= "" and name:gsub("%.[Rr][Pp][Pp]$", "") or "unsaved project", file = open.file,
      media = reaper.GetProjectPathEx(project), shown = project == shown, recording = reaper.GetPlayStateEx(project) & RECORDS ~= 0,
      sample_rate = selection.rate(project), bpm = bpm, beats = beats, unit = unit, cursor_s = cursor,
      selection = stop > start and { start_s = start, end_s = stop } or json.null,
    }
  end

  local function describe_all()
    local found, shown = {}, reaper.EnumProjects(-1)
    for i, open in ipairs(list_projects()) do found[i] = describe(open, shown) end
    return found
  end

  local M = presence_file({
    root = function() return files.join(reaper.GetResourcePath(), "AceBridge", "inbox") end,
    instance = instance, now = function() return reaper.time_precise() end, projects = describe_all,
    about = function() return { name = "REAPER", version = reaper.GetAppVersion() } end,
  })

  M.projects = list_projects

  --- Whether a project has the pointer of a key, and whether it holds its track: then it is the same, whatever its file is called
  -- now. A pointer alone proves nothing, since a new project may get that of a closed one.
  function M.fits(project, key)
    local pointer, track = key:match("^(%w+) (.*)$")
    if pointer ~= pointer_of(project) then return false, false end
    return true, guid.track(project, track) ~= nil
  end

  return M
end
