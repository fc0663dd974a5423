-- The values that the panel asks for, made from the fields of `actions`: what each is called, which widget shows it, what of
-- remembered values still counts, and what is sent.

return function(import)
  local actions = import("actions")
  local form = import("shared/form")
  local M = {}

  -- Tasks in the order in which they are wanted; others follow by their titles.
  local ORDER = {
    "repaint", "generate", "lego", "complete", "cover", "extend", "prepend", "join", "compose", "song", "extract", "vary_take",
    "analyse", "lyrics_regions", "to_midi", "score",
  }
  local MOST_STEPS = 64 -- a whole number with more values is typed
  local SEED = "seed"

  --- Names of all tasks, in the order of the panel.
  function M.tasks()
    local rank, names = {}, {}
    for i, name in ipairs(ORDER) do rank[name] = i end
    for name in pairs(actions) do names[#names + 1] = name end
    table.sort(names, function(a, b)
      local first, second = rank[a] or math.huge, rank[b] or math.huge
      if first ~= second then return first < second end
      return actions[a].title < actions[b].title
    end)
    return names
  end

  local function has_few_values(field)
    local is_small = field.kind == "integer" and field.allowed and field.allowed[2] - field.allowed[1] < MOST_STEPS
    return is_small or field.kind == "number" and field.allowed ~= nil
  end

  --- How the panel shows a field: "seed", "choice", "switch" (no or yes), "slider", "lines" or "line".
  function M.widget(field)
    if field.key == SEED then return "seed" end
    if field.kind == "choice" then
      local is_switch = #field.allowed == 2 and table.concat(field.allowed, " ") == "no yes"
      return is_switch and "switch" or "choice"
    end
    if has_few_values(field) then return "slider" end
    return field.lines and "lines" or "line"
  end

  function M.label(field)
    local caption = field.label or field.caption
    return caption:gsub("%s*%b()", ""):match("^%s*(.-)%s*$")
  end

  --- What a field says while it is empty.
  function M.hint(field)
    local inside = field.caption:match("%((.-)%)")
    return field.hint or not field.label and inside or ""
  end

  --- A remembered value, if it is allowed still; else the default.
  local function value_for(field, value)
    if value ~= nil and value ~= "" and type(value) ~= "table" then
      local checked = form.check(field, value)
      if checked ~= nil then return checked end
    end
    return field.default
  end

  --- The values of a task, by key, from remembered ones; the seed is always a new one.
  function M.load(task, remembered)
    local values = {}
    for _, field in ipairs(actions[task].form) do
      if field.key ~= SEED then values[field.key] = value_for(field, (remembered or {})[field.key]) end
    end
    return values
  end

  --- Take over those of `values` that the task asks for, such as the words of a prompt; others stay.
  function M.fill(task, entered, values)
    for _, field in ipairs(actions[task].form) do
      if values[field.key] ~= nil then entered[field.key] = value_for(field, values[field.key]) end
    end
  end

  --- What is sent for what was entered: the values by key, and a list of what is not allowed. `seed`: { text, locked }; it
  -- counts only while it is locked.
  function M.values(task, entered, seed)
    local values, faults = {}, {}
    for _, field in ipairs(actions[task].form) do
      local given = entered[field.key]
      if field.key == SEED then given = seed.locked and seed.text or nil end
      local renamed = setmetatable({ caption = M.label(field) }, { __index = field })
      local value, fault = form.check(renamed, type(given) == "string" and given:match("^%s*(.-)%s*$") or given)
      values[field.key] = value
      faults[#faults + 1] = fault
    end
    return values, faults
  end

  --- Whether two sets of values say the same.
  function M.same(a, b)
    for key, value in pairs(a) do
      if b[key] ~= value then return false end
    end
    for key in pairs(b) do
      if a[key] == nil then return false end
    end
    return true
  end

  return M
end
