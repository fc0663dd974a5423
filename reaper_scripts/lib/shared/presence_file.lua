-- Says to other programs which projects are open here: a small file in the inbox. The protocol:
-- daemon/acebridge/hosts/jobfolder/PROTOCOL.md, "The inbox". Scripts of REAPER and of Ardour share this file.
--
-- A host is { root(): the inbox; instance(): the name of this run of the host; now(): seconds that nobody can set; about(): its
-- name and version; projects(): what the protocol says of each open project; reads_names: true where it cannot list a folder }.

return function(import)
  local files = import("shared/files")
  local json = import("shared/json")

  local VERSION = 1
  local REPEAT_S = 3 -- the file is written again after this time, so that its age tells whether somebody watches
  local FRESH_S = 10 -- the watcher of an older one has gone, or waits for an answer to a dialog

  --- The process id; nil where the system does not tell it to scripts.
  local function pid() return tonumber((files.read("/proc/self/stat") or ""):match("^%d+")) end

  return function(host)
    local M = { root = host.root, instance = host.instance }
    local latest, written = nil, -math.huge

    local function file_of(instance) return files.join(M.root(), ("presence-%s.json"):format(instance)) end

    --- Write what is open, if that has changed or was written long ago.
    function M.tell()
      local state = {
        version = VERSION, instance = M.instance(), pid = pid() or json.null, host = host.about(),
        projects = json.array(host.projects()), reads_names = host.reads_names,
      }
      local text, now = json.encode(state), host.now()
      if text == latest and now - written < REPEAT_S then return end
      state.update_time = os.time()
      if files.make_folder(M.root()) and files.write(file_of(M.instance()), json.encode(state)) then latest, written = text, now end
    end

    --- Whether the watcher of another run of the host, or of this one, is there.
    function M.is_alive(instance)
      local state = json.object(files.read(file_of(instance))) or {}
      return type(state.update_time) == "number" and math.abs(os.time() - state.update_time) <= FRESH_S
    end

    --- Nobody watches here any more.
    function M.leave()
      files.remove(file_of(M.instance()))
      latest, written = nil, -math.huge
    end

    return M
  end
end
