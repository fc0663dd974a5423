-- Puts a result on tracks: in the project it came from, exactly where it belongs, in one undo step, or in several where that
-- would hold REAPER up. Everything that can be wrong is found before the project is touched; should REAPER fail half-way all the
-- same, the step is undone. While REAPER records nothing is touched.

return function(import)
  local messages = import("messages")
  local undo = import("project/undo")
  local M = {}

  local BUILD_MISSING_PEAKS = 40047

  -- By kind: a function of project, request and result that looks at all that may be wrong, and returns a function that
  -- changes the project and returns what was placed (and whether to show that in a message). Or, for what may need several
  -- steps, { steps, finish, put_back }: batches of `undo`; what was placed, as a function of how many units were left out; and
  -- what follows the last step, over several ticks. Or it returns nil, a message and a remedy; or false and a message when
  -- nothing is to change, and whether to show that.
  local kinds = import("place/facts")
  kinds.take, kinds.tracks, kinds.song = import("place/takes"), import("place/tracks"), import("place/song")
  kinds.notes = import("place/notes")

  --- Before REAPER 7.18 new tracks go into the tab that is shown, and REAPER allows no change of tabs inside of an undo block:
  -- show the result's tab for as long as it takes. Returns what brings the other one back.
  local function show_tab(project)
    local shown = reaper.EnumProjects(-1)
    if shown == project or reaper.APIExists("InsertTrackInProject") then return function() end end
    reaper.SelectProjectInstance(project)
    return function() reaper.SelectProjectInstance(shown) end
  end

  --- What a kind returns, as steps; `after` is done in the first of them.
  local function plan_of(project, apply, after)
    local plan = apply
    if type(apply) == "function" then
      local summary, shown
      plan = {
        steps = { { calls = 0, { calls = 0, change = function() summary, shown = apply(project) end } } },
        finish = function() return summary, shown end,
      }
    end
    if after then table.insert(plan.steps[1], { calls = 0, change = after }) end
    return plan
  end

  -- What to say when not all steps were done, and what to do.
  local STOPPED = {
    [undo.CLOSED] = { "The project was closed before all of the result was in it.", 'Open it again, then run "AceBridge_Job list"; the result is kept.' },
    [undo.UNDONE] = {
      "The result was undone before all of it was in the project.",
      'Undo what is left of it, then run "AceBridge_Job list" to place it again; the result is kept.',
    },
  }

  --- Place a result into `project`; `request.after` is called in the first undo step. What is looked up before may take several
  -- ticks, and so may placing very much, where somebody has started that: see `budget`. Returns true, what was placed, and whether
  -- that is to be shown in a message; or nil, a message, a remedy, and whether it is worth trying again later: `messages.RECORDING`
  -- when a recording has begun meanwhile, after which it is; `undo.CLOSED` or `undo.UNDONE` when only the first steps were done:
  -- what they placed may be there still, or come back. `result.steps`: how many undo steps it was; `result.begun`: they
  -- have begun.
  function M.place(project, request, result)
    for i, part in ipairs(result.parts) do part.engine = part.engine or result.engine or request.parts[i].engine end
    local apply, why, remedy, later = kinds[request.place.kind](project, request, result)
    if apply == false then return true, why, remedy end
    if not apply then return nil, why, remedy, later end
    if messages.is_recording() then
      if type(apply) == "table" and apply.give_up then apply.give_up() end
      return nil, "REAPER records.", "", messages.RECORDING
    end
    local plan = plan_of(project, apply, request.after)
    result.steps, result.begun = #plan.steps, true
    local ok, lost, stop = pcall(undo.steps, project, request.title, plan.steps, function() return show_tab(project) end)
    if plan.put_back then plan.put_back() end
    if stop then return nil, STOPPED[stop][1], STOPPED[stop][2], stop end
    if not ok then
      return nil, "REAPER could not place the result: " .. tostring(lost), 'The result is kept: run "AceBridge_Job list".', true
    end
    if reaper.ValidatePtr2(0, project, "ReaProject*") then reaper.Main_OnCommandEx(BUILD_MISSING_PEAKS, 0, project) end
    return true, plan.finish(lost)
  end

  return M
end
