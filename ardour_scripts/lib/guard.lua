-- Calls what an action does, so that a fault of ours becomes a message.

return function(import)
  local tell = import("tell")

  return function(step, ...)
    local ok, fault = pcall(step, ...)
    if not ok then tell.say("AceBridge met a fault of its own: " .. tostring(fault), "Please report it with this text.") end
  end
end
