-- What the panel keeps for all projects: presets, the last prompts, the last values of each task.
--
-- Every record is a file of its own below AceBridge/panel of REAPER's resource folder, and no file is ever written twice:
-- several REAPERs may write at the same time, and none of them sees half of a record or loses one of the others. What a
-- newer record replaces is removed after that is there.

return function(import)
  local files = import("shared/files")
  local json = import("shared/json")
  local M = {}

  M.MOST_PROMPTS = 20 -- of a task
  local ENDING = ".json"
  local made = 0 -- records of this script, which tells those of one second apart
  local known -- { record … }, the newest first; nil: not read yet

  local function folder() return files.join(reaper.GetResourcePath(), "AceBridge", "panel") end

  local function newest_first(a, b)
    if a.time ~= b.time then return a.time > b.time end
    if a.count ~= b.count then return a.count > b.count end
    return a.file > b.file
  end

  --- A record of a file, or nil for what is none.
  local function load(name)
    local text = name:sub(-#ENDING) == ENDING and files.read(files.join(folder(), name))
    local record = json.object(text)
    local whole = record and type(record.kind) == "string" and type(record.key) == "string"
      and type(record.time) == "number" and type(record.count) == "number" and type(record.values) == "table"
    if not whole then return nil end
    record.file = name
    return record
  end

  --- Read what is there; others may have written since.
  function M.reload()
    known = {}
    for _, name in ipairs(files.names(folder())) do known[#known + 1] = load(name) end
    table.sort(known, newest_first)
  end

  --- Records of a kind and a task, the newest first; of several with one name the newest only.
  local function find(kind, task)
    if not known then M.reload() end
    local found, seen = {}, {}
    for _, record in ipairs(known) do
      if record.kind == kind and record.task == task and not seen[record.key] then
        seen[record.key] = true
        found[#found + 1] = record
      end
    end
    return found
  end

  local function remove(wanted)
    for i = #known, 1, -1 do
      if wanted(known[i]) then files.remove(files.join(folder(), table.remove(known, i).file)) end
    end
  end

  --- Add a record, then remove those that it replaces. true, or nil and a sentence.
  local function put(kind, task, key, values)
    local ok, why = files.make_folder(folder())
    if not ok then return nil, why end
    made = made + 1
    local name = reaper.genGuid(""):gsub("%W", ""):lower() .. ENDING
    local record = { kind = kind, task = task, key = key, time = os.time(), count = made, values = values }
    ok, why = files.write(files.join(folder(), name), json.encode(record))
    if not ok then return nil, ("%s cannot be kept: %s"):format(kind == "preset" and "The preset" or "What was entered", why) end
    M.reload()
    remove(function(other) return other.kind == kind and other.task == task and other.key == key and other.file ~= name end)
    return true
  end

  --- Names of a task's presets, in the order of the alphabet.
  function M.presets(task)
    local names = {}
    for i, record in ipairs(find("preset", task)) do names[i] = record.key end
    table.sort(names, function(a, b)
      if a:lower() ~= b:lower() then return a:lower() < b:lower() end
      return a < b
    end)
    return names
  end

  local function one(kind, task, key)
    for _, record in ipairs(find(kind, task)) do
      if record.key == key then return record.values end
    end
  end

  --- The values of a preset, or nil.
  function M.preset(task, name) return one("preset", task, name) end

  --- Keep values under a name, in place of those that had it; true, or nil and a sentence.
  function M.save_preset(task, name, values)
    name = name:match("^%s*(.-)%s*$")
    if name == "" then return nil, "The preset has no name; enter one." end
    return put("preset", task, name, values)
  end

  function M.delete_preset(task, name)
    M.reload()
    remove(function(record) return record.kind == "preset" and record.task == task and record.key == name end)
  end

  -- The words of a prompt: what tells one from another.
  local WORDS = { "description", "style", "lyrics", "tracks" }

  --- A prompt in a line: its words without the lyrics, or the first line of these; nil where there are none.
  local function words_of(values)
    local parts = {}
    for _, key in ipairs(WORDS) do
      local text = type(values[key]) == "string" and values[key]:match("%S") and values[key]
      if text and not (key == "lyrics" and #parts > 0) and not (key == "tracks" and #parts > 0) then
        parts[#parts + 1] = text:match("%S[^\r\n]*")
      end
    end
    return #parts > 0 and table.concat(parts, " · ") or nil
  end

  --- Note what was sent: as the last values of its task, and among its last prompts if it holds words.
  function M.note_sent(task, values)
    M.keep_last(task, values)
    local words = words_of(values)
    if not words then return end
    local prompt = {}
    for _, key in ipairs(WORDS) do prompt[key] = values[key] end
    put("prompt", task, json.encode({ prompt.description or "", prompt.style or "", prompt.lyrics or "", prompt.tracks or "" }), prompt)
    for i, record in ipairs(find("prompt", task)) do
      if i > M.MOST_PROMPTS then remove(function(other) return other == record end) end
    end
  end

  --- The last prompts of a task, the newest first: { {words, values} … }.
  function M.prompts(task)
    local found = {}
    for i, record in ipairs(find("prompt", task)) do found[i] = { words = words_of(record.values) or "", values = record.values } end
    return found
  end

  --- Keep values as the last ones of a task, for every project that has none of its own.
  function M.keep_last(task, values)
    if json.encode(M.last(task) or {}) == json.encode(values) then return end
    put("last", task, "", values)
  end

  function M.last(task) return one("last", task, "") end

  return M
end
