-- The root of the shared library: `dofile(folder .. "lib/acebridge.lua")(folder)` gives `run(action, options)`.
-- Modules are loaded by file, with "/" for folders on every system, not by package.path, so that any folder name works and no
-- global is left behind.
--
-- Folders: project (what a project holds), audio (what is sent), plan (selections become requests), jobs (requests and their state),
-- place (results come onto tracks), panel, ui (its widgets), install ("Install now"), shared (modules of Ardour's scripts as well).

return function(folder)
  local loaded = {}

  local function import(name)
    if not loaded[name] then
      loaded[name] = dofile(folder .. "lib/" .. name .. ".lua")(import)
    end
    return loaded[name]
  end

  return import("action")
end
