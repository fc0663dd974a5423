-- Follows the jobs of the open session: reads their audio, sends them, places what has finished. The hook does it ten times a
-- second; "AceBridge: Place results" does it once.

return function(import)
  local capture = import("capture")
  local files = import("shared/files")
  local inbox = import("inbox")
  local job = import("job")
  local own = import("own_folder")
  local place = import("place")
  local session = import("session")
  local tell = import("tell")
  local M = {}

  local BUDGET_S = 0.03 -- of a tick, for reading audio: Ardour's window stays quick
  local ALIVE_TICKS = 20
  local readings, plans = {}, {}

  local function plan_of(id)
    plans[id] = plans[id] or job.plan(id)
    return plans[id]
  end

  --- Have the log say how a job has ended.
  local function log_end(id, plan, ending)
    tell.log(("%s: %s %s"):format(plan and plan.title or "job", ending, id))
  end

  local function fail(id, message, remedy)
    job.close(id)
    local plan = plans[id]
    readings[id], plans[id] = nil, nil
    tell.say(message, remedy)
    log_end(id, plan, "failed")
  end

  --- Read audio of a job until it is all read or the time is over; then send it. Returns whether it is sent.
  local function read_audio(id, plan, budget_s)
    readings[id] = readings[id] or capture.start(plan.captures, job.folder(id))
    local stop = os.clock() + budget_s
    repeat
      local done, why = readings[id]()
      if done == nil then
        fail(id, why, "Nothing was sent; run the action again.")
        return false
      end
      if done then
        readings[id] = nil
        local ok, message, remedy = job.submit(id, plan.request)
        if not ok then fail(id, message, remedy) end
        return ok
      end
    until os.clock() >= stop
    return false
  end

  local function place_result(id, plan)
    local result = job.result(id)
    if not result then return fail(id, "The result of " .. plan.title .. " cannot be read.", 'Run "AceBridge: Again".') end
    local clash, update = job.clash(result)
    if clash then
      plan.waits = true -- until somebody asks for it
      return tell.say(plan.title .. ": " .. clash, update)
    end
    job.close(id) -- first: while a message waits for an answer, nothing is placed twice
    local ok, note, remedy, later = place.place(plan, result, job.folder(id))
    if ok then
      for _, warning in ipairs(result.warnings or {}) do tell.log(warning) end
      if note ~= "" then tell.say(note) end
      return log_end(id, plan, "placed")
    end
    plan.waits = later -- until somebody asks for it
    if later then job.reopen(id) end
    tell.say(note, remedy)
  end

  --- Tell what the doctor has found.
  local function report_findings(id)
    local lines = {}
    for i, finding in ipairs((job.result(id) or {}).findings or {}) do
      lines[i] = ("%s %s: %s"):format(finding.ok and "ok " or "NO ", finding.about, finding.says)
      if not finding.ok and finding.remedy ~= "" then lines[i] = lines[i] .. "\n      " .. finding.remedy end
    end
    tell.say(table.concat(lines, "\n"))
  end

  local function finish(id, plan, status)
    if status.state == "cancelled" then
      job.close(id)
      return log_end(id, plan, "cancelled")
    end
    if status.state == "failed" then return fail(id, status.message, status.remedy) end
    if plan.place.kind == "findings" then
      job.close(id)
      return report_findings(id)
    end
    place_result(id, plan)
  end

  local function see_to(id, budget_s)
    local plan = plan_of(id)
    if not plan or plan.waits then return end
    if plan.request and not job.is_sent(id) then
      if job.is_cancelled(id) then
        readings[id] = nil
        job.discard(id)
        return log_end(id, plan, "cancelled")
      end
      if not read_audio(id, plan, budget_s) then return end
    end
    local status = job.state(id, plan.create_time)
    if job.is_finished(status) and not Session:actively_recording() then finish(id, plan, status) end
  end

  --- See to every open job of this session. `asked`: also to those that could not be placed before.
  function M.look(budget_s, asked)
    local open = job.open()
    for _, id in ipairs(open) do
      if asked and plans[id] then plans[id].waits = nil end
      local ok, fault = pcall(see_to, id, budget_s)
      if not ok then fail(id, "The result of an AceBridge job cannot be used: " .. tostring(fault), 'Run "AceBridge: Again".') end
    end
    return open
  end

  --- The function of the hook.
  function M.hook()
    local ticks, busy, where = 0, false, nil
    local function tick()
      if where ~= session.path() then
        where, readings, plans = session.path(), {}, {}
        job.shorten_list()
        job.clean_sometimes()
      end
      if ticks % ALIVE_TICKS == 0 then files.write(files.join(own.path, "hook.txt"), ("%d\t%s\n"):format(os.time(), where)) end
      M.look(BUDGET_S)
      inbox.look()
      ticks = ticks + 1
    end
    return function()
      if busy or not Session then return end -- a window of ours is open: time goes on below it
      busy = true
      local ok, fault = pcall(tick)
      if not ok then tell.log("The hook met a fault: " .. tostring(fault)) end
      busy = false
    end
  end

  return M
end
