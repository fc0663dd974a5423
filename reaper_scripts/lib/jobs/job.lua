-- Jobs of REAPER: folders in its resource folder, see `shared/job_folder`. They outlive the script that made them, and REAPER too.

return function(import)
  local budget = import("budget")
  local files = import("shared/files")
  local command = import("shared/command")
  local job_folder = import("shared/job_folder")
  local version = import("shared/version")

  local SECTION, CLEANED, CLEAN_EVERY_S = "AceBridge", "cleaned", 86400
  local M

  M = job_folder({
    root = function() return files.join(reaper.GetResourcePath(), "AceBridge", "jobs") end,
    random = function() return reaper.genGuid(""):gsub("%W", ""):sub(1, 8):lower() end,
    now = function() return reaper.time_precise() end,
    clash = version.clash, doctor = '"AceBridge_Doctor"', again = '"AceBridge_Repeat last"', place = '"AceBridge_Job list"',
    start = function(id)
      local path, why, remedy = command.find()
      if not path then return nil, why, remedy end
      local ok
      ok, why = command.start(path, "reaper", "run", files.url(M.folder(id)))
      if not ok then return nil, why, 'Run "AceBridge_Doctor".' end
      return true
    end,
  })

  local submit = M.submit

  --- Write the request, for the command that waits for it, or a new one; returns true, or nil, message and remedy.
  function M.submit(id, request)
    request.host = { name = "REAPER", version = reaper.GetAppVersion(), scripts = version.SCRIPTS }
    local ok, why, remedy = submit(id, request)
    if not ok then return nil, why, remedy end
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

  --- The state of a job: status.json, or what its silence means.
  function M.status(id, request) return M.state(id, request and request.create_time) end

  --- The path of a job's log, or nil when it has none.
  function M.log(id)
    local path = files.join(M.folder(id), "log.txt")
    return files.exists(path) and path or nil
  end

  --- Ids of all jobs that were sent and not yet closed, the oldest first.
  function M.open()
    local found = {}
    for _, id in ipairs(files.folders(M.root())) do
      budget.spend(3)
      if M.is_open(id) and M.is_sent(id) then found[#found + 1] = id end
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
