-- The settings of all AceBridge actions, and what was entered last: files in AceBridge's folder of Ardour's configuration.

return function(import)
  local files = import("shared/files")
  local form = import("shared/form")
  local json = import("shared/json")
  local own = import("own_folder")
  local M = {}

  --- Every setting, in the order in which they are asked for; each is a field of `form`.
  M.all = {
    { key = "command", default = "", kind = "text", caption = "Path of acebridge (empty: search)" },
    { key = "engine", default = "auto", kind = "choice", allowed = { "auto", "draft", "neural" }, caption = "Engine" },
    { key = "context_s", default = 30, kind = "time", allowed = { 0, 600 }, caption = "Context in seconds" },
    { key = "takes", default = 1, kind = "integer", allowed = { 1, 8 }, caption = "Takes" },
    { key = "media_format", default = "float32", kind = "choice", allowed = { "float32", "pcm24", "pcm16" }, caption = "Media" },
    { key = "tempo_from", default = "session", kind = "choice", allowed = { "session", "engine" }, caption = "Tempo from" },
    {
      key = "dcw", default = "auto", kind = "choice", allowed = { "auto", "off", "low", "high", "double", "pix" }, caption = "DCW of the neural engine",
    },
    { key = "messages", default = "window", kind = "choice", allowed = { "window", "log" }, caption = "Messages go to" },
  }

  local function path(name) return files.join(own.path, name .. ".json") end

  local function read(name)
    local found = json.decode(files.read(path(name)) or "{}")
    return type(found) == "table" and found or {}
  end

  --- The value in force: what was set, or the default where nothing or nothing allowed was.
  function M.get(key)
    local known = read("settings")
    for _, field in ipairs(M.all) do
      if field.key == key then
        local value = form.check(field, known[key])
        if value == nil then return field.default end
        return value
      end
    end
    error(('There is no setting "%s".'):format(key), 2)
  end

  function M.all_values() return read("settings") end
  function M.keep(values) return files.write(path("settings"), json.encode(values)) end

  --- What was entered last for an action.
  function M.last_values(action) return read("values")[action] or {} end

  --- The action that ran last and its values, or nil.
  function M.last_action()
    local known = read("values")
    return known.last, known.last and known[known.last]
  end

  function M.remember(action, values)
    local known = read("values")
    known[action], known.last = values, action
    return files.write(path("values"), json.encode(known))
  end

  return M
end
