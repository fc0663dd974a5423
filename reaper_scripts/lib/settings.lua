-- The settings of all AceBridge actions, kept by REAPER for all projects.

return function(import)
  local form = import("shared/form")
  local M = {}

  local SECTION = "AceBridge"

  --- Every setting, in the order in which they are asked for; each is a field of `form` with a line of help.
  M.all = {
    { key = "command", default = "", kind = "text", caption = "Path of acebridge (empty: search)",
      help = "The acebridge command to run. Left empty it is searched for, which suits nearly everybody." },
    { key = "engine", default = "auto", kind = "choice", allowed = { "auto", "draft", "neural" },
      caption = "Engine (auto / draft / neural)",
      help = "Who makes the music: the neural engine, the draft engine that needs no GPU, or the best that is installed." },
    { key = "capture", default = "auto", kind = "choice", allowed = { "auto", "pre", "post" },
      caption = "Send audio (auto / pre / post FX)",
      help = "auto renders tracks with instruments, FX or receives and reads the rest; pre reads all before FX; post renders all." },
    { key = "repaint_as", default = "take", kind = "choice", allowed = { "take", "lane" },
      caption = "Place repaints as take or lane",
      help = "take adds a take to the item; lane puts the result into a fixed lane of the track (REAPER 7)." },
    { key = "context_s", default = 30, kind = "time", allowed = { 0, 600 }, caption = "Context in seconds",
      help = "How much of the music before and after the selection the engine hears." },
    { key = "media_format", default = "float32", kind = "choice", allowed = { "float32", "pcm24", "pcm16" },
      caption = "Media (float32 / pcm24 / pcm16)",
      help = "How new files are stored. float32 keeps every sample outside a change as it was." },
    { key = "takes", default = 1, kind = "integer", allowed = { 1, 8 }, caption = "Takes",
      help = "How many variants are made at a time." },
    { key = "window", default = "yes", kind = "choice", allowed = { "yes", "no" }, caption = "Show the panel (yes / no)",
      help = "Actions open the panel, which shows progress and cancels jobs. Without it results are placed all the same." },
    { key = "mute_source", default = "no", kind = "choice", allowed = { "no", "yes" },
      caption = "Mute the source of stems and covers (no / yes)",
      help = "Mute the items that new tracks were made from, so that the music does not sound twice." },
    { key = "tempo_from", default = "project", kind = "choice", allowed = { "project", "engine" },
      caption = "Tempo from project or engine",
      help = "project has new music follow the tempo and meter at its position; engine lets the style decide." },
    { key = "dcw", default = "auto", kind = "choice", allowed = { "auto", "off", "low", "high", "double", "pix" },
      caption = "DCW of the neural engine (auto / off / low / high / double / pix)",
      help = "A correction after each step: auto suits the model; off may help where loud music clips." },
  }

  local by_key = {}
  for _, field in ipairs(M.all) do by_key[field.key] = field end

  local function field_of(key) return by_key[key] or error('There is no setting "' .. tostring(key) .. '".', 2) end

  --- The value in force: what was set, or the default where nothing or nothing allowed was.
  function M.get(key)
    local field = field_of(key)
    local value = form.check(field, reaper.GetExtState(SECTION, key))
    if value == nil then return field.default end
    return value
  end

  --- Keep a value (empty: the default); true, or nil and a sentence for what is not allowed.
  function M.set(key, value)
    local field = field_of(key)
    local checked, fault = form.check(field, value)
    if fault then return nil, fault end
    if tostring(checked):find("%c") then return nil, field.caption .. " holds a line break; enter one line." end
    if checked == field.default then
      reaper.DeleteExtState(SECTION, key, true)
    else
      reaper.SetExtState(SECTION, key, tostring(checked), true)
    end
    return true
  end

  return M
end
