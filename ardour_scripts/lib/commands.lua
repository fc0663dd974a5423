-- The actions that send no audio: playlists, jobs, settings, doctor.

return function(import)
  local dialog = import("dialog")
  local job = import("job")
  local json = import("shared/json")
  local selection = import("selection")
  local session = import("session")
  local settings = import("settings")
  local tell = import("tell")
  local watch = import("watch")
  local M = {}

  --- Step through the playlists of the selected tracks.
  local function step(by)
    local selected, any = selection.read(), false
    if not selected.picked and #selected.tracks > 1 then return tell.say("No track is selected.", "Select tracks with several playlists, then run the action again.") end
    for _, one in ipairs(selected.tracks) do
      local playlists, playing = session.playlists(one.track)
      if #playlists > 1 then
        any = true
        session.play(one.track, playlists[(playing - 1 + by) % #playlists + 1])
      end
    end
    if not any then tell.say("The selected track has one playlist only.", 'Run "AceBridge: Repaint" to make another.') end
  end

  function M.next_playlist() step(1) end
  function M.previous_playlist() step(-1) end

  --- Place what has finished: for sessions without the hook, and for what could not be placed before.
  function M.place()
    local before = #job.open()
    watch.look(math.huge, true)
    local left = #job.open()
    if before == 0 then return tell.say("There is no AceBridge job in this session.") end
    if left > 0 then tell.say(("%d of %d jobs are not placed yet."):format(left, before), 'See "AceBridge: Job list".') end
  end

  function M.cancel()
    local count = 0
    for _, id in ipairs(job.open()) do
      job.cancel(id)
      count = count + 1
    end
    if count == 0 then tell.say("No AceBridge job is running in this session.") end
  end

  --- A line for each job: title, state, how far it is.
  function M.jobs()
    local lines = {}
    for _, id in ipairs(job.open()) do
      local plan = job.plan(id) or {}
      local status = job.is_sent(id) and job.state(id, plan.create_time) or { state = "reading", stage = "reading audio", fraction = 0 }
      local eta = type(status.eta_s) == "number" and (", %.0f s to go"):format(status.eta_s) or ""
      lines[#lines + 1] = ("%s: %s, %d %%%s"):format(plan.title or id, status.stage or status.state, math.floor(100 * (status.fraction or 0)), eta)
    end
    tell.say(#lines == 0 and "No AceBridge job is open in this session." or table.concat(lines, "\n"))
  end

  function M.settings()
    local known = settings.all_values()
    local values = dialog.ask("Settings", settings.all, known)
    if values then settings.keep(values) end
  end

  --- Have the command check the installation; the hook shows what it finds.
  function M.doctor()
    local id, why = job.new()
    if not id then return tell.say(why, "Free some disk space.") end
    job.keep_plan(id, { title = "Doctor", captures = json.array(), place = { kind = "findings" } })
    local ok, remedy
    ok, why, remedy = job.start_doctor(id)
    if not ok then
      job.discard(id)
      return tell.say(why, remedy)
    end
    job.list(id)
  end

  return M
end
