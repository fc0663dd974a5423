-- Changes of a project that are one step of its undo history.

return function(import)
  local budget = import("budget")
  local M = {}

  --- Do `change` as the step "AceBridge: <name>"; a fault of it is raised when the step is closed.
  function M.step(project, name, change)
    reaper.PreventUIRefresh(1)
    reaper.Undo_BeginBlock2(project)
    local ok, fault = pcall(budget.at_once, change)
    reaper.Undo_EndBlock2(project, "AceBridge: " .. name, -1)
    reaper.PreventUIRefresh(-1)
    reaper.UpdateArrange()
    if not ok then error(fault, 0) end
  end

  return M
end
