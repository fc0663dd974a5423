-- The lower part of the panel: a row for each job, and what can be done with its result.

return function(import)
  local actions = import("actions")
  local budget = import("budget")
  local command = import("shared/command")
  local fields = import("panel/fields")
  local guid = import("project/guid")
  local job = import("jobs/job")
  local jobs = import("jobs/list")
  local results = import("panel/results")
  local M = {}

  local TONES = { failed = "error", kept = "warning", done = "text", cancelled = "dim" }
  local SEARCH_CALLS = 300 -- of a tick, to look for a result that is not where it was placed
  local TRY_AGAIN, HERE = "Try again", "Place it here"
  local VARY = "vary_take" -- of `actions`

  --- The rows. `action`: what runs tasks. Returns { draw(ui, follower), stop() }.
  function M.new(action)
    local self = {}
    local player = results.player()
    local messages = {} -- id → what hindered a button of its row
    local varying -- what is begun and not sent yet
    local seen = {} -- id → { changes, pieces, is_new }: looked up again when the project has changed
    local sought -- the id of the one that the project is looked through for
    local works = {} -- id → what is begun with a result, over several ticks

    --- Do something with a result, over several ticks where it has to be looked for.
    local function begin(entry, work)
      works[entry.id] = budget.start(work)
      if works[entry.id]() then works[entry.id] = nil end
      seen[entry.id] = nil
    end

    local function go_on_with_results()
      local ids = {}
      for id in pairs(works) do ids[#ids + 1] = id end
      for _, id in ipairs(ids) do
        if works[id] and works[id]() then works[id], seen[id] = nil, nil end
      end
    end

    --- The first piece of a result that is there, without a look at every tick: { piece } or {}. Where none is where it was placed,
    -- the project is looked through, a little in every tick.
    local function pieces_of(entry)
      if not entry.placed or not reaper.ValidatePtr2(0, entry.project, "ReaProject*") then return {}, false end
      local changes = reaper.GetProjectStateChangeCount(entry.project)
      local known = seen[entry.id]
      if not known or known.changes ~= changes then
        local pieces = results.first_piece(entry)
        known = { changes = changes, pieces = pieces, is_new = results.plays_new(pieces) }
        known.is_sought = #pieces == 0
        seen[entry.id] = known
      end
      if known.is_sought and (not sought or sought == entry.id) then
        sought = entry.id
        known.search = known.search or budget.start(function() return results.find_pieces(entry) end, SEARCH_CALLS)
        local ended, pieces = known.search()
        if ended then known.search, known.is_sought, sought = nil, false, nil end
        if pieces and pieces[1] then known.pieces, known.is_new = { pieces[1] }, results.plays_new(pieces) end
      end
      return known.pieces, known
    end

    local function again(follower, id)
      local ok, why, remedy = action.send_again(id)
      if ok then
        if not follower.entry(id).placed then follower.dismiss(id) end -- the new row takes its place
        return follower.search()
      end
      messages[id] = remedy and why .. "\n" .. remedy or why
    end

    --- Make takes that are like the new one of a result, in its place.
    local function vary(entry, piece)
      local project = reaper.EnumProjects(-1)
      if project ~= entry.project then
        messages[entry.id] = "The result is in another project; show that first."
        return
      end
      reaper.SetMediaItemInfo_Value(piece.item, "I_CURTAKE", piece.number)
      reaper.UpdateItemInProject(piece.item)
      messages[entry.id] = nil
      varying = action.begin_to_vary(piece.item, fields.load(VARY, action.last_values(project, VARY)), function(message, remedy)
        messages[entry.id] = remedy and message .. "\n" .. remedy or message
      end)
    end

    local function go_on(follower)
      if not varying or not varying() then return end
      varying = nil
      follower.search()
    end

    local function dismiss(follower, id)
      if player.id() == id then player.stop() end
      messages[id], seen[id], works[id] = nil, nil, nil
      if sought == id then sought = nil end
      follower.dismiss(id)
    end

    -- Buttons of a row that has ended.

    local function draw_placed(ui, follower, entry, is_job)
      local id = entry.id
      local pieces, known = pieces_of(entry)
      local gone = { disabled = #pieces == 0 or works[id] ~= nil }
      if player.id() == id then
        if ui.button("play " .. id, "Stop") then player.stop() end
      elseif ui.button("play " .. id, "Play", gone) then
        begin(entry, function()
          local ok, why = player.play(entry)
          messages[id] = not ok and why or nil
        end)
      end
      ui.same_line()
      if ui.button("compare " .. id, known and #pieces > 0 and not known.is_new and "A/B: before" or "A/B: new", gone) then
        begin(entry, function() results.compare(entry) end)
      end
      ui.same_line()
      if ui.button("keep " .. id, "Keep", gone) then
        begin(entry, function()
          if results.keep(entry) then dismiss(follower, id) end
        end)
      end
      ui.same_line()
      if is_job then
        if ui.button("again " .. id, "Again") then again(follower, id) end
        ui.same_line()
      end
      if actions[VARY] then
        if ui.button("vary " .. id, "Vary", { disabled = #pieces == 0 or varying ~= nil }) then vary(entry, pieces[1]) end
        ui.same_line()
      end
      if ui.button("reveal " .. id, "Reveal", gone) then begin(entry, function() results.reveal(entry) end) end
      ui.same_line()
      if ui.button("folder " .. id, "Folder", gone) then begin(entry, function() results.open_folder(entry) end) end
      ui.same_line()
    end

    local function draw_ended(ui, follower, row, entry)
      if entry.placed then
        draw_placed(ui, follower, entry, row.is_job)
      elseif row.state == "kept" then
        if ui.button("retry " .. row.id, TRY_AGAIN) then follower.retry(row.id) end
        ui.same_line()
        if jobs.may_move(entry.request) and not guid.project(entry.request.place.project) then
          if ui.button("here " .. row.id, HERE) then follower.retry(row.id, true) end
          ui.same_line()
        end
      elseif row.is_job and (row.state == "failed" or row.state == "cancelled") then
        if row.log and ui.button("log " .. row.id, "Log") then command.open(job.log(row.id)) end
        if row.log then ui.same_line() end
        if ui.button("again " .. row.id, TRY_AGAIN) then again(follower, row.id) end
        ui.same_line()
      end
      if ui.button("dismiss " .. row.id, "Dismiss") then dismiss(follower, row.id) end
    end

    local function has_text(text) return text ~= nil and text ~= "" end

    local function draw_words(ui, row)
      if not row.ended then
        local between = has_text(row.stage) and has_text(row.note) and ", " or ""
        return ui.text(row.stage .. between .. row.note, "dim")
      end
      local first = true
      for line in (has_text(row.note) and row.note or row.state):gmatch("[^\n]+") do
        ui.text(line, first and TONES[row.state] or "dim")
        first = false
      end
      if has_text(row.remedy) then ui.text(row.remedy, "dim") end
    end

    local function draw_row(ui, follower, row)
      ui.card_begin("job " .. row.id)
      ui.title(row.subject and row.title .. ": " .. row.subject or row.title)
      ui.progress(row.ended and 1 or row.fraction, row.ended and row.state or "running")
      draw_words(ui, row)
      if messages[row.id] then ui.text(messages[row.id], "error") end
      if row.ended then
        draw_ended(ui, follower, row, follower.entry(row.id))
      elseif row.is_job ~= false and ui.button("cancel " .. row.id, row.cancelling and "Stopping" or "Cancel", { disabled = row.cancelling }) then
        follower.cancel(row.id)
      end
      ui.card_end()
    end

    --- Draw a row for each job, the newest first.
    function self.draw(ui, follower)
      player.step()
      go_on(follower)
      go_on_with_results()
      for _, row in ipairs(follower.rows()) do draw_row(ui, follower, row) end
    end

    --- What the jobs do, in a line, for who does not see the rows: the newest that runs, else the newest that has ended.
    function self.state(follower)
      local running, newest = 0, nil
      local rows = follower.rows()
      local function note_of(row) return has_text(row.note) and row.note:match("[^\n]+") or nil end
      for _, row in ipairs(rows) do
        local waits = row.state == "failed" or row.state == "kept" -- for the end of a recording
        if not row.ended then running, newest = running + 1, newest or waits and note_of(row) or row.stage end
      end
      if running > 1 then return ("%s (%d jobs)"):format(newest, running) end
      if running == 1 or not rows[1] then return newest end
      return note_of(rows[1]) or rows[1].state
    end

    --- Stop what the panel plays.
    function self.stop() player.stop() end

    return self
  end

  return M
end
