-- Names for tracks, items and projects that last longer than a pointer: a job may end after the script that sent it.

return function(import)
  local budget = import("budget")
  local M = {}

  local SECTION, KEY = "AceBridge", "project"

  function M.of_track(track)
    return reaper.GetTrackGUID(track)
  end

  function M.of_item(item)
    return select(2, reaper.GetSetMediaItemInfo_String(item, "GUID", "", false))
  end

  function M.of_take(take)
    return select(2, reaper.GetSetMediaItemTakeInfo_String(take, "GUID", "", false))
  end

  --- The take of an item and its number, or nil.
  function M.take(item, guid)
    for i = 0, reaper.CountTakes(item) - 1 do
      local take = reaper.GetTake(item, i)
      if take and M.of_take(take) == guid then return take, i end
    end
  end

  --- All takes of an item: GUID → { take, number }.
  function M.takes(item)
    local found = {}
    for i = 0, reaper.CountTakes(item) - 1 do
      local take = reaper.GetTake(item, i)
      if take then found[M.of_take(take)] = { take, i } end
    end
    return found
  end

  function M.track(project, guid)
    for i = 0, reaper.CountTracks(project) - 1 do
      local track = reaper.GetTrack(project, i)
      budget.spend(2)
      if reaper.GetTrackGUID(track) == guid then return track end
    end
  end

  --- Each item of a project, track by track: asking for one by its number has REAPER count up to it.
  function M.each_item(project)
    return coroutine.wrap(function()
      for i = 0, reaper.CountTracks(project) - 1 do
        local track = reaper.GetTrack(project, i)
        for j = 0, reaper.CountTrackMediaItems(track) - 1 do coroutine.yield(reaper.GetTrackMediaItem(track, j)) end
      end
    end)
  end

  --- All items of a project by their GUIDs; while the project is observed, they are looked through once.
  function M.items(project)
    local memory = budget.memory() or {}
    if memory.items then return memory.items end
    local found = {}
    for item in M.each_item(project) do
      found[M.of_item(item)] = item
      budget.spend(3)
    end
    memory.items = found
    return found
  end

  --- A function that finds items of a project by { item, take }, the GUIDs of an item and of one of its takes: REAPER finds
  -- takes itself. Where that take is gone, all items are looked through, once.
  function M.finder(project)
    local items
    return function(known)
      local take = known.take and reaper.GetMediaItemTakeByGUID(project, known.take)
      budget.spend(2)
      if take then return reaper.GetMediaItemTake_Item(take) end
      items = items or M.items(project)
      return items[known.item]
    end
  end

  --- What tells this run of REAPER from others: pointers mean something in one only.
  local function session()
    if not reaper.HasExtState(SECTION, "session") then reaper.SetExtState(SECTION, "session", reaper.genGuid(""), false) end
    return reaper.GetExtState(SECTION, "session")
  end

  --- The identity of a project: an id of ours in its extension state, its file, its name for messages.
  function M.of_project(project)
    local _, file = reaper.EnumProjects(-1)
    local known, id = reaper.GetProjExtState(project, SECTION, KEY)
    if known == 0 or id == "" then
      id = reaper.genGuid("")
      reaper.SetProjExtState(project, SECTION, KEY, id)
    end
    local name = reaper.GetProjectName(project)
    local track = reaper.GetTrack(project, 0)
    return {
      id = id, track = track and M.of_track(track), pointer = tostring(project), session = session(), file = file,
      name = name ~= "" and name or "the unsaved project",
    }
  end

  --- Whether a project without an id is the one of this identity: undo may have taken the id back. A pointer alone proves
  -- nothing, since a new project may get that of a closed one.
  local function is_same(project, file, identity)
    if not identity.track or not M.track(project, identity.track) then return false end
    if identity.session == session() then return identity.pointer == tostring(project) end
    return file ~= "" and file == identity.file
  end

  --- The open project with this identity. "Save as" copies our id, so among several the one with the same file is it.
  function M.project(identity)
    local found, nameless
    local i = 0
    while true do
      local project, file = reaper.EnumProjects(i)
      if not project then return found or nameless end
      local _, id = reaper.GetProjExtState(project, SECTION, KEY)
      if id == identity.id then
        if file == identity.file then return project end
        found = found or project
      elseif id == "" and is_same(project, file, identity) then
        nameless = nameless or project
      end
      i = i + 1
    end
  end

  return M
end
