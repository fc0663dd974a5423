-- Takes what lies in the inbox: others put finished jobs there, and exactly one watcher takes each of them, places it and answers. The
-- protocol: daemon/acebridge/hosts/jobfolder/PROTOCOL.md, "The inbox". Scripts of REAPER and of Ardour share this file.
--
-- A host is { name; presence: see `presence_file`; find_project(wanted): the open project that a place.json is for, or nil;
-- is_placed(project, id, result): whether an earlier watcher has placed it there; is_recording(); put(project, id, wanted, result):
-- places it and returns a state, a message, a remedy, further keys of the answer, and what was made; or nil, when a recording has begun
-- meanwhile; note_claim(name), note_waiting(id, wanted, message), note_end(id, wanted, state, message, remedy, made): tell what has become
-- of it }.

return function(import)
  local files = import("shared/files")
  local json = import("shared/json")
  local inbox_result = import("shared/inbox_result")

  local VERSION = 1
  local PLACE, RESULT, ANSWER = "place.json", "result.json", "answer.json"
  local UNCLAIMED, CLAIMED = "^%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-[0-9a-z]+$", "^(%d+%-%d+%-[0-9a-z]+)%.([0-9a-z]+)$"
  local AGAIN, text = inbox_result.AGAIN, inbox_result.text

  return function(host)
    local presence = host.presence
    local M = {}
    local answered = {} -- id → answer of what is done here, for as long as it cannot be written
    local waiting = {} -- id → what was last said about it

    local function folder_of(name) return files.join(presence.root(), name) end

    local function object(name, file) return json.object(files.read(files.join(folder_of(name), file))) end

    local function answer(name, id, state, message, remedy, more)
      local content = more or {}
      content.version, content.id, content.state, content.instance = VERSION, id, state, presence.instance()
      content.message, content.remedy, content.update_time = message, remedy or "", os.time()
      if state ~= "waiting" then answered[id] = content end
      return files.write(files.join(folder_of(name), ANSWER), json.encode(content))
    end

    --- Say that it waits for the end of a recording, once.
    local function wait(name, id, wanted)
      local message = ("%s records: it is placed when the recording ends."):format(host.name)
      if waiting[id] or not answer(name, id, "waiting", message) then return end
      waiting[id] = true
      host.note_waiting(id, wanted, message)
    end

    --- Why what was sent can be placed nowhere: a message and a remedy; nil when it can.
    local function fault_of(wanted, result)
      if not result or not wanted or not wanted.version then
        return "What was sent is damaged: " .. (result and PLACE or RESULT) .. " cannot be read.", AGAIN
      end
      if wanted.version ~= VERSION then
        return ("It is of version %s, these scripts know %d."):format(tostring(wanted.version), VERSION), "Update AceBridge and its scripts."
      end
      if not host.find_project(wanted) then return "The project is no longer open.", "Open it again, then send it again." end
    end

    --- Deal with what was claimed here. Returns whether it is still to be placed.
    local function serve(name, id)
      if answered[id] then return not files.write(files.join(folder_of(name), ANSWER), json.encode(answered[id])) end
      local old = object(name, ANSWER)
      if old and old.state ~= "waiting" then return false end
      local wanted, result = object(name, PLACE), object(name, RESULT)
      local function finish(state, message, remedy, more, made)
        host.note_end(id, wanted, state, message, remedy, made)
        answer(name, id, state, message, remedy, more)
        return false
      end
      local fault, cure = fault_of(wanted, result)
      if fault then return finish("refused", fault, cure) end
      local project = host.find_project(wanted)
      if host.is_placed(project, id, result) then
        answer(name, id, "placed", "It was placed before.")
        return false
      end
      if host.is_recording() then
        wait(name, id, wanted)
        return true
      end
      local outcome = table.pack(pcall(host.put, project, id, wanted, result))
      if not outcome[1] then return finish("refused", "The result cannot be used: " .. tostring(outcome[2]), AGAIN) end
      if not outcome[2] then
        wait(name, id, wanted)
        return true
      end
      return finish(table.unpack(outcome, 2, outcome.n))
    end

    --- Take what nobody has taken, or what a watcher has left that is gone; nil: it is somebody else's. Renaming is what decides:
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
      if wanted.instance ~= me and type(wanted.project) == "table" and not host.find_project(wanted) then return nil end
      local mine = id .. "." .. me
      if not os.rename(folder_of(name), folder_of(mine)) then return nil end
      host.note_claim(mine)
      return mine, id
    end

    --- Deal with folders of the inbox by their names. Returns how much is still to be placed.
    function M.look(names)
      local left = 0
      for _, name in ipairs(names) do
        local mine, id = claim(name)
        if mine and serve(mine, id) then left = left + 1 end
      end
      return left
    end

    return M
  end
end
