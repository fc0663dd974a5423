-- The few calls of a host that the modules shared with REAPER's scripts make (`files`, `command`), answered with what Ardour's
-- Lua has: io and os. There is no call that lists a folder, so whoever needs a list keeps one.

return function()
  local M = {}

  local WINDOWS = os.getenv("OS") == "Windows_NT"
  --- What Ardour sets for its own libraries and would break the programs of others.
  local UNSET = { "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "GTK_PATH", "GTK_MODULES", "PYTHONHOME", "PYTHONPATH" }

  local function is_mac()
    local file = io.open("/System/Library/CoreServices/SystemVersion.plist", "rb")
    if file then file:close() end
    return file ~= nil
  end

  function M.GetOS() return WINDOWS and "Win64" or is_mac() and "OSX64" or "Other" end

  --- No folder of REAPER's is searched.
  function M.GetResourcePath() return "" end

  local IS_FOLDER = 21 -- EISDIR

  function M.file_exists(path)
    local file = io.open(path, "rb")
    if not file then return false end
    local _, _, code = file:read(1)
    file:close()
    return code ~= IS_FOLDER
  end

  --- A text as one word of the shell.
  local function quote(text)
    if WINDOWS then return '"' .. text .. '"' end
    return "'" .. text:gsub("'", [['\'']]) .. "'"
  end

  function M.RecursiveCreateDirectory(path)
    local made = os.execute((WINDOWS and "mkdir %s >NUL 2>&1" or "mkdir -p %s 2>/dev/null"):format(quote(path)))
    return made and 1 or 0
  end

  function M.EnumerateSubdirectories() return nil end
  function M.EnumerateFiles() return nil end

  --- Start a program and return at once. `line`: its path in double quotes, then arguments without spaces.
  function M.ExecProcess(line)
    local path, arguments = line:match('^"(.-)"%s*(.*)$')
    local words = { quote(path) }
    for argument in arguments:gmatch("%S+") do words[#words + 1] = quote(argument) end
    if WINDOWS then return os.execute('start "" /b ' .. table.concat(words, " ") .. " >NUL 2>&1") end
    local unset = ""
    for _, name in ipairs(UNSET) do unset = unset .. " -u " .. name end
    -- A session of its own, where the system has the command for it: the job outlives Ardour.
    return os.execute(("if command -v setsid >/dev/null; then S=setsid; else S=nohup; fi; env%s $S %s >/dev/null 2>&1 </dev/null &")
      :format(unset, table.concat(words, " ")))
  end

  return M
end
