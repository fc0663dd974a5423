-- What is said to the musician in a message. While a project records nothing comes in between: it would take the keyboard from
-- whoever records. Then it stands in the panel, and becomes a message when the recording has ended. So does what a script has to
-- say at its end.

return function()
  local M = {}

  local SECTION, HELD = "AceBridge", "held"
  local RECORDS = 4 -- GetPlayStateEx
  M.RECORDING = "recording" -- why something has to wait

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

  local function text_of(message, remedy) return remedy and remedy ~= "" and message .. "\n\n" .. remedy or message end

  --- Hold something back until somebody follows jobs: for a script that ends, which cannot wait for an answer.
  function M.hold(message, remedy)
    local held, text = M.find_held(), text_of(message, remedy)
    reaper.SetExtState(SECTION, HELD, held and held .. "\n\n" .. text or text, false)
  end

  --- Say something, and what to do about it; returns false when it is held back.
  function M.say(message, remedy)
    if M.is_recording() then
      M.hold(message, remedy)
      return false
    end
    show(text_of(message, remedy))
    return true
  end

  --- What is held back, or nil.
  function M.find_held()
    local text = reaper.GetExtState(SECTION, HELD)
    return text ~= "" and text or nil
  end

  --- Say what was held back, if the recording has ended; returns what is held back still.
  function M.release()
    local text = M.find_held()
    if not text or M.is_recording() then return text end
    reaper.DeleteExtState(SECTION, HELD, false)
    show(text)
    return nil
  end

  return M
end
