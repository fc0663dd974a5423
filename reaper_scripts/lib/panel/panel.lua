-- The panel: one dockable window to say what is wanted, and to see what becomes of it. The script that shows it follows the
-- jobs; see `watch`.

return function(import)
  local form = import("panel/form")
  local on_exit = import("on_exit")
  local rows = import("panel/rows")
  local ui = import("ui/widgets")
  local watch = import("jobs/watch")
  local M = {}

  local TITLE = "AceBridge"
  local END_ON_RELAUNCH, START_AGAIN, TOGGLE_ON, TOGGLE_OFF = 1, 2, 4, 8 -- set_action_options
  local SECTION, ENDED, TOGGLE_S = "AceBridge", "panel_ended", 1

  --- The seeds of jobs that have ended since the last tick, told to `note`.
  local function seeds_of(note)
    local told = {}
    return function(follower)
      for _, row in ipairs(follower.rows()) do
        local entry = row.ended and not told[row.id] and follower.entry(row.id)
        if entry then
          told[row.id] = true
          if entry.seeds and entry.seeds[1] then note(entry.seeds[1]) end
        end
      end
    end
  end

  --- The panel as a view of `watch`.
  local function view(action)
    local self = {}
    local upper, lower = form.new(action), rows.new(action)
    local tell_seeds = seeds_of(upper.note_seed)
    ui.open(TITLE)

    function self.tick(follower)
      tell_seeds(follower)
      if not ui.begin() then return false end
      upper.draw(ui, reaper.time_precise(), lower.state(follower), follower.search)
      ui.gap()
      lower.draw(ui, follower)
      ui.finish()
    end

    function self.close()
      upper.keep()
      lower.stop()
      ui.close()
    end

    return self
  end

  --- Show the panel in this script, until it is closed.
  function M.run(action, guard) watch.run(guard, reaper.genGuid(""), view(action), true) end

  --- Open the panel; or, when running the action again has just ended the copy that showed it, leave it closed.
  function M.toggle(action, guard)
    local ended = tonumber(reaper.GetExtState(SECTION, ENDED))
    reaper.DeleteExtState(SECTION, ENDED, false)
    if ended and math.abs(reaper.time_precise() - ended) < TOGGLE_S then return watch.start_in_background(guard) end
    if reaper.set_action_options then reaper.set_action_options(END_ON_RELAUNCH | START_AGAIN | TOGGLE_ON) end
    M.run(action, guard)
    on_exit.add(function() -- before the panel closes
      if watch.has_panel() then reaper.SetExtState(SECTION, ENDED, tostring(reaper.time_precise()), false) end
      if reaper.set_action_options then reaper.set_action_options(TOGGLE_OFF) end
    end)
  end

  return M
end
