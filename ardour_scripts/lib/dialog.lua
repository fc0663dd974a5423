-- Asks for values in a dialog of Ardour's, and asks again until all of them are allowed. Fields are those of `form`.

return function(import)
  local form = import("shared/form")
  local M = {}

  local function format_value(value)
    if value == nil then return "" end
    if math.type(value) == "float" then return ("%.14g"):format(value) end
    return (tostring(value):gsub("\r?\n", " / "))
  end

  local function row(field, text)
    if field.kind == "choice" then
      local values = {}
      for _, choice in ipairs(field.allowed) do values[choice] = choice end
      return { type = "dropdown", key = field.key, title = field.caption, values = values, default = text }
    end
    if field.kind == "file" then return { type = "file", key = field.key, title = field.caption, path = text } end
    return { type = "entry", key = field.key, title = field.caption, default = text }
  end

  --- The values by key, or nil when the musician cancels. `known`: values that are offered instead of the defaults.
  function M.ask(title, fields, known)
    local texts = {}
    for i, field in ipairs(fields) do
      local value = known[field.key]
      if value == nil then value = field.default end
      texts[i] = format_value(value)
    end
    while true do
      local rows = {}
      for i, field in ipairs(fields) do rows[i] = row(field, texts[i]) end
      local answers = LuaDialog.Dialog("AceBridge: " .. title, rows):run()
      if not answers then return nil end
      local values, faults = {}, {}
      for i, field in ipairs(fields) do
        texts[i] = format_value(answers[field.key])
        local value, fault = form.check(field, texts[i]:match("^%s*(.-)%s*$"))
        values[field.key], faults[#faults + 1] = value, fault
      end
      if #faults == 0 then return values end
      LuaDialog.Message("AceBridge: " .. title, table.concat(faults, "\n"), LuaDialog.MessageType.Warning, LuaDialog.ButtonType.Close):run()
    end
  end

  --- The values of last time, checked; the default where there is none.
  function M.last(fields, known)
    local values = {}
    for _, field in ipairs(fields) do
      local value = form.check(field, known[field.key])
      if value == nil then value = field.default end
      values[field.key] = value
    end
    return values
  end

  return M
end
