-- Programs that run in the background, one after the other, with variables, a folder and an exit code: ExecProcess alone gives
-- none of these without waiting. A small script of the system starts them (install.sh, install.ps1, which explain the files).

return function(import)
  local files = import("shared/files")
  local M = {}

  local MAC = reaper.GetOS():match("^OSX") or reaper.GetOS():match("^macOS")
  local NO_WAIT = -2 -- of ExecProcess: return at once, and no window comes to the front
  local FOLDER = select(2, reaper.get_action_context()):match("^(.*)[/\\]") or ""
  local SILENT_S = 30 -- a runner without a beat for so long has ended
  local LOOK_S = 0.1
  local NOT_FOUND = 127 -- the exit code of a program that is not there

  local function windows_program(path)
    return files.join(os and os.getenv("SystemRoot") or "C:\\Windows", "System32", path)
  end

  --- What a system calls its programs. Those of Windows have full paths: others of the same names may come first in the PATH.
  local SYSTEMS = {
    windows = {
      script = "install.ps1",
      line = ('"%s" -NoProfile -NonInteractive -ExecutionPolicy Bypass -WindowStyle Hidden -File "%%s" %%s')
        :format(windows_program("WindowsPowerShell\\v1.0\\powershell.exe")),
      curl = windows_program("curl.exe"),
      hash = function(name) return { windows_program("certutil.exe"), "-hashfile", name, "SHA256" } end,
      unpack = function(name) return { windows_program("tar.exe"), "-xf", name } end,
      remove = function(folder) return { windows_program("cmd.exe"), "/d", "/c", "rd", "/s", "/q", folder } end,
      suffix = ".exe",
    },
    mac = {
      hash = function(name) return { "shasum", "-a", "256", name } end,
    },
    other = {
      hash = function(name) return { "sha256sum", name } end,
    },
  }
  local UNIX = {
    script = "install.sh", line = '/bin/sh "%s" %s', curl = "curl", suffix = "",
    unpack = function(name) return { "tar", "-xf", name, "--strip-components=1" } end,
    remove = function(folder) return { "rm", "-rf", folder } end,
  }
  M.system = files.windows and SYSTEMS.windows or setmetatable(MAC and SYSTEMS.mac or SYSTEMS.other, { __index = UNIX })

  --- Start a runner that works in `folder`; nil and a message when that cannot be.
  function M.start(folder)
    local system = M.system
    local token = reaper.genGuid(""):gsub("%W", ""):lower():sub(1, 12)
    local script = files.join(folder, system.script)
    if script:find('["%c]') then
      return nil, ('The path "%s" holds a quote or a line break, and no program can be started there.'):format(script)
    end
    local text, why = files.read(files.join(FOLDER, "lib", "install", system.script))
    local ok
    if text then ok, why = files.write(script, text) end
    if not ok then return nil, why end
    reaper.ExecProcess(system.line:format(script, token), NO_WAIT)

    local runner = { folder = folder, token = token }
    local number, step_done = 0, true
    local beat, beaten, looked = nil, 0, -math.huge
    local names = {}

    local function path(name) return files.join(folder, name:format(token)) end

    --- What lies in the folder, looked at now and then; how long the runner has been silent while we looked.
    local function look()
      local now = reaper.time_precise()
      if now - looked < LOOK_S then return end
      beaten = beaten + math.min(now - looked, 1)
      looked, names = now, files.names(folder)
      local current
      for _, name in ipairs(names) do current = current or name:match("^beat%-" .. token .. "%-%d$") end
      if current and current ~= beat then beat, beaten = current, 0 end
    end

    --- Start a program: its words, with NAME=value before them. One at a time.
    function runner.run(words)
      number, step_done, beaten = number + 1, false, 0
      return files.write(path("step-%s-" .. number), table.concat(words, "\n") .. "\n")
    end

    --- nil while the program runs; then its exit code, or false when the runner has ended without a word.
    function runner.code()
      look()
      for _, name in ipairs(names) do
        local code = name:match("^exit%-" .. token .. "%-" .. number .. "%-(%-?%d+)$")
        if code then
          step_done = true
          return tonumber(code)
        end
      end
      if beaten > SILENT_S then return false end
      return nil
    end

    --- What the last program said on its two ways out.
    function runner.output()
      return files.read(path("out-%s")) or "", files.read(path("err-%s")) or ""
    end

    --- Whether the runner works still.
    function runner.is_alive() return files.exists(path("alive-%s")) end

    --- End the runner: at once, also the program that runs, or when that has ended.
    function runner.stop(at_once) files.touch(path(at_once and "cancel-%s" or "quit-%s")) end

    --- Whether nothing runs at the moment.
    function runner.is_idle() return step_done end
    return runner
  end

  M.NOT_FOUND = NOT_FOUND

  local OWN = { "^step%-", "^out%-", "^err%-", "^pid%-", "^exit%-", "^cancel%-", "^quit%-", "^alive%-", "^beat%-", "^install%.sh$", "^install%.ps1$" }

  --- Remove what ended runners have left in a folder.
  function M.clean(folder)
    for _, name in ipairs(files.names(folder)) do
      for _, pattern in ipairs(OWN) do
        if name:find(pattern) then files.remove(files.join(folder, name)) end
      end
    end
  end

  --- Whether runners are at work in a folder, or were when they were killed; and their beats, which change while they are.
  function M.at_work(folder)
    local any, beats = false, {}
    for _, name in ipairs(files.names(folder)) do
      any = any or name:find("^alive%-") ~= nil
      if name:find("^beat%-") then beats[#beats + 1] = name end
    end
    return any, table.concat(beats, " ")
  end

  return M
end
