-- What is said to the musician in a message. While a project records nothing comes in between: it would take the keyboard from
-- whoever records. Then it stands in the panel, and becomes a message when the recording has ended.

return function()
  local M = {}

  local SECTION, HELD = "AceBridge", "held"
  local RECORDS = 4 -- GetPlayStateEx

  --- Whether a project of any tab records.
  function M.is_recording()
    local i = 0
    while true do
      local project = reaper.EnumProjects(i)
      if not project then return false end
      if reaper.GetPlayStateEx(project) & RECORDS ~= 0 then return true end
      i = i + 1
    end
  end

  local function show(text) reaper.MB(text, "AceBridge", 0) end

  --- Say something, and what to do about it; returns false when it is held back.
  function M.say(message, remedy)
    local text = remedy and remedy ~= "" and message .. "\n\n" .. remedy or message
    if not M.is_recording() then
      show(text)
      return true
    end
    local held = M.waiting_text()
    reaper.SetExtState(SECTION, HELD, held and held .. "\n\n" .. text or text, false)
    return false
  end

  --- What is held back, or nil.
  function M.waiting_text()
    local text = reaper.GetExtState(SECTION, HELD)
    return text ~= "" and text or nil
  end

  --- Say what was held back, if the recording has ended; returns what is held back still.
  function M.release()
    local text = M.waiting_text()
    if not text or M.is_recording() then return text end
    reaper.DeleteExtState(SECTION, HELD, false)
    show(text)
    return nil
  end

  return M
end
