-- Finds the acebridge command and starts it.

return function(import)
  local files = import("shared/files")
  local settings = import("settings")
  local M = {}

  local WINDOWS = files.windows
  local MAC = reaper.GetOS():match("^OSX") or reaper.GetOS():match("^macOS")
  local NAME = WINDOWS and "acebridge.exe" or "acebridge"
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

  --- Where acebridge keeps its data (as its own data_folder has it), the likeliest first.
  function M.data_folders()
    local override = environment("ACEBRIDGE_HOME")
    if override then return { (override:gsub("^~", home() or "~")) } end
    local found = {}
    local function add(...)
      if (...) then found[#found + 1] = files.join(...) end
    end
    if WINDOWS then
      for _, folder in pairs(app_data("Local")) do add(folder, "acebridge") end
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

  local CONDAS = { "miniforge3", "mambaforge", "miniconda3", "anaconda3" }

  --- Where conda puts commands: those of its base, then of its environments.
  local function conda_folders(user, last, add)
    for _, name in ipairs(CONDAS) do
      add(files.join(user, name, last))
      versions(files.join(user, name, "envs"), last, add)
    end
  end

  local function windows_folders(user, add)
    for _, folder in pairs(app_data("Local")) do
      add(files.join(folder, "Programs", "acebridge"))
      versions(files.join(folder, "Programs", "Python"), "Scripts", add)
    end
    for _, folder in pairs(app_data("Roaming")) do
      add(files.join(folder, "Python", "Scripts"))
      versions(files.join(folder, "Python"), "Scripts", add)
      add(files.join(folder, "uv", "tools", "acebridge", "Scripts"))
    end
    if not user then return end
    add(files.join(user, "pipx", "venvs", "acebridge", "Scripts"))
    add(files.join(user, ".pyenv", "pyenv-win", "shims"))
    conda_folders(user, "Scripts", add)
  end

  local function unix_folders(user, add)
    add("/usr/local/bin")
    add("/opt/homebrew/bin")
    add("/opt/local/bin") -- MacPorts
    if MAC then
      if user then versions(files.join(user, "Library", "Python"), "bin", add) end
      versions("/Library/Frameworks/Python.framework/Versions", "bin", add) -- python.org
    end
    if user then
      add(files.join(user, ".local", "share", "uv", "tools", "acebridge", "bin"))
      add(files.join(user, ".local", "share", "pipx", "venvs", "acebridge", "bin"))
      add(files.join(user, ".local", "pipx", "venvs", "acebridge", "bin"))
      add(files.join(user, ".pyenv", "shims"))
      conda_folders(user, "bin", add)
    end
    add("/usr/bin")
  end

  local FLATPAK = "/.flatpak-info" -- is in every sandbox of Flatpak

  --- Whether REAPER runs in a sandbox whose programs are not those of the system.
  local function is_sandboxed() return not WINDOWS and files.exists(FLATPAK) end

  --- The folders that are searched for programs, the likeliest first.
  function M.folders()
    local found = {}
    local function add(folder) found[#found + 1] = folder end
    for folder in (environment("PATH") or ""):gmatch(WINDOWS and "[^;]+" or "[^:]+") do add((folder:gsub('"', ""))) end
    if is_sandboxed() then return found end
    local user = home()
    if user then add(files.join(user, ".local", "bin")) end
    if WINDOWS then windows_folders(user, add) else unix_folders(user, add) end
    return found
  end

  --- Where "Install now" puts the command.
  local function own_folder() return files.join(reaper.GetResourcePath(), "AceBridge", "bin") end

  -- Windows keeps what programs of the Microsoft Store write below AppData, REAPER's resource folder included, in a folder of
  -- the package: REAPER would see nothing of a job. ("Understanding how packaged desktop apps run on Windows", Microsoft.)
  local STORE = { "[/\\]Packages[/\\]PythonSoftwareFoundation%.", "[/\\]WindowsApps[/\\]" }

  local function is_of_the_store(path)
    for _, pattern in ipairs(STORE) do
      if WINDOWS and path:find(pattern) then return true end
    end
    return false
  end

  --- A command that Python of the Microsoft Store has installed, or nil.
  local function store_command()
    if not WINDOWS then return nil end
    for _, folder in pairs(app_data("Local")) do
      for _, package in ipairs(files.folders(files.join(folder, "Packages"))) do
        local packages = files.join(folder, "Packages", package, "LocalCache", "local-packages")
        if package:find("^PythonSoftwareFoundation%.") then
          for _, python in ipairs(files.folders(packages)) do
            local path = files.join(packages, python, "Scripts", NAME)
            if files.exists(path) then return path end
          end
        end
      end
    end
  end

  local STORE_REMEDY = '"Install now" in "AceBridge_Doctor" installs one that REAPER can use; or install with Python from python.org, or with uv.'

  local function store_fault(path)
    return nil, ("AceBridge is installed with Python of the Microsoft Store (%s), whose files REAPER cannot see."):format(path), STORE_REMEDY
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
      if is_of_the_store(path) then return store_fault(path) end
      if files.exists(path) then return path end
      return nil, ('The setting "command" is "%s"; there is no such file.'):format(set),
        'Correct it in "AceBridge_Settings", or empty it to have the command searched for.'
    end
    local own = files.join(own_folder(), NAME)
    if files.exists(own) then return own end
    for _, folder in ipairs(M.data_folders()) do
      local path = (files.read(files.join(folder, "command")) or ""):match("^[^\r\n]+")
      if path and files.exists(path) and not is_of_the_store(path) then return path end
    end
    for _, folder in ipairs(M.folders()) do
      local path = files.join(folder, NAME)
      if files.exists(path) and not is_of_the_store(path) then return path end
    end
    local of_the_store = store_command()
    if of_the_store then return store_fault(of_the_store) end
    if is_sandboxed() then
      return nil, "This REAPER runs in a sandbox of Flatpak, which cannot start the programs of the system.",
        '"Install now" in "AceBridge_Doctor" installs the command inside the sandbox; or install REAPER from its own archive.'
    end
    return nil, "The acebridge command is not installed, or in no folder that is searched.",
      '"AceBridge_Doctor" offers to install it. Or install AceBridge as its README says and run "acebridge doctor" once in a terminal, or give its path in "AceBridge_Settings".'
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
