-- Places finished jobs that others made, in a browser or with `acebridge place`: see `inbox_folder`.

return function(import)
  local budget = import("budget")
  local files = import("shared/files")
  local guid = import("project/guid")
  local inbox_folder = import("shared/inbox_folder")
  local inbox_result = import("shared/inbox_result")
  local messages = import("messages")
  local outputs_of = import("place/outputs")
  local place = import("place/result")
  local presence = import("jobs/presence")
  local selection = import("project/selection")
  local tracks = import("project/tracks")
  local undo = import("project/undo")
  local whereabouts = import("project/whereabouts")
  local M = {}

  local LOOK_S = 1
  local SECTION, KEY, MOST_KEPT = "AceBridge", "inbox", 50 -- what is remembered in a project: the newest ids that were placed in it
  local SAME_S, AGAIN, text = inbox_result.SAME_S, inbox_result.AGAIN, inbox_result.text

  -- Which project ---------------------------------------------------------------------------------------------------------

  --- The open project that a placement is for, or nil.
  local function project_of(wanted)
    local addressed = type(wanted.project) == "table" and wanted.project or {}
    for _, open in ipairs(presence.projects()) do
      local own, same = false, false -- `same`: also when it was saved under another name meanwhile
      if wanted.instance == presence.instance() then own, same = presence.fits(open.project, text(addressed.key)) end
      if same or open.file == text(addressed.file) and (own or open.file ~= "") then return open.project end
    end
  end

  --- Whether an earlier watcher has placed it in this project already.
  local function list_ids(project)
    local _, ids = reaper.GetProjExtState(project, SECTION, KEY)
    return ids
  end

  local function is_placed(project, id) return (" " .. list_ids(project) .. " "):find(" " .. id .. " ", 1, true) ~= nil end

  local function remember(project, id)
    local ids = { id }
    for known in list_ids(project):gmatch("%S+") do
      if #ids < MOST_KEPT then ids[#ids + 1] = known end
    end
    reaper.SetProjExtState(project, SECTION, KEY, table.concat(ids, " "))
  end

  -- Where in it -----------------------------------------------------------------------------------------------------------

  local PLACES = {}
  function PLACES.seconds(_, at) return tonumber(at.position_s) end
  function PLACES.cursor(project) return reaper.GetCursorPositionEx(project) end
  function PLACES.selection(project)
    local start, stop = reaper.GetSet_LoopTimeRange2(project, false, false, 0, 0, false)
    if stop > start then return start end
    return nil, "There is no time selection in the project.", "Make one, or choose another place with --at."
  end
  function PLACES.bar(project, at)
    local bar = tonumber(at.bar)
    return bar and bar >= 1 and (reaper.TimeMap_GetMeasureInfo(project, math.floor(bar) - 1)) or nil
  end

  -- What of it ------------------------------------------------------------------------------------------------------------

  --- The one selected item, if the outputs are takes of it to the sample; or nil and why not.
  local function item_for(project, result, outputs)
    if reaper.CountSelectedMediaItems(project) ~= 1 then return nil, "not exactly one item is selected" end
    local item = reaper.GetSelectedMediaItem(project, 0)
    local take = reaper.GetActiveTake(item)
    if not take or reaper.TakeIsMIDI(take) then return nil, "the selected item holds no audio", item end
    if #result.parts > 1 or #outputs_of.by_role(result.parts[1]) > 1 then return nil, "there are several tracks of it", item end
    local first, last = selection.item_span(item)
    for _, output in ipairs(outputs) do
      if math.abs(output.position_s - first) > SAME_S or math.abs(output.length_s - (last - first)) > SAME_S then
        return nil, "the selected item is not at the same place or not as long", item
      end
    end
    return item
  end

  --- Where it goes, as an action's request says it, and what to say about that.
  local function target(project, wanted, result, outputs)
    local note, beside
    if wanted.as == "take" then
      local item, why
      item, why, beside = item_for(project, result, outputs)
      if item then
        local sent = whereabouts.note(item, reaper.GetActiveTake(item))
        return { kind = "take", items = { { sent = sent, part = 1, offset_s = 0, name = tracks.name(reaper.GetMediaItem_Track(item)) } } }
      end
      note = ("It is no take, because %s."):format(why)
    end
    local chosen = selection.find_tracks(project)
    local anchor = beside and reaper.GetMediaItem_Track(beside) or tracks.lowest(chosen)
    local folder = text(wanted.folder)
    return {
      kind = "tracks", anchor = anchor and guid.of_track(anchor), anchor_name = anchor and tracks.name(anchor),
      folder = folder ~= "" and folder or nil,
    }, note
  end

  local placing -- the result that is being placed

  --- Place what is meant for a project. Returns the state of the answer, a message, a remedy and further keys; and, of what was
  -- placed, { request, result, project }. nil: a recording has begun, and it waits for the end of that.
  local function put(project, id, wanted, result)
    placing = result
    local at_s, why, remedy = inbox_result.time_of(PLACES, "REAPER", project, wanted, selection.rate(project))
    if not at_s then return "refused", why, remedy end
    local outputs, first, fix = inbox_result.place(result, at_s)
    if not outputs then return "refused", first, fix end
    local title = text(wanted.title) ~= "" and wanted.title or "Place"
    local to, note = budget.observe(project, function() return target(project, wanted, result, outputs) end)
    if not to then return "refused", "The project was closed.", AGAIN end
    local request = {
      action = "place", title = title, parts = result.parts, place = to,
      after = function() remember(project, id) end,
    }
    local name = reaper.GetProjectName(project)
    local ok, summary, cure, later = place.place(project, request, result)
    if later == messages.RECORDING then
      placing = nil
      return nil
    end
    if later == undo.CLOSED or later == undo.UNDONE then -- no refusal: the sender would remove files that may be played still
      return "placed", ("%s: %s"):format(title, summary), "Undo what is left of it, then send it again.", { position_s = first }
    end
    if not ok then return "refused", summary, cure end
    local message = ("%s: %s at %.3f s in %s."):format(title, summary, first, name ~= "" and name or "the unsaved project")
    return "placed", note and message .. " " .. note or message, "", { position_s = first }, { request = request, result = result, project = project }
  end

  -- One after the other ---------------------------------------------------------------------------------------------------

  -- What rows show of it: as `jobs/list` has them.
  local MOST_ENTRIES = 20
  local entries = {}

  --- The entry of a placement; made when there is none.
  local function entry_of(id, wanted)
    for _, entry in ipairs(entries) do
      if entry.id == id then return entry end
    end
    local title = wanted and text(wanted.title) or ""
    local entry = { id = id, is_other = true, request = { title = title ~= "" and title or "Place", place = {} }, status = {} }
    entries[#entries + 1] = entry
    if #entries > MOST_ENTRIES then table.remove(entries, 1) end
    return entry
  end

  local function note_waiting(id, wanted, message)
    entry_of(id, wanted).status = { state = "waiting", stage = message, fraction = 1 }
  end

  local STATES = { placed = "done", refused = "failed" }

  --- Note what has become of it. `more`: { request, result, project } of what was placed.
  local function note_end(id, wanted, state, message, remedy, more)
    placing = nil
    local entry = entry_of(id, wanted)
    entry.state, entry.note, entry.remedy = STATES[state], message, remedy
    if not more then return end
    entry.note = message .. "\n" .. undo.way_back(more.request.title, more.result.steps)
    entry.request, entry.placed, entry.project = more.request, more.result.placed, more.project
  end

  --- What was placed or refused here, or waits for the end of a recording: entries of `jobs/list`.
  function M.entries() return entries end

  --- Whether a result is placed in several steps, and some of them are done.
  function M.has_begun() return placing ~= nil and placing.begun or false end

  local inbox = inbox_folder({
    name = "REAPER", presence = presence, find_project = project_of, is_placed = is_placed, is_recording = messages.is_recording,
    put = put, note_claim = function() end, note_waiting = note_waiting, note_end = note_end,
  })

  local looked = -math.huge
  --- Look into the inbox, once a second; say which projects are open. Returns how much is still to be placed.
  function M.look(now)
    placing = nil -- an earlier look may have been left in the middle
    if now - looked < LOOK_S then return M.left or 0 end
    looked = now
    presence.tell()
    local names = files.folders(presence.root())
    table.sort(names)
    M.left = inbox.look(names)
    return M.left
  end

  M.leave = presence.leave

  return M
end
