-- Puts a result on tracks: in the project it came from, exactly where it belongs, in one undo step. Everything that can be
-- wrong is found before the project is touched; should REAPER fail half-way all the same, the step is undone.

return function(import)
  local budget = import("budget")
  local M = {}

  local BUILD_MISSING_PEAKS = 40047

  -- By kind: a function of project, request and result that looks at all that may be wrong, and returns a function that
  -- changes the project and returns what was placed (and whether to show that in a message). Or it returns nil, a message
  -- and a remedy; or false and a message when nothing is to change.
  local kinds = import("place_facts")
  kinds.take, kinds.tracks, kinds.song = import("place_takes"), import("place_tracks"), import("place_song")

  --- Before REAPER 7.18 new tracks go into the tab that is shown, and REAPER allows no change of tabs inside of an undo block:
  -- show the result's tab for as long as it takes. Returns what brings the other one back.
  local function show_tab(project)
    local shown = reaper.EnumProjects(-1)
    if shown == project or reaper.APIExists("InsertTrackInProject") then return function() end end
    reaper.SelectProjectInstance(project)
    return function() reaper.SelectProjectInstance(shown) end
  end

  --- Place a result into `project`; `request.after` is called in the same undo step. What is looked up before may take several
  -- ticks, where somebody has started that: see `budget`. Returns true, what was placed, and whether that is to be shown in a message;
  -- or nil, a message, a remedy, and whether it is worth trying again later.
  function M.place(project, request, result)
    for i, part in ipairs(result.parts) do part.engine = part.engine or result.engine or request.parts[i].engine end
    local apply, why, remedy, later = kinds[request.place.kind](project, request, result)
    if apply == false then return true, why end
    if not apply then return nil, why, remedy, later end
    local show_back = show_tab(project)
    reaper.PreventUIRefresh(1)
    reaper.Undo_BeginBlock2(project)
    local ok, summary, shown = pcall(budget.at_once, function()
      local done, is_shown = apply(project)
      if request.after then request.after() end
      return done, is_shown
    end)
    reaper.Undo_EndBlock2(project, "AceBridge: " .. request.title, -1)
    if not ok then reaper.Undo_DoUndo2(project) end
    reaper.PreventUIRefresh(-1)
    show_back()
    reaper.UpdateArrange()
    if not ok then return nil, "REAPER could not place the result: " .. tostring(summary), 'The result is kept: run "AceBridge_Job list".', true end
    reaper.Main_OnCommandEx(BUILD_MISSING_PEAKS, 0, project)
    return true, summary, shown
  end

  return M
end
