-- What a job is in every host: a folder, into which the request goes, and out of which come the state and the result. The
-- protocol: daemon/acebridge/hosts/jobfolder/PROTOCOL.md. Scripts of REAPER and of Ardour share this file.
--
-- A host is { root(): the folder of all jobs; random(): eight characters that differ each time; start(id): starts the command,
-- returns true, or nil, a message and a remedy; now(): seconds that nobody can set; clash(version): a message and a remedy when a
-- command of that version does not fit, or nil; doctor, again, place: what its actions are called }.

return function(import)
  local files = import("shared/files")
  local json = import("shared/json")

  local VERSION = 1 -- of the protocol
  local SILENT_S, LONG_AGO_S = 30, 3600 -- a command that says nothing for so long while somebody listens, or at all, has ended
  local START_S = 90 -- what a command usually takes, at most, to say something first; some take minutes
  local CANCEL_S = 20 -- a cancel waits no longer for such a one; it will find the file and end
  local READYING = "readying" -- a file that is there until the request is
  local ENDED = { done = true, failed = true, cancelled = true }
  local DISK = "Free some disk space, then run the action again."

  return function(host)
    local M = { VERSION = VERSION, root = host.root }

    function M.folder(id) return files.join(M.root(), id) end

    --- The path of a file of a job.
    function M.path(id, name) return files.join(M.folder(id), name) end

    --- Make an empty job folder; returns its id, or nil and a message.
    function M.new()
      local id = os.date("!%Y%m%d-%H%M%S-") .. host.random()
      local ok, why = files.make_folder(M.folder(id))
      if not ok then return nil, why end
      return id
    end

    --- Start the command on a job whose request comes later: it loads what it needs meanwhile. Returns true, or nil, message
    -- and remedy.
    function M.ready(id)
      local ok, why = files.touch(M.path(id, READYING))
      if not ok then return nil, why, DISK end
      return host.start(id)
    end

    --- Write the request, for the command that waits for it, or a new one; returns true, or nil, message and remedy.
    function M.submit(id, request)
      request.version, request.id, request.create_time = VERSION, id, os.time()
      local ok, why = files.write(M.path(id, "request.json"), json.encode(request))
      if not ok then return nil, why, DISK end
      if files.remove(M.path(id, READYING)) then return true end
      return host.start(id)
    end

    --- A document of a job, or nil.
    function M.object(id, name) return json.object(files.read(M.path(id, name))) end

    function M.request(id) return M.object(id, "request.json") end
    function M.result(id) return M.object(id, "result.json") end

    --- A sentence and a remedy where a result is of another version of the protocol, else nil.
    function M.clash(result)
      if result.version == VERSION then return nil end
      return ("The result is of version %s, these scripts know %d."):format(tostring(result.version), VERSION),
        ("The result is kept: update AceBridge, then run %s."):format(host.place)
    end

    function M.is_sent(id) return files.exists(M.path(id, "request.json")) end

    local last_updates = {} -- id → { update_time, looked, silence }: only time in which we looked counts, or a sleeping computer would

    --- How long a running command has said nothing while we listened.
    local function silence(id, update_time)
      local now = host.now()
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
        return { state = "failed", message = "The acebridge command did not start.", remedy = ("Run %s."):format(host.doctor) }
      end
      local is_late = age > START_S
      local stage = is_late and ("still starting; if that lasts, cancel it and run %s"):format(host.doctor) or "starting"
      return { state = "starting", late = is_late, stage = stage, fraction = 0 }
    end

    --- The state of a job that was sent at `create_time`: status.json, or what its silence means.
    function M.state(id, create_time)
      local status = M.object(id, "status.json")
      local now = os.time()
      if not status or type(status.state) ~= "string" then return starting(id, now - (create_time or now)) end
      if ENDED[status.state] then return status end
      local clash, remedy = host.clash(status.command_version)
      if clash then
        M.cancel(id)
        return { state = "failed", message = clash, remedy = remedy }
      end
      if silence(id, status.update_time) > SILENT_S or now - (status.update_time or now) > LONG_AGO_S then
        return { state = "failed", message = "The acebridge command ended without a word.",
          remedy = ("See log.txt in %s, then run %s."):format(M.folder(id), host.again) }
      end
      return status
    end

    function M.is_finished(status) return ENDED[status.state] or false end

    function M.is_cancelled(id) return files.exists(M.path(id, "cancel")) end
    function M.cancel(id) return files.touch(M.path(id, "cancel")) end

    function M.is_placed(id) return files.exists(M.path(id, "placed")) end

    local closed = {} -- ids of jobs that are: only the script that closes one opens it again

    --- Whether a job still needs a look.
    function M.is_open(id)
      closed[id] = closed[id] or M.is_placed(id)
      return not closed[id]
    end

    function M.close(id) return files.touch(M.path(id, "placed")) end
    function M.reopen(id)
      closed[id] = nil
      return files.remove(M.path(id, "placed"))
    end

    return M
  end
end
