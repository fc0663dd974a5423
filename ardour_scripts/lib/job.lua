-- Jobs as folders, by the job folder protocol, and the list of those that are open. Ardour's Lua cannot list a folder.

return function(import)
  local command = import("command")
  local files = import("files")
  local json = import("json")
  local own = import("own_folder")
  local session = import("session")
  local M = {}

  M.VERSION = 1 -- of the protocol
  local START_S, SILENT_S = 20, 30 -- so long may a command take to say something first, or again
  local CLEAN_EVERY_S = 86400
  local ENDED = { done = true, failed = true, cancelled = true }
  local DISK = "Free some disk space, then run the action again."
  local serial = 0

  function M.root() return files.join(own.path, "jobs") end
  function M.folder(id) return files.join(M.root(), id) end
  local function path(id, name) return files.join(M.folder(id), name) end

  --- Eight characters that no other job of this second has.
  local function random_name()
    local name, source = "", io.open("/dev/urandom", "rb")
    if source then
      for byte in source:read(4):gmatch(".") do name = name .. ("%02x"):format(byte:byte()) end
      source:close()
    end
    serial = serial + 1
    return name ~= "" and name or ("%08x"):format((math.floor(os.clock() * 1e6) + serial) & 0xffffffff)
  end

  --- Make an empty job folder; returns its id, or nil and a message.
  function M.new()
    local id = os.date("!%Y%m%d-%H%M%S-") .. random_name()
    local ok, why = files.make_folder(M.folder(id))
    if not ok then return nil, why end
    return id
  end

  --- Start the command on a job; true, or nil, message and remedy.
  function M.start(id, ...)
    local program, why = command.find()
    local remedy = 'Install AceBridge as its README says, run "acebridge doctor" once in a terminal, then run the action again.'
    if not program then return nil, (why:gsub("REAPER", "Ardour")), remedy end
    local words = { ... }
    table.insert(words, 3, files.url(M.folder(id)))
    local ok
    ok, why = command.start(program, table.unpack(words))
    if not ok then return nil, why, remedy end
    return true
  end

  local function run(id) return M.start(id, "host", "run") end

  --- Start the command on a job whose request comes later: it loads what it needs meanwhile.
  function M.ready(id)
    local ok, why = files.touch(path(id, "readying"))
    if not ok then return nil, why, DISK end
    return run(id)
  end

  --- Put a job on the list of those that are followed.
  function M.list(id)
    local file, why = io.open(files.join(M.root(), "open.txt"), "ab")
    if not file then return nil, why end
    file:write(id, "\t", session.path(), "\n")
    file:close()
    return true
  end

  local ended = {} -- ids that need no second look

  --- The jobs of this session that are not placed, the oldest first.
  function M.open()
    local found, here = {}, session.path()
    for id, where in (files.read(files.join(M.root(), "open.txt")) or ""):gmatch("([^\t\n]+)\t([^\n]*)\n") do
      ended[id] = ended[id] or M.is_placed(id) or not files.exists(path(id, "plan.json"))
      if where == here and not ended[id] then found[#found + 1] = id end
    end
    return found
  end

  --- Leave out of the list what has ended. Called where no other Ardour of this user is likely to write: at the start.
  function M.shorten_list()
    local file = files.join(M.root(), "open.txt")
    local kept, all = {}, files.read(file) or ""
    for line, id in all:gmatch("(([^\t\n]+)\t[^\n]*\n)") do
      if files.exists(path(id, "plan.json")) and not M.is_placed(id) then kept[#kept + 1] = line end
    end
    if table.concat(kept) ~= all then files.write(file, table.concat(kept)) end
  end

  local function object(id, name)
    local text = files.read(path(id, name))
    local found = text and json.decode(text)
    return type(found) == "table" and found or nil
  end

  --- What is to be done with the result and which audio is still to be read.
  function M.keep_plan(id, plan)
    plan.create_time = os.time()
    return files.write(path(id, "plan.json"), json.encode(plan))
  end

  function M.plan(id) return object(id, "plan.json") end
  function M.result(id) return object(id, "result.json") end
  function M.is_sent(id) return files.exists(path(id, "request.json")) end

  --- Write the request, for the command that waits for it, or a new one; true, or nil, message and remedy.
  function M.submit(id, request)
    request.version, request.id, request.create_time = M.VERSION, id, os.time()
    local ok, why = files.write(path(id, "request.json"), json.encode(request))
    if not ok then return nil, why, DISK end
    if files.remove(path(id, "readying")) then return true end
    return run(id)
  end

  local last_updates = {} -- id → { update_time, looked, silence }: only time in which we looked counts, or a sleeping computer would

  --- How long a running command has said nothing while we listened.
  local function silence(id, update_time)
    local now, last = os.time(), last_updates[id]
    if not last or last.update_time ~= update_time then last = { update_time = update_time, looked = now, silence = 0 } end
    last.silence = last.silence + math.min(now - last.looked, 1)
    last.looked = now
    last_updates[id] = last
    return last.silence
  end

  --- The state of a job: status.json, or what its silence means.
  function M.status(id, since)
    local status, now = object(id, "status.json"), os.time()
    if not status then
      if now - since <= START_S then return { state = "starting", stage = "starting", fraction = 0 } end
      return { state = "failed", message = "The acebridge command did not start.", remedy = 'Run "AceBridge: Doctor".' }
    end
    if not ENDED[status.state] and silence(id, status.update_time) > SILENT_S then
      return { state = "failed", message = "The acebridge command ended without a word.",
        remedy = "See log.txt in " .. M.folder(id) .. ', then run "AceBridge: Again".' }
    end
    return status
  end

  function M.is_finished(status) return ENDED[status.state] or false end
  function M.is_cancelled(id) return files.exists(path(id, "cancel")) end
  function M.cancel(id) return files.touch(path(id, "cancel")) end
  function M.close(id) return files.touch(path(id, "placed")) end
  function M.reopen(id)
    ended[id] = nil
    return files.remove(path(id, "placed"))
  end

  function M.is_placed(id) return files.exists(path(id, "placed")) end

  --- Have old job folders removed, once a day; how it ends matters to nobody.
  function M.clean_sometimes()
    local file = files.join(own.path, "cleaned.txt")
    if os.time() - (tonumber(files.read(file) or "") or 0) < CLEAN_EVERY_S then return end
    local program = command.find()
    if not program then return end
    files.write(file, tostring(os.time()))
    command.start(program, "host", "clean", files.url(M.root()))
  end

  --- Forget a job that was never sent.
  function M.discard(id)
    for _, name in ipairs({ "readying", "plan.json", "placed", "cancel", "status.json", "log.txt", "result.json", "source-1.wav", "source-2.wav" }) do
      files.remove(path(id, name))
    end
    files.remove(M.folder(id))
  end

  return M
end
