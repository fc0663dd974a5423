-- Work that takes several ticks: REAPER's interface waits while a script works, and a large project means many calls.
--
-- Loops say what they call: `spend(2)` for each item whose position and length are asked for. In work that was started with
-- `start`, a tick ends when its share of calls is spent, and the next one goes on there. Everywhere else `spend` only counts.
-- Several works of a script share a tick.
--
-- Meanwhile the musician edits. What was looked up about a project holds only while nobody has: `observe` begins again.

return function()
  local M = {}

  M.MOST = 1200 -- of one tick; what is called between two `spend` comes on top
  local LIMIT = 1900 -- with what has to be called at once: an undo step
  local BETWEEN_S = 0.004 -- shorter than what lies between two ticks, longer than what lies between two functions of one
  local CHANGED = {} -- what is raised when a project was edited meanwhile
  local used, ended_at = 0, -math.huge -- in this tick; when work was last left
  local depth, whole = 0, 0 -- how many works, and how many `at_once`, are inside of each other
  local shares = setmetatable({}, { __mode = "k" }) -- coroutine → { most of a tick, used of it }
  local watched = setmetatable({}, { __mode = "k" }) -- coroutine → { project, count of its changes, what is known of it }

  local function changes(project) return reaper.GetProjectStateChangeCount(project) end

  local function is_same(project, count)
    return reaper.ValidatePtr2(0, project, "ReaProject*") and changes(project) == count
  end

  --- Wait for the next tick, in work that was started here; else go on at once.
  function M.rest()
    if whole > 0 or not coroutine.isyieldable() then return end
    coroutine.yield()
    local watch = watched[coroutine.running()]
    if watch and not is_same(watch[1], watch[2]) then error(CHANGED, 0) end
  end

  --- Note `calls` calls of REAPER; wait for the next tick when this one has had enough.
  function M.spend(calls)
    used = used + calls
    local share = shares[coroutine.running()]
    if share then share.used = share.used + calls end
    if used >= M.MOST or share and share.used >= share.most then M.rest() end
  end

  --- Wait for the next tick unless this one has room for `calls` more, and keep that room free of other work.
  function M.reserve(calls)
    if calls == 0 then return end
    if used > 0 and used + calls > LIMIT then M.rest() end
    used = used + calls
  end

  --- Do what must not be interrupted, such as an undo step: nothing in it waits for the next tick.
  function M.at_once(change)
    whole = whole + 1
    local results = table.pack(pcall(change))
    whole = whole - 1
    if not results[1] then error(results[2], 0) end
    return table.unpack(results, 2, results.n)
  end

  --- What `look_up` returns about a project that nobody edited while it looked, which may take several ticks. It must only look:
  -- it begins again after an edit, at most `times` times (default: always); after that, and when the project was closed, the
  -- answer is nil. `room`: how many calls are to follow in the same tick.
  function M.observe(project, look_up, room, times)
    local me = coroutine.running()
    local outer = watched[me]
    local function look()
      local found = table.pack(look_up())
      M.reserve(room or 0)
      return table.unpack(found, 1, found.n)
    end
    for _ = 1, times or math.huge do
      watched[me] = { project, changes(project), {} }
      local found = table.pack(pcall(look))
      watched[me] = outer
      if found[1] then return table.unpack(found, 2, found.n) end
      if found[2] ~= CHANGED then error(found[2], 0) end
      if not reaper.ValidatePtr2(0, project, "ReaProject*") then return nil end
    end
  end

  --- A table for what is known of the project that is observed, for as long as that is the same; nil while none is.
  function M.memory()
    local watch = watched[coroutine.running()]
    return watch and watch[3]
  end

  --- Go on with work; what it spends is added to what other work has spent in the same tick.
  local function resume(thread)
    if depth == 0 and reaper.time_precise() - ended_at > BETWEEN_S then used = 0 end
    shares[thread].used = 0
    depth = depth + 1
    local results = table.pack(coroutine.resume(thread))
    depth = depth - 1
    ended_at = reaper.time_precise()
    return results
  end

  --- Begin work. Returns a function to be called once in each tick: it returns false until the work is done, then true and what
  -- the work returns. It raises what the work raises. `most`: its share of a tick, in calls; nil: all of it.
  function M.start(work, most)
    local thread = coroutine.create(work)
    shares[thread] = { most = most or M.MOST, used = 0 }
    return function()
      local results = resume(thread)
      if coroutine.status(thread) ~= "dead" then return false end
      if not results[1] then error(type(results[2]) == "string" and debug.traceback(thread, results[2]) or results[2], 0) end
      return true, table.unpack(results, 2, results.n)
    end
  end

  --- Do work over as many ticks as it needs; `guard` is put around each of them.
  function M.run(work, guard)
    local go_on = M.start(work)
    local tick
    tick = guard(function()
      if not go_on() then reaper.defer(tick) end
    end)
    tick()
  end

  return M
end
