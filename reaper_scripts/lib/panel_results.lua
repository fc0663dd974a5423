-- What can be done with the result of a job once it is placed: hear it, compare it with what was there, keep it, find it.

return function(import)
  local command = import("command")
  local file_passthrough = import("file_passthrough")
  local guid = import("guid")
  local selection = import("selection")
  local tracks_of = import("tracks")
  local undo = import("undo")
  local M = {}

  local PLAYS, RECORDS = 1, 4 -- GetPlayStateEx
  local BACK_S = 0.05 -- a step back of the position that means a jump
  local KEPT = { 0x2F, 0xB3, 0x44 } -- the colour of takes that were kept
  local SCROLL_TO_TRACKS = 40913 -- Track: Vertical scroll selected tracks into view
  local SAME_S = 1e-6

  --- The item that lies beside one, in another lane of its track: by its take, which REAPER finds itself, while that is there.
  local function find_beside(project, item, known)
    local take = reaper.GetMediaItemTakeByGUID(project, known.take)
    if take then return reaper.GetMediaItemTake_Item(take) end
    for _, other in ipairs(tracks_of.items(reaper.GetMediaItem_Track(item), true)) do
      if guid.of_item(other) == known.item then return other end
    end
  end

  --- What of a result is still in its project: { {item, take, number, old, old_number, beside} … }; empty when the project is
  -- closed. `most`: how many are enough; nil: all.
  function M.pieces(entry, most)
    local found = {}
    if not entry.placed or not reaper.ValidatePtr2(0, entry.project, "ReaProject*") then return found end
    for _, placed in ipairs(entry.placed) do
      if #found == most then break end
      local take = reaper.GetMediaItemTakeByGUID(entry.project, placed.take)
      local item = take and reaper.GetMediaItemTake_Item(take)
      if item then
        local piece = { item = item, take = take, number = select(2, guid.take(item, placed.take)) }
        if placed.old then piece.old, piece.old_number = guid.take(item, placed.old) end
        piece.beside = placed.beside and find_beside(entry.project, item, placed.beside)
        found[#found + 1] = piece
      end
    end
    return found
  end

  local function span(pieces)
    local start, stop = math.huge, -math.huge
    for _, piece in ipairs(pieces) do
      local first, last = selection.item_span(piece.item)
      start, stop = math.min(start, first), math.max(stop, last)
    end
    return start, stop
  end

  --- The stretch of a result that is new: of a repaint its region, else all of it.
  local function new_span(entry, pieces)
    local wanted = #pieces == 1 and (entry.request.place.items or {})[1]
    local start, stop = span(pieces)
    if wanted and wanted.changed and wanted.sent then
      local moved = start - wanted.sent.position
      return math.max(start, wanted.sent.position + moved + wanted.changed.start), math.min(stop, wanted.sent.position + moved + wanted.changed.stop)
    end
    return start, stop
  end

  local function choose(item, number)
    reaper.SetMediaItemInfo_Value(item, "I_CURTAKE", number)
    reaper.UpdateItemInProject(item)
  end

  --- Let the new music of a piece play, or what was there: the other take, the other lane, or nothing.
  local function play_new(piece, is_new)
    if piece.old then return choose(piece.item, is_new and piece.number or piece.old_number) end
    if piece.beside then
      local lane = reaper.GetMediaItemInfo_Value(is_new and piece.item or piece.beside, "I_FIXEDLANE")
      return reaper.SetMediaTrackInfo_Value(reaper.GetMediaItem_Track(piece.item), ("C_LANEPLAYS:%d"):format(lane), 1)
    end
    reaper.SetMediaItemInfo_Value(piece.item, "B_MUTE", is_new and 0 or 1)
    reaper.UpdateItemInProject(piece.item)
  end

  --- Whether the new music is what plays.
  function M.plays_new(pieces)
    local piece = pieces[1]
    if not piece then return false end
    if piece.old then return reaper.GetActiveTake(piece.item) == piece.take end
    if piece.beside then return reaper.GetMediaItemInfo_Value(piece.item, "C_LANEPLAYS") > 0 end
    return reaper.GetMediaItemInfo_Value(piece.item, "B_MUTE") == 0
  end

  --- Let what was there play, or the new music again; playback goes on. Without an undo step: it is for listening only.
  function M.compare(entry)
    local pieces = M.pieces(entry)
    local is_new = not M.plays_new(pieces)
    for _, piece in ipairs(pieces) do play_new(piece, is_new) end
    reaper.UpdateArrange()
  end

  --- Let the new music play and colour its takes. Nothing is removed.
  function M.keep(entry)
    local pieces = M.pieces(entry)
    if #pieces == 0 then return end
    undo.step(entry.project, "Keep", function()
      local colour = reaper.ColorToNative(table.unpack(KEPT)) | 0x1000000
      for _, piece in ipairs(pieces) do
        play_new(piece, true)
        reaper.SetMediaItemTakeInfo_Value(piece.take, "I_CUSTOMCOLOR", colour)
      end
    end)
  end

  --- Select the items of a result, and scroll to them.
  function M.reveal(entry)
    local pieces = M.pieces(entry)
    if #pieces == 0 then return end
    if reaper.EnumProjects(-1) ~= entry.project then reaper.SelectProjectInstance(entry.project) end
    reaper.PreventUIRefresh(1)
    reaper.SelectAllMediaItems(entry.project, false)
    for _, piece in ipairs(pieces) do reaper.SetMediaItemSelected(piece.item, true) end
    reaper.SetOnlyTrackSelected(reaper.GetMediaItem_Track(pieces[1].item))
    reaper.PreventUIRefresh(-1)
    local start, stop = span(pieces)
    local left, right = reaper.GetSet_ArrangeView2(entry.project, false, 0, 0, 0, 0)
    if start < left - SAME_S or start > right then
      local wide = math.max(right - left, stop - start)
      left = math.max(0, start - 0.1 * wide)
      reaper.GetSet_ArrangeView2(entry.project, true, 0, 0, left, left + 1.1 * wide)
    end
    reaper.Main_OnCommandEx(SCROLL_TO_TRACKS, 0, entry.project)
    reaper.UpdateArrange()
  end

  --- Open the folder of a result's file.
  function M.open_folder(entry)
    local piece = M.pieces(entry)[1]
    local file = piece and file_passthrough.path_of(piece.take)
    if file then command.open((file:match("^(.*)[/\\]"))) end
  end

  --- Plays results once: { play(entry), stop(), step() }. Time selection and repeat stay as they are; the edit cursor comes back
  -- at the end, unless it was moved meanwhile.
  function M.player()
    local self, playing = {}, nil

    local function put_cursor_back()
      local now = playing
      playing = nil
      if not reaper.ValidatePtr2(0, now.project, "ReaProject*") then return end
      if math.abs(reaper.GetCursorPositionEx(now.project) - now.start) < SAME_S then
        reaper.SetEditCurPos2(now.project, now.cursor, false, false)
      end
    end

    --- The id of the job that is heard, or nil.
    function self.id() return playing and playing.id end

    --- Play a result from its start to its end; nil and a sentence where that is not possible.
    function self.play(entry)
      local pieces = M.pieces(entry)
      if #pieces == 0 then return nil, "The result is no longer in the project." end
      local project = entry.project
      if reaper.GetPlayStateEx(project) & RECORDS ~= 0 then return nil, "REAPER is recording." end
      if playing then put_cursor_back() end
      local start, stop = new_span(entry, pieces)
      playing = { id = entry.id, project = project, start = start, stop = stop, cursor = reaper.GetCursorPositionEx(project), at = start }
      if reaper.GetPlayStateEx(project) & PLAYS ~= 0 then reaper.OnStopButtonEx(project) end
      reaper.SetEditCurPos2(project, start, true, false)
      reaper.OnPlayButtonEx(project)
      return true
    end

    function self.stop()
      if not playing then return end
      reaper.OnStopButtonEx(playing.project)
      put_cursor_back()
    end

    --- Once a tick: stop at the end.
    function self.step()
      if not playing then return end
      if not reaper.ValidatePtr2(0, playing.project, "ReaProject*") or reaper.GetPlayStateEx(playing.project) & PLAYS == 0 then
        return put_cursor_back() -- the musician has stopped it
      end
      local at = reaper.GetPlayPositionEx(playing.project)
      if at >= playing.stop or at < playing.at - BACK_S then return self.stop() end -- or repeat took it to the loop's start
      playing.at = at
    end

    return self
  end

  return M
end
