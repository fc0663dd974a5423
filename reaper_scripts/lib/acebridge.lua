-- The root of the shared library: `dofile(folder .. "lib/acebridge.lua")(folder)` gives `run(action, options)`.
-- Modules are loaded by file, with "/" for folders on every system, not by package.path, so that any folder name works and no global is left behind.

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
