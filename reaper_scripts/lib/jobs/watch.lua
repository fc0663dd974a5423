-- Follows jobs until their results are placed. One script of a REAPER does it for all: whoever comes second leaves its job
-- to the first. The panel follows them while it is open. A job whose script has gone is found in its folder.

return function(import)
  local budget = import("budget")
  local files = import("shared/files")
  local inbox = import("jobs/inbox")
  local job = import("jobs/job")
  local jobs = import("jobs/list")
  local messages = import("messages")
  local on_exit = import("on_exit")
  local settings = import("settings")
  local M = {}

  local SECTION, KEY, SHOW, OPEN = "AceBridge", "watcher", "show", "panel"
  local LOOK_S, ALIVE_S, RENDERS_S = 0.05, 3, 600
  local BACKGROUND, PANEL = "AceBridge_Job list (background).lua", "AceBridge_Panel.lua"
  local HALF = "The script that placed a result was ended while REAPER recorded: a part of the result is not in the project."
  local UNDO_IT = "Undo what is there of it, then run the action again."
  local FOLDER = select(2, reaper.get_action_context()):match("^(.*)[/\\]")

  local function claim(token)
    reaper.SetExtState(SECTION, KEY, ("%s %.3f"):format(token, reaper.time_precise()), false)
  end

  --- Who watches, and for how long nothing was heard of them; nil: nobody.
  local function watcher()
    local who, when = reaper.GetExtState(SECTION, KEY):match("^(%S+) (%S+)$")
    return who, who and math.abs(reaper.time_precise() - tonumber(when))
  end

  --- Whether another script of this REAPER watches already.
  function M.is_watched_elsewhere(token)
    local who, silent_s = watcher()
    return who ~= nil and who ~= token and silent_s < ALIVE_S
  end

  --- Whether a panel is open in this REAPER: it is also while REAPER renders, and runs no script.
  function M.has_panel()
    local who, silent_s = watcher()
    return who ~= nil and who == reaper.GetExtState(SECTION, OPEN) and silent_s < RENDERS_S
  end

  --- Run a script of ours as an action of its own; false where it is not installed.
  local function launch(name)
    local number = FOLDER and reaper.AddRemoveReaScript(true, 0, files.join(FOLDER, name), true) or 0
    if number == 0 then return false end
    reaper.Main_OnCommand(number, 0)
    return true
  end

  --- Show the jobs: in the panel that is open, else in a new one; false where none is installed.
  function M.show()
    if M.has_panel() then
      reaper.SetExtState(SECTION, SHOW, "1", false)
      return true
    end
    return launch(PANEL)
  end

  --- Have somebody watch: an action of its own, so that no action that sends a job goes on running.
  function M.start(guard)
    local token = reaper.genGuid("")
    if M.is_watched_elsewhere(token) or M.has_panel() then return end
    if settings.get("window") == "yes" and launch(PANEL) or launch(BACKGROUND) then return end
    M.run(guard, token) -- it is not installed: this script does it
  end

  --- Say something, and what to do about it; during a recording somebody watches until it has ended.
  function M.say(message, remedy)
    if not messages.say(message, remedy) then M.start(function(step) return step end) end
  end

  --- Whether there is something to follow: a job of this REAPER that runs, or a message that is held back.
  function M.is_needed()
    if messages.find_held() then return true end
    for _, id in ipairs(job.open()) do
      if job.is_ours(id) then return true end
    end
    return false
  end

  --- Have a script without a window watch, if it is needed and nobody does.
  function M.start_in_background(guard)
    local token = reaper.genGuid("")
    if M.is_watched_elsewhere(token) or not M.is_needed() then return end
    if not launch(BACKGROUND) then M.run(guard, token) end
  end

  --- Watch until nothing runs any more and the view is closed. `view`: shows the jobs: { tick(follower, asked), close() }, where
  -- `asked` is true when somebody wants to see the jobs, and `tick` returns false when it was closed. `waits`: somebody waits
  -- for what is found, also for jobs of an earlier REAPER.
  function M.run(guard, token, view, waits)
    local looked, running = -math.huge, 1
    local look_on -- a look under way: placing into a large project takes several ticks
    local follower = jobs.follow({
      say = M.say, shown = function() return view ~= nil end, others = inbox.entries,
      asked = function(id) return waits or job.is_ours(id) end,
    })
    claim(token)
    if view then reaper.SetExtState(SECTION, OPEN, token, false) end
    local function close_view()
      if not view then return end
      view.close()
      view = nil
      if reaper.GetExtState(SECTION, OPEN) == token then reaper.DeleteExtState(SECTION, OPEN, false) end
    end
    --- Do the rest of what is placed in several steps and has begun, all at once: half of it is of no use to anybody.
    local function finish_what_has_begun()
      while look_on and (follower.has_begun() or inbox.has_begun()) and not messages.is_recording() do
        if look_on() then look_on = nil end
      end
      if look_on and (follower.has_begun() or inbox.has_begun()) then messages.hold(HALF, UNDO_IT) end
    end

    on_exit.add(function()
      finish_what_has_begun()
      if not M.is_watched_elsewhere(token) then reaper.DeleteExtState(SECTION, KEY, false) end
      if not M.is_watched_elsewhere(token) then inbox.leave() end
      follower.stop()
      close_view()
    end)

    --- Whether the panel asked for by another script is to be shown.
    local function is_asked()
      if not reaper.HasExtState(SECTION, SHOW) then return false end
      reaper.DeleteExtState(SECTION, SHOW, false)
      return true
    end

    --- Leave jobs that run to a script without a view; returns whether this one goes on, because there is none.
    local function hand_over()
      if running == 0 then return false end
      reaper.DeleteExtState(SECTION, KEY, false)
      if launch(BACKGROUND) then return false end
      claim(token)
      return true
    end

    local function look(now)
      return follower.look(now) + inbox.look(now) + (messages.release() and 1 or 0)
    end

    local was_closed = false -- the view

    local function begin_to_look(now)
      looked = now
      return budget.start(function() return look(now) end)
    end

    --- Whether nobody else watches: we may have been away for long, or a panel has taken over. Then it does the rest, too.
    local function is_ours_still()
      if not M.is_watched_elsewhere(token) then return true end
      finish_what_has_begun()
      looked, look_on, running = reaper.time_precise(), nil, 0
      follower.stop()
      return false
    end

    job.clean_sometimes()
    local function tick()
      local now = reaper.time_precise()
      if (look_on or now - looked >= LOOK_S) and not is_ours_still() then
        if not view then return end
      elseif look_on or now - looked >= LOOK_S then
        claim(token)
        look_on = look_on or begin_to_look(now)
        local ended, count = look_on()
        if ended then look_on, running = nil, count end
      end
      if view and view.tick(follower, is_asked()) == false then
        close_view()
        was_closed = true
      end
      if was_closed and not look_on then
        if not hand_over() then return end
        was_closed = false
      end
      if look_on or running > 0 or view then reaper.defer(guard(tick)) end
    end
    tick()
  end

  return M
end
