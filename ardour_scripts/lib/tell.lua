-- Messages: a line in AceBridge's log and Ardour's own, and a window where the settings want one.

return function(import)
  local files = import("shared/files")
  local own = import("own_folder")
  local settings = import("settings")
  local M = {}

  local function log(line)
    local file = io.open(files.join(own.path, "messages.txt"), "ab")
    if not file then return end
    file:write(os.date("!%Y-%m-%d %H:%M:%S "), (line:gsub("\n", " ")), "\n")
    file:close()
  end
  M.log = log

  local function show(text)
    LuaDialog.Message("AceBridge", text, LuaDialog.MessageType.Info, LuaDialog.ButtonType.Close):run()
  end

  --- Tell the musician, and wait until the window is closed.
  function M.say(message, remedy)
    local text = remedy and remedy ~= "" and message .. "\n\n" .. remedy or message
    log(text)
    if settings.get("messages") == "window" then show(text) end
  end

  return M
end
