-- The keyboard belongs to the arrange view: how it goes back there, and what keys do that reached the panel by mistake.

return function()
  local M = {}

  local ARRANGE = 1 -- SetCursorContext
  local PLAY, UNDO, REDO = 40044, 40029, 40030 -- Transport: Play/stop; Edit: Undo; Edit: Redo

  --- Give the keyboard to the arrange view.
  function M.give_back() reaper.SetCursorContext(ARRANGE, nil) end

  --- Do what Space does in REAPER.
  function M.play() reaper.Main_OnCommand(PLAY, 0) end

  --- Do what Ctrl+Z does in REAPER, or with Shift.
  function M.undo(shift) reaper.Main_OnCommand(shift and REDO or UNDO, 0) end

  return M
end
