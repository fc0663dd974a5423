-- The actions that send no audio: takes, jobs, settings, doctor.

return function(import)
  local budget = import("budget")
  local command = import("shared/command")
  local files = import("shared/files")
  local follow = import("follow")
  local form = import("shared/form")
  local guid = import("project/guid")
  local install_dialog = import("install/dialog")
  local job = import("jobs/job")
  local panel = import("panel/panel")
  local selection = import("project/selection")
  local settings = import("settings")
  local toolbar = import("toolbar")
  local undo = import("project/undo")
  local version = import("shared/version")
  local watch = import("jobs/watch")
  local M = {}

  local EDITED = "The project was edited while the action looked at it."

  local STEP_CALLS = 3 -- what it takes to change an item's take
  local SWITCH = { [1] = 40125, [-1] = 40126 } -- Take: Switch items to next take, to previous take

  --- The items among `items` that have several takes, each with the take that comes next, as units of `undo`.
  local function look_at_takes(project, items, by)
    local units = {}
    for _, item in ipairs(items) do
      local count = reaper.CountTakes(item)
      budget.spend(2)
      if count > 1 then
        local number = (reaper.GetMediaItemInfo_Value(item, "I_CURTAKE") + by) % count
        units[#units + 1] = {
          calls = STEP_CALLS, item = item, number = number, is_there = function() return reaper.ValidatePtr2(project, item, "MediaItem*") end,
          change = function()
            reaper.SetMediaItemInfo_Value(item, "I_CURTAKE", number)
            reaper.UpdateItemInProject(item)
          end,
        }
      end
    end
    return units
  end

  --- Those units that are still to be done.
  local function left_over(units)
    local found = {}
    for _, unit in ipairs(units) do
      budget.spend(1)
      if reaper.GetMediaItemInfo_Value(unit.item, "I_CURTAKE") ~= unit.number then found[#found + 1] = unit end
    end
    return found
  end

  --- Step through the takes of the selected items, in one undo step: of more than it can hold, REAPER does it itself; what it
  -- leaves as it was, at the last take perhaps, follows.
  local function step(by)
    local project, name = reaper.EnumProjects(-1), by > 0 and "Next take" or "Previous take"
    local items = selection.find_items(project)
    if #items == 0 then return watch.say("No item is selected.", "Select items with several takes, then run the action again.") end
    local steps, count = nil, 0
    local function look()
      local units = look_at_takes(project, items, by)
      steps, count = undo.batches(units), #units
      if #steps > 1 then steps = { { calls = 1, { calls = 1, change = function() reaper.Main_OnCommandEx(SWITCH[by], 0, project) end } } } end
      undo.reserve(steps)
      return units
    end
    local units = budget.observe(project, look, 0, 1)
    if not units then return watch.say(EDITED, "Run the action again.") end
    if count == 0 then
      return watch.say("The selected item has one take only.", 'Run "AceBridge_Repaint time selection" or "AceBridge_Another take" to make another.')
    end
    undo.steps(project, name, steps)
    if #steps[1] == count then return end
    local rest = budget.observe(project, function()
      local found = undo.batches(left_over(units))
      undo.reserve(found)
      return found
    end, 0, 1)
    if rest then undo.steps(project, name, rest) end
  end

  function M.next_take() step(1) end
  function M.previous_take() step(-1) end
  function M.repeat_last(action) action.again() end

  --- Make another take of the stretch that the selected item's active take repainted.
  function M.another_take(action)
    local item = reaper.GetSelectedMediaItem(reaper.EnumProjects(-1), 0)
    if not item then return watch.say("No item is selected.", "Select an item that was repainted, then run the action again.") end
    if action.another_take(item) then return end
    watch.say("The active take of the selected item is no repaint.", 'Choose one that is, or run "AceBridge_Repaint time selection".')
  end

  local YES_NO, YES = 4, 6 -- MB

  --- The jobs that run: of the project that is shown, and of others.
  local function running_jobs()
    local shown = reaper.EnumProjects(-1)
    local own, others = {}, {}
    for _, reading in ipairs(job.readings()) do own[#own + 1] = reading.id end
    for _, id in ipairs(job.open()) do
      local request = job.request(id)
      if request and not job.is_finished(job.status(id, request)) then
        local list = guid.project(request.place.project) == shown and own or others
        list[#list + 1] = id
      end
    end
    return own, others
  end

  --- Cancel the jobs of the project that is shown; those of others if that is wanted.
  function M.cancel()
    local own, others = running_jobs()
    if #own + #others == 0 then return watch.say("No AceBridge job is running.") end
    for _, id in ipairs(own) do job.cancel(id) end
    if #others == 0 then return end
    local count = #others == 1 and "1 job" or #others .. " jobs"
    local question = #own > 0 and "The jobs of this project are cancelled. Cancel %s of other projects too?"
      or "No job of this project runs. Cancel %s of other projects?"
    if reaper.MB(question:format(count), "AceBridge", YES_NO) ~= YES then return end
    for _, id in ipairs(others) do job.cancel(id) end
  end

  --- Follow jobs until all of them are placed: what actions start when they have sent one.
  function M.watch(_, guard)
    local token = reaper.genGuid("")
    if not watch.is_watched_elsewhere(token) then watch.run(guard, token) end
  end

  --- Show the jobs, and place what has finished meanwhile.
  function M.jobs(action, guard)
    if not watch.show() then panel.run(action, guard) end -- it is not installed: this script shows it
  end

  --- Open the panel, or close the one that is open.
  function M.panel(action, guard) panel.toggle(action, guard) end

  function M.settings()
    local fields, known = {}, {}
    for i, setting in ipairs(settings.all) do
      fields[i] = { key = setting.key, caption = setting.caption, kind = setting.kind, allowed = setting.allowed, default = setting.default, optional = true }
      known[setting.key] = settings.get(setting.key)
    end
    local values = form.ask("AceBridge: Settings", fields, known)
    if not values then return end
    for _, setting in ipairs(settings.all) do
      local value = values[setting.key]
      settings.set(setting.key, value == nil and setting.default or value)
    end
  end

  --- Write a toolbar and a menu of the actions, for the musician to import.
  function M.toolbar()
    local folder = select(2, reaper.get_action_context()):match("^(.*)[/\\]")
    local how, why, remedy = toolbar.install(folder)
    if not how then return watch.say(why, remedy) end
    watch.say("The toolbar is ready to import. Nothing of yours was changed.", how)
  end

  --- Report what is selected to `acebridge osc follow reaper`, until the action is run again.
  function M.follow(_, guard) follow.run(guard) end

  local ANSWER_S = 120 -- a first start may take long

  --- What the doctor says of the versions: one that does not fit, with its remedy, first of all.
  local function version_lines(of_command)
    local clash, remedy = version.clash(of_command)
    if clash then return clash, remedy end
    local differ = of_command and of_command ~= version.SCRIPTS and " (they work together)" or ""
    return ("Scripts %s, command %s%s"):format(version.SCRIPTS, of_command or "of an unknown version", differ)
  end

  local function report(path, result)
    local lines = {}
    for i, finding in ipairs(result.findings) do
      lines[i] = ("%s %s: %s"):format(finding.ok and "ok " or "NO ", finding.about, finding.says)
      if not finding.ok and finding.remedy ~= "" then lines[i] = lines[i] .. "\n      " .. finding.remedy end
    end
    watch.say(("Command: %s\n%s\nREAPER %s\n\n%s"):format(path, version_lines(result.command_version), reaper.GetAppVersion(), table.concat(lines, "\n")))
  end

  --- What is found about the command, the daemon, the engine and the disk. Where there is no command, or one that is too old,
  --- it can be installed.
  function M.doctor(action, guard)
    local function offer(reason, remedy)
      if settings.get("command") ~= "" then return watch.say(reason, remedy) end -- what is set would be used all the same
      install_dialog.offer(reason, guard, function() M.doctor(action, guard) end)
    end
    local path, why, cure = command.find()
    if not path then return offer(why, cure) end
    local id, fault = job.new()
    if not id then return watch.say(fault, "Free some disk space.") end
    local ok
    ok, fault = command.start(path, "reaper", "doctor", files.url(job.folder(id)))
    if not ok then
      job.discard(id)
      return offer(fault, 'Correct "Path of acebridge" in "AceBridge_Settings", or empty it.')
    end
    local began = reaper.time_precise()
    local tick
    tick = guard(function()
      local state = job.status(id)
      if job.is_finished(state) then -- before that, it still writes into the folder
        local result = job.result(id)
        job.discard(id)
        if not result or not result.findings then return watch.say(state.message or "", state.remedy) end
        local clash, update = version.clash(result.command_version)
        if clash and version.relation(result.command_version) == "older" then return offer(clash, update) end
        return report(path, result)
      end
      if reaper.time_precise() - began > ANSWER_S then
        job.discard(id)
        return offer(("%s did not answer within %d s."):format(path, ANSWER_S), "Run `acebridge doctor` in a terminal to see why.")
      end
      reaper.defer(tick)
    end)
    tick()
  end

  --- Remove what the doctor has installed.
  function M.uninstall(_, guard) install_dialog.uninstall(guard) end

  return M
end
