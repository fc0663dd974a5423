-- A job is a folder: the request goes in, the state and the result come out. It outlives the script that made it, and
-- REAPER too. The protocol: daemon/acebridge/hosts/jobfolder/PROTOCOL.md.

return function(import)
  local budget = import("budget")
  local json = import("json")
  local files = import("files")
  local command = import("command")
  local version = import("version")
  local M = {}

  M.VERSION = 1 -- of the protocol
  local SILENT_S, LONG_AGO_S = 30, 3600 -- a command that says nothing for so long while somebody listens, or at all, has ended
  local START_S = 90 -- what a command usually takes, at most, to say something first; some take minutes
  local CANCEL_S = 20 -- a cancel waits no longer for such a one; it will find the file and end
  local READYING = "readying" -- a file that is there until the request is
  local SECTION, CLEANED, CLEAN_EVERY_S = "AceBridge", "cleaned", 86400
  local ENDED = { done = true, failed = true, cancelled = true }

  function M.root()
    return files.join(reaper.GetResourcePath(), "AceBridge", "jobs")
  end

  function M.folder(id)
    return files.join(M.root(), id)
  end

  --- Make an empty job folder; returns its id, or nil and a message.
  function M.new()
    local id = os.date("!%Y%m%d-%H%M%S-") .. reaper.genGuid(""):gsub("%W", ""):sub(1, 8):lower()
    local ok, why = files.make_folder(M.folder(id))
    if not ok then return nil, why end
    return id
  end

  local function start(id)
    local path, why, remedy = command.find()
    if not path then return nil, why, remedy end
    local ok
    ok, why = command.start(path, "reaper", "run", files.url(M.folder(id)))
    if not ok then return nil, why, 'Run "AceBridge_Doctor".' end
    return true
  end

  --- Start the command on a job whose request comes later: it loads what it needs meanwhile. Returns true, or nil, message
  -- and remedy.
  function M.ready(id)
    local ok, why = files.touch(files.join(M.folder(id), READYING))
    if not ok then return nil, why, "Free some disk space, then run the action again." end
    return start(id)
  end

  --- Write the request, for the command that waits for it, or a new one; returns true, or nil, message and remedy.
  function M.submit(id, request)
    request.version, request.id, request.create_time = M.VERSION, id, os.time()
    request.host = { name = "REAPER", version = reaper.GetAppVersion(), scripts = version.SCRIPTS }
    local ok, why = files.write(files.join(M.folder(id), "request.json"), json.encode(request))
    if not ok then return nil, why, "Free some disk space, then run the action again." end
    local waits, remedy = files.remove(files.join(M.folder(id), READYING)), nil
    if not waits then
      ok, why, remedy = start(id)
      if not ok then return nil, why, remedy end
    end
    reaper.SetExtState(SECTION, "sent " .. id, "1", false)
    M.report_reading(id, nil)
    return true
  end

  -- Before a request is sent, the script that reads its audio says how far it is.
  local READING, READING_ALIVE_S = "reading ", 5

  -- The ids of those jobs, so that nobody has to look into every folder for them.
  local READINGS = "readings"

  local function list_reading(id, wanted)
    local list = {}
    for other in reaper.GetExtState(SECTION, READINGS):gmatch("%S+") do
      if other ~= id then list[#list + 1] = other end
    end
    if wanted then list[#list + 1] = id end
    if #list == 0 then return reaper.DeleteExtState(SECTION, READINGS, false) end
    reaper.SetExtState(SECTION, READINGS, table.concat(list, " "), false)
  end

  --- Say what share of a job's audio is read; nil: it is over.
  function M.report_reading(id, title, share)
    list_reading(id, title ~= nil)
    if not title then return reaper.DeleteExtState(SECTION, READING .. id, false) end
    reaper.SetExtState(SECTION, READING .. id, ("%.3f %.4f %s"):format(reaper.time_precise(), share, title), false)
  end

  --- Jobs whose audio is still read: { {id, title, fraction} … }.
  function M.readings()
    local found = {}
    for id in reaper.GetExtState(SECTION, READINGS):gmatch("%S+") do
      budget.spend(2)
      local when, share, title = reaper.GetExtState(SECTION, READING .. id):match("^(%S+) (%S+) (.*)$")
      if when and reaper.time_precise() - tonumber(when) < READING_ALIVE_S then
        found[#found + 1] = { id = id, title = title, fraction = tonumber(share) }
      end
    end
    return found
  end

  --- Whether a job was sent since REAPER started: then somebody waits for it.
  function M.is_ours(id) return reaper.HasExtState(SECTION, "sent " .. id) end

  local function object(id, name)
    return json.object(files.read(files.join(M.folder(id), name)))
  end

  function M.request(id) return object(id, "request.json") end
  function M.result(id) return object(id, "result.json") end

  --- A sentence and a remedy where a result is of another version of the protocol, else nil.
  function M.clash(result)
    if result.version == M.VERSION then return nil end
    return ("The result is of version %s, these scripts know %d."):format(tostring(result.version), M.VERSION),
      'The result is kept: update AceBridge, then run "AceBridge_Job list".'
  end

  local last_updates = {} -- id → { update_time, looked, silence }: only time in which we looked counts, or a sleeping computer would

  --- How long a running command has said nothing while we listened.
  local function silence(id, update_time)
    local now = reaper.time_precise()
    local last = last_updates[id]
    if not last or last.update_time ~= update_time then last = { update_time = update_time, looked = now, silence = 0 } end
    last.silence = last.silence + math.min(now - last.looked, 1)
    last.looked = now
    last_updates[id] = last
    return last.silence
  end

  --- The state of a job whose command has said nothing yet: the first start after an installation may take minutes, so it
  --- is waited for, and its result is placed whenever it comes.
  local function starting(id, age)
    if age > CANCEL_S and M.is_cancelled(id) then return { state = "cancelled" } end
    if age > LONG_AGO_S then
      return { state = "failed", message = "The acebridge command did not start.", remedy = 'Run "AceBridge_Doctor".' }
    end
    local is_late = age > START_S
    return { state = "starting", late = is_late, stage = is_late and 'still starting; if that lasts, cancel it and run "AceBridge_Doctor"' or "starting", fraction = 0 }
  end

  --- The state of a job: status.json, or what its silence means.
  function M.status(id, request)
    local status = object(id, "status.json")
    local now = os.time()
    if not status or type(status.state) ~= "string" then return starting(id, now - (request and request.create_time or now)) end
    if ENDED[status.state] then return status end
    local clash, remedy = version.clash(status.command_version)
    if clash then
      M.cancel(id)
      return { state = "failed", message = clash, remedy = remedy }
    end
    if silence(id, status.update_time) > SILENT_S or now - (status.update_time or now) > LONG_AGO_S then
      return { state = "failed", message = "The acebridge command ended without a word.",
        remedy = "See log.txt in " .. M.folder(id) .. ', then run "AceBridge_Repeat last".' }
    end
    return status
  end

  function M.is_finished(status) return ENDED[status.state] or false end

  function M.is_cancelled(id) return files.exists(files.join(M.folder(id), "cancel")) end
  function M.cancel(id) return files.touch(files.join(M.folder(id), "cancel")) end
  --- The path of a job's log, or nil when it has none.
  function M.log(id)
    local path = files.join(M.folder(id), "log.txt")
    return files.exists(path) and path or nil
  end

  local closed = {} -- ids of jobs that are: only the script that closes one opens it again

  function M.close(id) return files.touch(files.join(M.folder(id), "placed")) end
  function M.reopen(id)
    closed[id] = nil
    return files.remove(files.join(M.folder(id), "placed"))
  end
  function M.is_placed(id) return files.exists(files.join(M.folder(id), "placed")) end

  --- Ids of all jobs that were sent and not yet closed, the oldest first.
  function M.open()
    local found = {}
    for _, id in ipairs(files.folders(M.root())) do
      budget.spend(3)
      closed[id] = closed[id] or M.is_placed(id)
      if not closed[id] and files.exists(files.join(M.folder(id), "request.json")) then found[#found + 1] = id end
    end
    table.sort(found)
    return found
  end

  --- Have old job folders removed, once a day; how it ends matters to nobody.
  function M.clean_sometimes()
    local last = tonumber(reaper.GetExtState(SECTION, CLEANED)) or 0
    local path = os.time() - last > CLEAN_EVERY_S and command.find()
    if not path then return end
    reaper.SetExtState(SECTION, CLEANED, tostring(os.time()), true)
    command.start(path, "reaper", "clean", files.url(M.root()))
  end

  --- Forget a job that was never sent.
  function M.discard(id)
    M.report_reading(id, nil)
    for _, name in ipairs(files.names(M.folder(id))) do files.remove(files.join(M.folder(id), name)) end
    files.remove(M.folder(id))
  end

  return M
end
