-- Places finished jobs that others made, in a browser or with `acebridge place`: they lie in the inbox, and exactly one REAPER
-- takes each of them. The protocol: daemon/acebridge/hosts/jobfolder/PROTOCOL.md, "The inbox".

return function(import)
  local budget = import("budget")
  local files = import("files")
  local guid = import("guid")
  local json = import("json")
  local messages = import("messages")
  local outputs_of = import("outputs")
  local place = import("place")
  local presence = import("presence")
  local selection = import("selection")
  local tracks = import("tracks")
  local undo = import("undo")
  local whereabouts = import("whereabouts")
  local M = {}

  local VERSION = 1
  local LOOK_S = 1
  local PLACE, RESULT, ANSWER = "place.json", "result.json", "answer.json"
  local UNCLAIMED, CLAIMED = "^%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-[0-9a-z]+$", "^(%d+%-%d+%-[0-9a-z]+)%.([0-9a-z]+)$"
  local SECTION, KEY, MOST_KEPT = "AceBridge", "inbox", 50 -- what is remembered in a project: the newest ids that were placed in it
  local SAME_S = 1e-6
  local AGAIN = "Send it again with `acebridge place`."

  local answered = {} -- id → answer of what is done here, for as long as it cannot be written
  local waiting = {} -- id → what was last said about it

  local function folder_of(name) return files.join(presence.root(), name) end

  local function object(name, file)
    return json.object(files.read(files.join(folder_of(name), file)))
  end

  local function answer(name, id, state, message, remedy, more)
    local content = more or {}
    content.version, content.id, content.state, content.instance = VERSION, id, state, presence.instance()
    content.message, content.remedy, content.update_time = message, remedy or "", os.time()
    if state ~= "waiting" then answered[id] = content end
    return files.write(files.join(folder_of(name), ANSWER), json.encode(content))
  end

  -- Which project ---------------------------------------------------------------------------------------------------------

  local function text(value) return type(value) == "string" and value or "" end

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

  --- The time of the project that a placement begins at, on its sample grid; or nil, a message and a remedy.
  local function time_of(project, wanted)
    local at = type(wanted.at) == "table" and wanted.at or { kind = "cursor" }
    local find = PLACES[at.kind]
    local time, why, remedy
    if find then time, why, remedy = find(project, at) end
    if not time or time ~= time or math.abs(time) == math.huge then
      return nil, why or "This REAPER does not know the place that was asked for.", remedy or "Choose another one with --at, or update the scripts."
    end
    local rate = selection.rate(project)
    return math.floor(math.max(0, time) * rate + 0.5) / rate
  end

  -- What of it ------------------------------------------------------------------------------------------------------------

  local function is_full_path(path) return path:find("^[/\\]") or path:find("^%a:[/\\]") end

  local function is_output(output)
    return type(output) == "table" and is_full_path(text(output.file))
      and math.type(output.frames) and output.frames > 0 and math.type(output.sample_rate) and output.sample_rate > 0
      and math.type(output.start_frame) and type(output.role) == "string" and type(output.name) == "string"
      and (output.colour == "" or text(output.colour):find("^#%x%x%x%x%x%x$"))
  end

  --- The outputs of a result, each moved to where it belongs when its source begins at `at_s`; nil if it is not as it should be.
  local function move(result, at_s)
    local found = {}
    if type(result.parts) ~= "table" then return nil end
    for _, part in ipairs(result.parts) do
      if type(part) ~= "table" or type(part.takes) ~= "table" then return nil end
      for _, take in ipairs(part.takes) do
        if type(take) ~= "table" or type(take.outputs) ~= "table" then return nil end
        for _, output in ipairs(take.outputs) do
          if not is_output(output) then return nil end
          output.position_s = at_s + output.start_frame / output.sample_rate
          output.length_s = output.frames / output.sample_rate
          output.fade_in_s, output.fade_out_s = tonumber(output.fade_in_s) or 0, tonumber(output.fade_out_s) or 0
          found[#found + 1] = output
        end
      end
    end
    return #found > 0 and found or nil
  end

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
    local chosen = {}
    for i = 0, reaper.CountSelectedTracks2(project, false) - 1 do
      chosen[i + 1] = reaper.GetSelectedTrack2(project, i, false)
      budget.spend(1)
    end
    local anchor = beside and reaper.GetMediaItem_Track(beside) or tracks.lowest(chosen)
    local folder = text(wanted.folder)
    return {
      kind = "tracks", anchor = anchor and guid.of_track(anchor), anchor_name = anchor and tracks.name(anchor),
      folder = folder ~= "" and folder or nil,
    }, note
  end

  --- Place what is meant for a project. Returns the state of the answer, a message, a remedy and further keys; and, of what was
  -- placed, { request, result, project }. nil: a recording has begun, and it waits for the end of that.
  local function put(project, id, wanted, result)
    local at_s, why, remedy = time_of(project, wanted)
    if not at_s then return "refused", why, remedy end
    local outputs = move(result, at_s)
    if not outputs then return "refused", "The result is damaged or holds no audio.", AGAIN end
    local first = math.huge
    for _, output in ipairs(outputs) do
      if not files.exists(output.file) then return "refused", ("There is no file %s any more."):format(output.file), AGAIN end
      first = math.min(first, output.position_s)
    end
    if first < -SAME_S then
      return "refused", ("It would begin %.3f s before the start of the project."):format(-first), "Choose a later place with --at."
    end
    local title = text(wanted.title) ~= "" and wanted.title or "Place"
    local to, note = budget.observe(project, function() return target(project, wanted, result, outputs) end)
    if not to then return "refused", "The project was closed.", AGAIN end
    local request = {
      action = "place", title = title, parts = result.parts, place = to,
      after = function() remember(project, id) end,
    }
    local ok, summary, cure, later = place.place(project, request, result)
    if later == messages.RECORDING then return nil end
    if not ok then return "refused", summary, cure end
    local name = reaper.GetProjectName(project)
    local message = ("%s: %s at %.3f s in %s."):format(title, summary, first, name ~= "" and name or "the unsaved project")
    return "placed", note and message .. " " .. note or message, "", { position_s = first }, { request = request, result = result, project = project }
  end

  -- One after the other ---------------------------------------------------------------------------------------------------

  -- What rows show of it: as `jobs` has them.
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
    local entry = entry_of(id, wanted)
    entry.state, entry.note, entry.remedy = STATES[state], message, remedy
    if not more then return end
    entry.note = message .. "\n" .. undo.way_back(more.request.title, more.result.steps)
    entry.request, entry.placed, entry.project = more.request, more.result.placed, more.project
  end

  --- What was placed or refused here, or waits for the end of a recording: entries of `jobs`.
  function M.entries() return entries end

  local WAITS = "REAPER records: it is placed when the recording ends."

  --- Say that it waits for the end of a recording, once.
  local function wait(name, id, wanted)
    if waiting[id] or not answer(name, id, "waiting", WAITS) then return end
    waiting[id] = true
    note_waiting(id, wanted, WAITS)
  end

  --- Why what was sent can be placed nowhere: a message and a remedy; nil when it can.
  local function fault_of(wanted, result)
    if not result or not wanted or not wanted.version then
      return "What was sent is damaged: " .. (result and PLACE or RESULT) .. " cannot be read.", AGAIN
    end
    if wanted.version ~= VERSION then
      return ("It is of version %s, these scripts know %d."):format(tostring(wanted.version), VERSION), "Update AceBridge and its scripts."
    end
    if not project_of(wanted) then return "The project is no longer open.", "Open it again, then send it again." end
  end

  local placing -- the result that is being placed

  --- Whether a result is placed in several steps, and some of them are done.
  function M.has_begun() return placing ~= nil and placing.begun or false end

  --- Deal with what this REAPER has claimed. Returns whether it is still to be placed.
  local function serve(name, id)
    if answered[id] then return not files.write(files.join(folder_of(name), ANSWER), json.encode(answered[id])) end
    local old = object(name, ANSWER)
    if old and old.state ~= "waiting" then return false end
    local wanted, result = object(name, PLACE), object(name, RESULT)
    local function finish(state, message, remedy, more, made)
      note_end(id, wanted, state, message, remedy, made)
      answer(name, id, state, message, remedy, more)
      return false
    end
    local fault, cure = fault_of(wanted, result)
    if fault then return finish("refused", fault, cure) end
    local project = project_of(wanted)
    if is_placed(project, id) then
      answer(name, id, "placed", "It was placed before.")
      return false
    end
    if messages.is_recording() then
      wait(name, id, wanted)
      return true
    end
    placing = result
    local outcome = table.pack(pcall(put, project, id, wanted, result))
    placing = nil
    if not outcome[1] then return finish("refused", "The result cannot be used: " .. tostring(outcome[2]), AGAIN) end
    if not outcome[2] then
      wait(name, id, wanted)
      return true
    end
    return finish(table.unpack(outcome, 2, outcome.n))
  end

  --- Take what nobody has taken, or what a REAPER has left that is gone; nil: it is somebody else's. Renaming is what decides:
  -- of two that try, the second finds nothing to rename.
  local function claim(name)
    local me = presence.instance()
    local id, owner = name:match(CLAIMED)
    if owner == me then return name, id end
    if owner and (object(name, ANSWER) or {}).state == "placed" then return nil end
    if owner and presence.is_alive(owner) then return nil end
    if not id and not name:find(UNCLAIMED) then return nil end
    id = id or name
    local wanted = object(name, PLACE) or {} -- damaged ones are for everybody, to refuse them
    if wanted.instance ~= me and presence.is_alive(text(wanted.instance)) then return nil end
    if wanted.instance ~= me and type(wanted.project) == "table" and not project_of(wanted) then return nil end
    local mine = id .. "." .. me
    if not os.rename(folder_of(name), folder_of(mine)) then return nil end
    return mine, id
  end

  local looked = -math.huge
  --- Look into the inbox, once a second; say which projects are open. Returns how much is still to be placed.
  function M.look(now)
    if now - looked < LOOK_S then return M.left or 0 end
    looked, M.left = now, 0
    presence.tell()
    local names = files.folders(presence.root())
    table.sort(names)
    for _, name in ipairs(names) do
      local mine, id = claim(name)
      if mine and serve(mine, id) then M.left = M.left + 1 end
    end
    return M.left
  end

  M.leave = presence.leave

  return M
end
