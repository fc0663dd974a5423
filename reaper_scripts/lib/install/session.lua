-- A long piece of work with programs that run in the background, as a coroutine that goes on a little in every tick.

return function(import)
  local files = import("shared/files")
  local runners = import("install/runner")
  local M = {}

  local STOP_S, OTHER_S = 10, 4 -- what a runner may take to end; how long others are watched

  M.AGAIN = "Run the action again: it goes on where it ended."
  M.FULL = "The disk of REAPER's resource folder is full."
  M.FREE = "Free 2 GB, then run the action again: it goes on where it ended."
  local FULL_WORDS = { "No space left", "os error 28", "os error 112", "not enough space", "Disk quota" }

  --- End the work with a sentence and a remedy.
  function M.fail(message, remedy) error({ message = message, remedy = remedy or M.AGAIN }, 0) end

  --- Whether what a program or the system says is that the disk is full.
  function M.is_full(text)
    for _, words in ipairs(FULL_WORDS) do
      if text:find(words, 1, true) then return true end
    end
    return false
  end

  local PROBE_BYTES = 65536

  --- End the work as `fail` does, but say that the disk is full when it is: a program has no room then even for its words.
  function M.fail_in(folder, message, remedy)
    local probe = files.join(folder, "probe")
    local ok, why = files.write(probe, ("0"):rep(PROBE_BYTES))
    files.remove(probe)
    if not ok and M.is_full(why) then M.fail(M.FULL, M.FREE) end
    M.fail(message, remedy)
  end

  function M.last_line(text) return ((text:match("([^\r\n]+)%s*$") or ""):gsub("%c", " ")) end

  --- What `run` shows meanwhile, when that stays the same.
  function M.steady(fraction, text) return function() return fraction, text end end

  --- Wait until no other runner is at work in the folder; one that was killed has left its beat and is silent.
  local function await_others(folder)
    local began = reaper.time_precise()
    local any, before = runners.at_work(folder)
    while any and reaper.time_precise() - began < OTHER_S do
      coroutine.yield(0, "looking for another installation")
      local now
      any, now = runners.at_work(folder)
      if any and now ~= before and reaper.time_precise() - began > OTHER_S / 2 then
        M.fail("Another REAPER installs or removes AceBridge at the moment.", "Wait for its end, then run the action again.")
      end
    end
  end

  local function start_runner(folder)
    local ok, why = files.make_folder(folder)
    if not ok then M.fail(why, "Make it writable, or free some disk space, then run the action again.") end
    await_others(folder)
    runners.clean(folder)
    local runner
    runner, why = runners.start(folder)
    if not runner then
      local cure = "Give REAPER another resource folder, or install AceBridge by hand as docs/install.md says."
      M.fail(why, M.is_full(why) and M.FREE or cure)
    end
    return runner
  end

  --- Run a program to its end: its exit code, and what it said on its two ways out. `progress` gives fraction and text
  --- meanwhile. Only a program that is not there, or cannot be started, ends the work.
  local function run(runner, words, progress)
    local ok, why = runner.run(words)
    if not ok then M.fail(M.is_full(why) and M.FULL or why, M.FREE) end
    local code
    repeat
      coroutine.yield(progress())
      code = runner.code()
    until code ~= nil
    if code == false then M.fail("The program that works in the background has ended without a word.") end
    local out, err = runner.output()
    if M.is_full(err) then M.fail(M.FULL, M.FREE) end
    return code, out, err
  end

  --- Start `work(run, session)` in `folder`. The session's `step` is called in every tick and returns { fraction, text };
  --- `state` is "running", then "done", "failed" (`message` and `remedy` say why) or "cancelled".
  function M.start(folder, work)
    local session = { state = "running", fraction = 0, text = "starting" }
    local runner, stopped_at
    local routine = coroutine.create(function()
      runner = start_runner(folder)
      session.runner = runner
      work(function(...) return run(runner, ...) end, session)
    end)

    local function finish(state, message, remedy)
      session.state, session.message, session.remedy = state, message, remedy
      session.close()
    end

    local function go_on()
      local ok, fraction, text = coroutine.resume(routine)
      if ok and coroutine.status(routine) == "dead" then
        session.fraction = 1
        return finish("done")
      elseif ok then
        session.fraction, session.text = math.max(session.fraction, fraction), text
        return
      end
      local fault = fraction
      if type(fault) ~= "table" then
        finish("failed", tostring(fault))
        error(fault, 0)
      end
      finish("failed", fault.message, fault.remedy)
    end

    --- Go on a little; returns { fraction, text }.
    function session.step()
      if session.state == "running" and stopped_at then
        local is_over = not runner or not runner.is_alive() or reaper.time_precise() - stopped_at > STOP_S
        if is_over then finish("cancelled") end
      elseif session.state == "running" then
        go_on()
      end
      return { fraction = session.fraction, text = session.text }
    end

    --- Stop, also what runs in the background; `step` says when that is over.
    function session.cancel()
      if session.state ~= "running" or stopped_at then return end
      stopped_at, session.text = reaper.time_precise(), "stopping"
      if runner then runner.stop(true) end
    end

    --- Nothing goes on in the background.
    function session.close()
      if runner then runner.stop(not runner.is_idle()) end
    end

    return session
  end

  return M
end
