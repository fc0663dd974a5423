-- Finds the acebridge command and starts it.

return function(import)
  local files = import("files")
  local settings = import("settings")
  local M = {}

  local WINDOWS = files.windows
  local MAC = reaper.GetOS():match("^OSX") or reaper.GetOS():match("^macOS")
  local NAME = WINDOWS and "acebridge.exe" or "acebridge"
  local IN_FLATPAK = "/.flatpak-info"
  local NO_WAIT = -2 -- of ExecProcess: return at once, and no window comes to the front

  local function environment(name)
    local value = os and os.getenv(name)
    return value ~= "" and value or nil
  end

  --- On Windows the environment may come in another encoding than REAPER's paths, so REAPER's own folder helps out.
  local function app_data(kind)
    local roaming = reaper.GetResourcePath():match("^(.*[/\\]AppData[/\\])Roaming[/\\]")
    return { environment(kind == "Local" and "LOCALAPPDATA" or "APPDATA"), roaming and roaming .. kind }
  end

  local function home() return environment("HOME") or environment("USERPROFILE") end

  --- The Pythons of the Microsoft Store below AppData: what they write into Local comes to lie in a folder of their own
  -- (docs.python.org, "Using Python on Windows").
  local STORE, REDIRECTED = "PythonSoftwareFoundation.Python.", "LocalCache"
  local function store_pythons(local_folder)
    local found = {}
    local packages = files.join(local_folder, "Packages")
    for _, name in ipairs(files.folders(packages)) do
      if name:sub(1, #STORE) == STORE then found[#found + 1] = files.join(packages, name, REDIRECTED) end
    end
    return found
  end

  --- Where acebridge keeps its data (as its own data_folder has it), the likeliest first.
  function M.data_folders()
    local override = environment("ACEBRIDGE_HOME")
    if override then return { (override:gsub("^~", home() or "~")) } end
    local found = {}
    local function add(...)
      if (...) then found[#found + 1] = files.join(...) end
    end
    if WINDOWS then
      for _, folder in pairs(app_data("Local")) do
        add(folder, "acebridge")
        for _, python in ipairs(store_pythons(folder)) do add(python, "Local", "acebridge") end
      end
      return found
    end
    add(environment("XDG_DATA_HOME"), "acebridge")
    if MAC then add(home(), "Library", "Application Support", "acebridge") else add(home(), ".local", "share", "acebridge") end
    return found
  end

  --- Folders below `root` in which Pythons of a person put their commands: <root>/<version>/<last>.
  local function versions(root, last, add)
    local names = files.folders(root)
    table.sort(names, function(a, b) return a > b end) -- newer ones first, nearly always
    for _, name in ipairs(names) do add(files.join(root, name, last)) end
  end

  local function usual_folders()
    local found = {}
    local function add(folder) found[#found + 1] = folder end
    for folder in (environment("PATH") or ""):gmatch(WINDOWS and "[^;]+" or "[^:]+") do add((folder:gsub('"', ""))) end
    local user = home()
    if user then add(files.join(user, ".local", "bin")) end
    if WINDOWS then
      for _, folder in pairs(app_data("Local")) do
        add(files.join(folder, "Programs", "acebridge"))
        versions(files.join(folder, "Programs", "Python"), "Scripts", add)
        for _, python in ipairs(store_pythons(folder)) do versions(files.join(python, "local-packages"), "Scripts", add) end
      end
      for _, folder in pairs(app_data("Roaming")) do
        add(files.join(folder, "Python", "Scripts"))
        versions(files.join(folder, "Python"), "Scripts", add)
      end
      return found
    end
    add("/usr/local/bin")
    add("/opt/homebrew/bin")
    if MAC then
      add("/opt/local/bin") -- MacPorts
      versions("/Library/Frameworks/Python.framework/Versions", "bin", add) -- python.org
      if user then versions(files.join(user, "Library", "Python"), "bin", add) end
    end
    if user then
      add(files.join(user, ".pyenv", "shims"))
      for _, name in ipairs({ "miniforge3", "miniconda3", "anaconda3" }) do add(files.join(user, name, "bin")) end
    end
    add("/usr/bin")
    return found
  end

  --- The absolute path of the command, or nil, a message and a remedy.
  function M.find()
    if not io or not os then
      return nil, "REAPER runs this script without access to files and programs.",
        "Run the action with full permissions."
    end
    local set = settings.get("command")
    if set ~= "" then
      local path = set:gsub('^"(.*)"$', "%1"):gsub("^~", home() or "~")
      if files.exists(path) then return path end
      return nil, ('The setting "command" is "%s"; there is no such file.'):format(set),
        'Correct it in "AceBridge_Settings", or empty it to have the command searched for.'
    end
    for _, folder in ipairs(M.data_folders()) do
      local path = (files.read(files.join(folder, "command")) or ""):match("^[^\r\n]+")
      if path and files.exists(path) then return path end
    end
    for _, folder in ipairs(usual_folders()) do
      local path = files.join(folder, NAME)
      if files.exists(path) then return path end
    end
    if not WINDOWS and files.exists(IN_FLATPAK) then
      return nil, "This REAPER runs in a Flatpak, which starts no programs of the system.", "Install REAPER with its own installer instead."
    end
    return nil, "The acebridge command is not installed, or in no folder that is searched.",
      'Install AceBridge as its README says and run "acebridge doctor" once in a terminal, or give its path in "AceBridge_Settings".'
  end

  --- On Windows, the same command without a console, which would open for as long as a job runs, and end it when closed.
  local function without_console(path)
    local twin = WINDOWS and path:gsub("(acebridge)(%.exe)$", "%1w%2")
    return twin and files.exists(twin) and twin or path
  end

  --- Start `path argument …` and return at once: true, or nil and a message. Only the path may hold spaces: no shell and
  -- no parser of command lines agrees with the next one about quotes.
  function M.start(path, ...)
    if path:find('["%c]') or path == "" then
      return nil, ('The command is "%s"; allowed: a path without quotes and line breaks.'):format(path)
    end
    for _, argument in ipairs({ ... }) do
      if argument == "" or argument:find("[^!#-&(-~]") then
        return nil, ('The argument "%s" is not allowed: ASCII without spaces and quotes.'):format(argument)
      end
    end
    if not files.exists(path) then return nil, ('There is no command "%s" any more.'):format(path) end
    path = without_console(path)
    local quoted = '"' .. (WINDOWS and path:gsub("(\\+)$", "%1%1") or path) .. '"'
    -- What it returns without waiting is not documented; whether it works is seen from the job's status.
    reaper.ExecProcess(table.concat({ quoted, ... }, " "), NO_WAIT)
    return true
  end

  local OPENERS = { windows = "explorer.exe", mac = "/usr/bin/open", other = "xdg-open" }

  --- Open a file in the program that the system has for it.
  function M.open(path)
    if not path or path:find('["%c]') then return end
    local opener = WINDOWS and OPENERS.windows or MAC and OPENERS.mac or OPENERS.other
    reaper.ExecProcess(('%s "%s"'):format(opener, path), NO_WAIT)
  end

  return M
end
