-- Lets work that reads much of a project be done a little in every tick: `here` in its loops says where it may stop for now.

return function()
  local M = {}

  local EVERY = 8 -- calls of `here` from one look at the clock to the next
  local calls, until_s = 0, nil

  --- A point at which to go on in the next tick, when the time of this one is used up. Does nothing outside of `work`.
  function M.here()
    if not until_s then return end
    calls = calls + 1
    if calls % EVERY == 0 and reaper.time_precise() >= until_s then coroutine.yield() end
  end

  --- Begin a function whose loops pause. Returns `step(budget_s)`: works that long, and returns whether it has ended, and
  -- what the function returned. A fault of the function is raised by `step`.
  function M.work(run)
    local thread = coroutine.create(run)
    local function pass(ok, ...)
      until_s = nil
      if not ok then error((...), 0) end
      return coroutine.status(thread) == "dead", ...
    end
    return function(budget_s)
      until_s = reaper.time_precise() + budget_s
      return pass(coroutine.resume(thread))
    end
  end

  return M
end
