-- Jobs of Ardour: folders in AceBridge's own one, see `job_folder`, and the list of those that are open. Ardour's Lua cannot list
-- a folder.

return function(import)
  local command = import("shared/command")
  local files = import("shared/files")
  local job_folder = import("shared/job_folder")
  local json = import("shared/json")
  local own = import("own_folder")
  local random = import("random")
  local session = import("session")
  local version = import("shared/version")

  local CLEAN_EVERY_S = 86400
  local INSTALL = 'Install AceBridge as its README says, run "acebridge doctor" once in a terminal, then run the action again.'
  local UPDATE = "Update AceBridge, run `acebridge host install ardour`, then remove and add the scripts in Ardour."

  --- Start the command on a folder; true, or nil, message and remedy.
  local function start(folder, ...)
    local program, why = command.find()
    if not program then return nil, (why:gsub("REAPER", "Ardour")), INSTALL end
    local words = { ... }
    table.insert(words, 3, files.url(folder))
    local ok
    ok, why = command.start(program, table.unpack(words))
    if not ok then return nil, why, INSTALL end
    return true
  end

  local root = files.join(own.path, "jobs")

  local M = job_folder({
    root = function() return root end,
    random = function() return random():sub(1, 8) end,
    now = session.now,
    doctor = '"AceBridge: Doctor"', again = '"AceBridge: Again"', place = '"AceBridge: Place results"',
    clash = function(of_command)
      local clash = version.clash(of_command)
      return clash, clash and UPDATE
    end,
    start = function(id) return start(files.join(root, id), "host", "run") end,
  })

  --- Have the doctor look, and write what it finds into a job's folder.
  function M.start_doctor(id) return start(M.folder(id), "host", "doctor", "--host", "ardour") end

  --- Put a job on the list of those that are followed.
  function M.list(id)
    local file, why = io.open(files.join(root, "open.txt"), "ab")
    if not file then return nil, why end
    file:write(id, "\t", session.path(), "\n")
    file:close()
    return true
  end

  local function has_plan(id) return files.exists(M.path(id, "plan.json")) end

  --- The jobs of this session that are not placed, the oldest first.
  function M.open()
    local found, here = {}, session.path()
    for id, where in (files.read(files.join(root, "open.txt")) or ""):gmatch("([^\t\n]+)\t([^\n]*)\n") do
      if where == here and M.is_open(id) and has_plan(id) then found[#found + 1] = id end
    end
    return found
  end

  --- Leave out of the list what has ended. Called where no other Ardour of this user is likely to write: at the start.
  function M.shorten_list()
    local file = files.join(root, "open.txt")
    local kept, all = {}, files.read(file) or ""
    for line, id in all:gmatch("(([^\t\n]+)\t[^\n]*\n)") do
      if has_plan(id) and not M.is_placed(id) then kept[#kept + 1] = line end
    end
    if table.concat(kept) ~= all then files.write(file, table.concat(kept)) end
  end

  --- What is to be done with the result and which audio is still to be read.
  function M.keep_plan(id, plan)
    plan.create_time = os.time()
    return files.write(M.path(id, "plan.json"), json.encode(plan))
  end

  function M.plan(id) return M.object(id, "plan.json") end

  --- Have old job folders removed, once a day; how it ends matters to nobody.
  function M.clean_sometimes()
    local file = files.join(own.path, "cleaned.txt")
    if os.time() - (tonumber(files.read(file) or "") or 0) < CLEAN_EVERY_S then return end
    local program = command.find()
    if not program then return end
    files.write(file, tostring(os.time()))
    command.start(program, "host", "clean", files.url(root))
  end

  --- Forget a job that was never sent.
  function M.discard(id)
    local plan = M.plan(id) or {}
    local names = { "readying", "plan.json", "placed", "cancel", "status.json", "log.txt", "result.json", "guide.mid" }
    for _, recipe in ipairs(plan.captures or {}) do names[#names + 1] = recipe.file end
    for _, name in ipairs(names) do files.remove(M.path(id, name)) end
    files.remove(M.folder(id))
  end

  return M
end
