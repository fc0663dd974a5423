-- Says to other programs which projects are open here: a small file in the inbox. The protocol:
-- daemon/acebridge/hosts/jobfolder/PROTOCOL.md, "The inbox".

return function(import)
  local files = import("files")
  local guid = import("guid")
  local json = import("json")
  local selection = import("selection")
  local M = {}

  local VERSION = 1
  local SECTION, KEY = "AceBridge", "instance"
  local REPEAT_S = 3 -- the file is written again after this time, so that its age tells whether somebody watches
  M.FRESH_S = 10 -- the watcher of an older one has gone, or waits for an answer to a dialog
  local RECORDS = 4 -- GetPlayStateEx

  function M.root() return files.join(reaper.GetResourcePath(), "AceBridge", "inbox") end

  --- The name of this run of REAPER.
  function M.instance()
    if not reaper.HasExtState(SECTION, KEY) then
      reaper.SetExtState(SECTION, KEY, reaper.genGuid(""):gsub("%W", ""):sub(1, 16):lower(), false)
    end
    return reaper.GetExtState(SECTION, KEY)
  end

  local function file_of(instance) return files.join(M.root(), ("presence-%s.json"):format(instance)) end

  --- REAPER's process id; nil where the system does not tell it to scripts.
  local function pid() return tonumber((files.read("/proc/self/stat") or ""):match("^%d+")) end

  --- All open projects: { {project, file} … }.
  function M.projects()
    local found = {}
    while true do
      local project, file = reaper.EnumProjects(#found)
      if not project then return found end
      found[#found + 1] = { project = project, file = file }
    end
  end

  local function pointer_of(project) return (tostring(project):gsub("[^%w]", "")) end

  --- A name for an open project that tells it from the others of this REAPER: its pointer and its first track.
  function M.key(project)
    local track = reaper.GetTrack(project, 0)
    return pointer_of(project) .. " " .. (track and guid.of_track(track) or "")
  end

  --- Whether a project has the pointer of a key, and whether it holds its track: then it is the same, whatever its file is called
  -- now. A pointer alone proves nothing, since a new project may get that of a closed one.
  function M.fits(project, key)
    local pointer, track = key:match("^(%w+) (.*)$")
    if pointer ~= pointer_of(project) then return false, false end
    return true, guid.track(project, track) ~= nil
  end

  local function describe(open, shown)
    local project = open.project
    local cursor = reaper.GetCursorPositionEx(project)
    local beats, unit, bpm = reaper.TimeMap_GetTimeSigAtTime(project, cursor)
    local start, stop = reaper.GetSet_LoopTimeRange2(project, false, false, 0, 0, false)
    local name = reaper.GetProjectName(project)
    return {
      key = M.key(project), name = name ~= "" and name:gsub("%.[Rr][Pp][Pp]$", "") or "unsaved project", file = open.file,
      media = reaper.GetProjectPathEx(project), shown = project == shown, recording = reaper.GetPlayStateEx(project) & RECORDS ~= 0,
      sample_rate = selection.rate(project), bpm = bpm, beats = beats, unit = unit, cursor_s = cursor,
      selection = stop > start and { start_s = start, end_s = stop } or json.null,
    }
  end

  local latest, written = nil, -math.huge

  --- Write what is open, if that has changed or was written long ago.
  function M.tell()
    local shown = reaper.EnumProjects(-1)
    local state = {
      version = VERSION, instance = M.instance(), pid = pid() or json.null,
      host = { name = "REAPER", version = reaper.GetAppVersion() }, projects = json.array({}),
    }
    for i, open in ipairs(M.projects()) do state.projects[i] = describe(open, shown) end
    local text, now = json.encode(state), reaper.time_precise()
    if text == latest and now - written < REPEAT_S then return end
    state.update_time = os.time()
    if files.make_folder(M.root()) and files.write(file_of(M.instance()), json.encode(state)) then latest, written = text, now end
  end

  --- Whether the watcher of a REAPER is there.
  function M.is_alive(instance)
    local state = json.object(files.read(file_of(instance))) or {}
    return type(state.update_time) == "number" and math.abs(os.time() - state.update_time) <= M.FRESH_S
  end

  --- Nobody watches here any more.
  function M.leave()
    files.remove(file_of(M.instance()))
    latest, written = nil, -math.huge
  end

  return M
end
