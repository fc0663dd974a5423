-- "Install now": brings uv and the wheel of these scripts into REAPER's resource folder and has uv install it there. Nothing
-- else on the computer changes. The command changes only when the new one has run: until then the old one stays.
--
--   AceBridge/bin             acebridge, acebridgew (Windows) and uv: what is searched first
--   AceBridge/tools/N         the environment of an installation; the last two are kept, for a daemon may run from the older
--   AceBridge/python, cache   what uv brings along
--   AceBridge/install         what is downloaded, and the files of the runner

return function(import)
  local download = import("install/download")
  local files = import("shared/files")
  local runners = import("install/runner")
  local sessions = import("install/session")
  local version = import("shared/version")
  local M = {}

  local system, fail, steady = runners.system, sessions.fail, sessions.steady
  local SUFFIX = system.suffix
  local COMMAND, COMMANDS = "acebridge", { "acebridge", "acebridgew" }
  local ARCHIVE = "uv.archive"
  local INSTALL_S = 90 -- what uv takes, about: the bar creeps up to its end meanwhile
  local END_S = 5 -- what the runner takes to end, at most
  local PARTS = { "bin", "tools", "python", "cache" } -- of ROOT, which `uninstall` removes
  local ROOT = files.join(reaper.GetResourcePath(), "AceBridge")
  local BIN, TOOLS, WORK = files.join(ROOT, "bin"), files.join(ROOT, "tools"), files.join(ROOT, "install")

  --- Whether a command that this module installed is there.
  function M.is_installed() return files.exists(files.join(BIN, COMMAND .. SUFFIX)) end

  --- Whether anything is there that `uninstall` removes, also of an installation that failed.
  function M.has_left_parts()
    local found = {}
    for _, name in ipairs(files.folders(ROOT)) do found[name] = true end
    for _, name in ipairs(PARTS) do
      if found[name] then return true end
    end
    return false
  end

  --- Whether a name is that of a wheel of these scripts' version; uv takes what it says from it, and no shell sees it.
  function M.is_wheel(name)
    local start = ("acebridge-%s-"):format(version.SCRIPTS)
    return name:sub(1, #start) == start and name:find("^[%w%.%-_]+%.whl$") ~= nil
  end

  --- A uv in one of these folders, or nil.
  function M.find_uv(folders)
    for _, folder in ipairs(folders) do
      local path = files.join(folder, "uv" .. SUFFIX)
      if files.exists(path) then return path end
    end
  end

  --- Rename, also onto a file. On Windows a program that runs cannot be removed, but renamed.
  local function replace(from, to)
    if files.windows and files.exists(to) then
      local old = ("%s.old-%d"):format(to, os.time())
      os.rename(to, old)
      files.remove(old)
    end
    local ok, why = os.rename(from, to)
    if not ok then fail(('"%s" cannot be replaced: %s.'):format(to, why), "End the programs that use it, then run the action again.") end
  end

  --- A program as the runner starts it: relative to its folder, so that no character of the path matters.
  local function program(...) return files.join("..", ...) .. SUFFIX end

  --- The words that start uv: that of the release, downloaded once, or one of this computer.
  local function bring_uv(run, session, wanted)
    if not wanted.url then return wanted.path end
    local uv, note = files.join(BIN, "uv" .. SUFFIX), files.join(BIN, "uv.sha256")
    if files.exists(uv) and files.read(note) == wanted.sha256 then return program("bin", "uv") end
    download.bring(run, session, wanted, ARCHIVE, "uv", 0.02, 0.25)
    local code, _, err = run(system.unpack(ARCHIVE), steady(0.27, "unpacking uv"))
    local unpacked = files.join(WORK, "uv" .. SUFFIX)
    if code ~= 0 or not files.exists(unpacked) then
      sessions.fail_in(WORK, "The archive of uv cannot be unpacked: " .. sessions.last_line(err) .. ".")
    end
    replace(unpacked, uv)
    files.write(note, wanted.sha256)
    for _, name in ipairs({ ARCHIVE, "uvx" .. SUFFIX, "uvw" .. SUFFIX }) do files.remove(files.join(WORK, name)) end
    return program("bin", "uv")
  end

  --- The name of the wheel, which lies in the work folder then.
  local function bring_wheel(run, session, wanted)
    if wanted.url then
      if not M.is_wheel(wanted.name) then fail(("%s is no wheel of AceBridge %s."):format(wanted.url, version.SCRIPTS), "Update the scripts.") end
      download.bring(run, session, wanted, wanted.name, "AceBridge", 0.28, 0.34)
      return wanted.name
    end
    local name = wanted.path:match("[^/\\]+$")
    local target = files.join(WORK, name)
    if wanted.path == target then return name end
    local bytes, why = files.read(wanted.path)
    local ok
    if bytes then ok, why = files.write(target, bytes) end
    if ok then return name end
    return fail(("The file %s cannot be copied: %s."):format(wanted.path, why), sessions.is_full(why) and sessions.FREE or nil)
  end

  local function environments()
    local found = {}
    for _, name in ipairs(files.folders(TOOLS)) do found[#found + 1] = tonumber(name:match("^%d+$")) end
    return found
  end

  --- What uv says of a failure, in one line: its first error and the last cause of that. It breaks long lines, and indents what
  -- goes on.
  local function uv_reason(err)
    err = err:gsub("\r?\n%s+│%s+", " "):gsub("\r?\n    +", " ")
    local first = err:match("error: ([^\r\n]+)") or err:match("×%s*([^\r\n]+)") or sessions.last_line(err)
    local cause
    for text in err:gmatch("[Cc]ause[^:\r\n]*: ([^\r\n]+)") do cause = text end
    return cause and first .. ": " .. cause or first
  end

  local function uv_install(run, session, uv, wheel, python, number)
    local tools = files.join(TOOLS, tostring(number))
    local began = reaper.time_precise()
    local function progress()
      local share = 1 - math.exp((began - reaper.time_precise()) / INSTALL_S)
      local line = sessions.last_line(select(2, session.runner.output()))
      return 0.35 + 0.55 * share, line ~= "" and line or "installing AceBridge and the packages that it needs"
    end
    local code, out, err = run({
      "UV_TOOL_DIR=" .. tools, "UV_TOOL_BIN_DIR=" .. files.join(tools, "bin"), "UV_CACHE_DIR=" .. files.join(ROOT, "cache"),
      "UV_PYTHON_INSTALL_DIR=" .. files.join(ROOT, "python"), "UV_PYTHON_INSTALL_BIN=0", "UV_PYTHON_INSTALL_REGISTRY=0",
      "UV_NO_MODIFY_PATH=1", "UV_NO_PROGRESS=1",
      uv, "tool", "install", "--force", "--python", python, "./" .. wheel,
    }, progress)
    files.write(files.join(WORK, "uv.txt"), out .. err)
    if code == 0 then return end
    if code == runners.NOT_FOUND then fail(("The program %s cannot be started."):format(uv)) end
    sessions.fail_in(WORK, "uv could not install AceBridge. It says: " .. uv_reason(err), sessions.AGAIN .. " Python and packages come over the internet. All that uv said is in AceBridge/install/uv.txt of REAPER's resource folder.")
  end

  --- Have the new command run once: it proves that it works, and its first start, which takes longest, is over.
  local function try_command(run, number)
    local code, out, err = run({ program("tools", tostring(number), "bin", COMMAND), "--version" }, steady(0.93, "starting AceBridge for the first time"))
    if code ~= 0 then sessions.fail_in(WORK, "AceBridge was installed, but does not start: " .. sessions.last_line(err), "Report this message.") end
    local found = out:match("%d+%.[%w%.%-%+]+") or "unknown"
    if found ~= version.SCRIPTS then
      fail(("The wheel is of version %s, these scripts are %s."):format(found, version.SCRIPTS), "Install the wheel of that version.")
    end
  end

  --- Make an environment the one that is used; older ones than the last are removed.
  local function activate(run, number)
    local note = files.join(BIN, "environment")
    local before = tonumber(files.read(note) or "")
    for _, name in ipairs(COMMANDS) do
      local made = files.join(TOOLS, tostring(number), "bin", name .. SUFFIX)
      if files.exists(made) then replace(made, files.join(BIN, name .. SUFFIX)) end
    end
    files.write(note, tostring(number))
    for _, other in ipairs(environments()) do
      if other ~= number and other ~= before then
        run(system.remove(files.join("..", "tools", tostring(other))), steady(0.97, "removing what is no longer used"))
      end
    end
    for _, name in ipairs(files.names(BIN)) do
      if name:find("%.old%-%d+$") then files.remove(files.join(BIN, name)) end
    end
  end

  --- Install. `wanted`: { python, wheel, uv }; wheel and uv are downloads of the release, or { path } of files that are here.
  --- Returns a session: its `step` is called in every tick.
  function M.start(wanted)
    return sessions.start(WORK, function(run, session)
      local ok, why = files.make_folder(BIN)
      if not ok then fail(why, "Make it writable, then run the action again.") end
      local uv = bring_uv(run, session, wanted.uv)
      local wheel = bring_wheel(run, session, wanted.wheel)
      local number = math.max(0, table.unpack(environments())) + 1
      uv_install(run, session, uv, wheel, wanted.python, number)
      try_command(run, number)
      activate(run, number)
    end)
  end

  --- Remove all that was installed; songs, settings and the jobs of REAPER stay. Returns a session.
  function M.uninstall()
    return sessions.start(WORK, function(run, session)
      if M.is_installed() then
        run({ program("bin", COMMAND), "service", "uninstall" }, steady(0.1, "removing the start at log-in"))
        run({ program("bin", COMMAND), "stop" }, steady(0.2, "stopping AceBridge"))
      end
      for i, name in ipairs(PARTS) do
        run(system.remove(files.join("..", name)), steady(0.2 + 0.18 * i, "removing " .. name))
      end
      if M.is_installed() then fail(BIN .. " cannot be removed.", "End the programs that use it, then run the action again.") end
      session.runner.stop()
      local began = reaper.time_precise()
      while session.runner.is_alive() and reaper.time_precise() - began < END_S do coroutine.yield(0.95, "removing the rest") end
      for _, name in ipairs(files.names(WORK)) do files.remove(files.join(WORK, name)) end
      files.remove(WORK)
    end)
  end

  return M
end
