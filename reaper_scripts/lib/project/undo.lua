-- Changes of a project that are one step of its undo history; several, where one would take more calls than a tick has.

return function(import)
  local budget = import("budget")
  local messages = import("messages")
  local M = {}

  M.MOST = 1600 -- calls of one step; a unit that takes more has a step of its own
  local AROUND = 100 -- what closes the step and redraws
  M.CLOSED, M.UNDONE = "closed", "undone" -- why later steps are left out

  local function title_of(name, number, count)
    return "AceBridge: " .. (count > 1 and ("%s (%d of %d)"):format(name, number, count) or name)
  end

  --- How to take `count` steps back, in a sentence.
  function M.way_back(name, count)
    if count == 1 then return ('Edit > Undo "AceBridge: %s" takes it back.'):format(name) end
    return ('It is %d undo steps: Edit > Undo, from "%s" on, takes them back.'):format(count, title_of(name, count, count))
  end

  --- Sort units into what is one step each. A unit is { calls, change, is_there }: how many calls it takes, what it does, and
  -- whether what it changes is still what it was when somebody looked; without `is_there` it can always be done.
  function M.batches(units)
    local found = {}
    for _, unit in ipairs(units) do
      local last = found[#found]
      if not last or last.calls > 0 and last.calls + unit.calls > M.MOST then
        last = { calls = 0 }
        found[#found + 1] = last
      end
      last[#last + 1], last.calls = unit, last.calls + unit.calls
    end
    return found
  end

  --- Keep room in this tick for the first step, at the end of a look.
  function M.reserve(batches)
    budget.reserve(batches[1] and batches[1].calls + AROUND or 0)
  end

  --- Do `change` as a step of this title; after a fault it is taken back. Returns whether it was done, and the fault.
  local function try(project, title, change)
    reaper.PreventUIRefresh(1)
    reaper.Undo_BeginBlock2(project)
    local ok, fault = pcall(budget.at_once, change)
    reaper.Undo_EndBlock2(project, title, -1)
    if not ok and reaper.Undo_CanUndo2(project) == title then reaper.Undo_DoUndo2(project) end
    reaper.PreventUIRefresh(-1)
    reaper.UpdateArrange()
    return ok, fault
  end

  --- Whether the musician has taken back one of the first `number` steps: it is what can be done again then.
  local function is_undone(project, name, number, count)
    local title = reaper.Undo_CanRedo2(project)
    for i = 1, number do
      if title == title_of(name, i, count) then return true end
    end
    return false
  end

  --- Wait for a tick with room for the next step, and for the end of a recording. Returns `M.CLOSED` when the project was closed
  -- meanwhile, else nil.
  local function wait_for(project, calls)
    repeat
      budget.rest()
      budget.reserve(calls + AROUND)
      if not reaper.ValidatePtr2(0, project, "ReaProject*") then return M.CLOSED end
    until not coroutine.isyieldable() or not messages.is_recording()
    return nil
  end

  --- Take back the steps before one that failed, as long as nobody has done anything since.
  local function take_back(project, name, number, count)
    for i = number, 1, -1 do
      if reaper.Undo_CanUndo2(project) ~= title_of(name, i, count) then return end
      reaper.Undo_DoUndo2(project)
    end
  end

  --- Do what `batches` holds as the step "AceBridge: <name>", or as several: "AceBridge: <name> (2 of 5)", each in a tick of its
  -- own; nothing is done while REAPER records. Returns how many units were left out, because the musician had edited between
  -- two steps what they change; and `M.CLOSED` or `M.UNDONE` when the project was closed or a step was taken back between two
  -- steps: then those that follow are left out. Raises a fault of REAPER's when everything is taken back. `show`: shows
  -- something as long as a step takes, and returns what hides it.
  function M.steps(project, name, batches, show)
    local lost, changes, edited = 0, nil, false
    for number, batch in ipairs(batches) do
      local stop = number > 1 and wait_for(project, batch.calls)
      if not stop and number > 1 and is_undone(project, name, number - 1, #batches) then stop = M.UNDONE end
      if stop then
        for i = number, #batches do lost = lost + #batches[i] end
        return lost, stop
      end
      edited = edited or changes ~= nil and changes ~= reaper.GetProjectStateChangeCount(project)
      local hide = show and show()
      local ok, fault = try(project, title_of(name, number, #batches), function()
        for _, unit in ipairs(batch) do
          if edited and unit.is_there and not unit.is_there() then
            lost = lost + 1
          else
            unit.change()
          end
        end
      end)
      if not ok then take_back(project, name, number - 1, #batches) end
      if hide then hide() end
      if not ok then error(fault, 0) end
      changes = reaper.GetProjectStateChangeCount(project)
    end
    return lost
  end

  return M
end
