-- The actions that send no audio: takes, jobs, settings, doctor.

return function(import)
  local command = import("command")
  local files = import("files")
  local follow = import("follow")
  local form = import("form")
  local job = import("job")
  local selection = import("selection")
  local settings = import("settings")
  local watch = import("watch")
  local M = {}

  local function undoable(project, name, change)
    reaper.PreventUIRefresh(1)
    reaper.Undo_BeginBlock2(project)
    local ok, fault = pcall(change)
    reaper.Undo_EndBlock2(project, "AceBridge: " .. name, -1)
    reaper.PreventUIRefresh(-1)
    reaper.UpdateArrange()
    if not ok then error(fault, 0) end
  end

  --- Step through the takes of the selected items. Past the last take, if it is a repaint of ours, another is made.
  local function step(action, by)
    local project = reaper.EnumProjects(-1)
    local items = selection.find_items(project)
    if #items == 0 then return watch.say("No item is selected.", "Select items with several takes, then run the action again.") end
    if by > 0 and #items == 1 then
      local last = reaper.GetMediaItemInfo_Value(items[1], "I_CURTAKE") == reaper.CountTakes(items[1]) - 1
      if last and action.another_take(items[1]) then return end
    end
    local any = false
    for _, item in ipairs(items) do any = any or reaper.CountTakes(item) > 1 end
    if not any then return watch.say("The selected item has one take only.", "Run AceBridge: Repaint time selection to make another.") end
    undoable(project, by > 0 and "Next take" or "Previous take", function()
      for _, item in ipairs(items) do
        local count = reaper.CountTakes(item)
        if count > 1 then
          local current = reaper.GetMediaItemInfo_Value(item, "I_CURTAKE")
          reaper.SetMediaItemInfo_Value(item, "I_CURTAKE", (current + by) % count)
          reaper.UpdateItemInProject(item)
        end
      end
    end)
  end

  function M.next_take(action) step(action, 1) end
  function M.previous_take(action) step(action, -1) end
  function M.repeat_last(action) action.again() end

  function M.cancel()
    local count = 0
    for _, id in ipairs(job.open()) do
      if not job.is_finished(job.status(id, job.request(id))) then
        job.cancel(id)
        count = count + 1
      end
    end
    if count == 0 then watch.say("No AceBridge job is running.") end
  end

  function M.jobs(_, guard)
    local token = reaper.genGuid("")
    if watch.is_watched_elsewhere(token) then
      return watch.show() -- another script watches: its window comes
    end
    watch.run(guard, token, true)
  end

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

  --- Report what is selected to `acebridge osc follow reaper`, until the action is run again.
  function M.follow(_, guard) follow.run(guard) end

  local INSTALL = "Install AceBridge as its README says, run `acebridge doctor` once in a terminal, then run this again."

  --- What is found about the command, the daemon, the engine and the disk.
  function M.doctor(_, guard)
    local path, why, remedy = command.find()
    if not path then return watch.say(why, remedy or INSTALL) end
    local id, fault = job.new()
    if not id then return watch.say(fault, "Free some disk space.") end
    local ok
    ok, fault = command.start(path, "reaper", "doctor", files.url(job.folder(id)))
    if not ok then
      job.discard(id)
      return watch.say(fault, INSTALL)
    end
    local began = reaper.time_precise()
    local tick
    tick = guard(function()
      local state = job.status(id)
      if job.is_finished(state) then -- before that, it still writes into the folder
        local result = job.result(id)
        job.discard(id)
        if not result or not result.findings then return watch.say(state.message or "", state.remedy) end
        local lines = {}
        for i, finding in ipairs(result.findings) do
          lines[i] = ("%s %s: %s"):format(finding.ok and "ok " or "NO ", finding.about, finding.says)
          if not finding.ok and finding.remedy ~= "" then lines[i] = lines[i] .. "\n      " .. finding.remedy end
        end
        return watch.say(("Command: %s\nREAPER %s\n\n%s"):format(path, reaper.GetAppVersion(), table.concat(lines, "\n")))
      end
      if reaper.time_precise() - began > 60 then
        job.discard(id)
        return watch.say(path .. " did not answer within a minute.", "Run `acebridge doctor` in a terminal to see why.")
      end
      reaper.defer(tick)
    end)
    tick()
  end

  return M
end
