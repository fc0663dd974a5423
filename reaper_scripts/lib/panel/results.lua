-- What can be done with the result of a job once it is placed: hear it, compare it with what was there, keep it, find it.

return function(import)
  local budget = import("budget")
  local command = import("shared/command")
  local file_passthrough = import("audio/file_passthrough")
  local guid = import("project/guid")
  local outputs_of = import("place/outputs")
  local selection = import("project/selection")
  local tracks_of = import("project/tracks")
  local undo = import("project/undo")
  local M = {}

  local PLAYS, RECORDS = 1, 4 -- GetPlayStateEx
  local BACK_S = 0.05 -- a step back of the position that means a jump
  local KEPT = { 0x2F, 0xB3, 0x44 } -- the colour of takes that were kept
  local SCROLL_TO_TRACKS = 40913 -- Track: Vertical scroll selected tracks into view
  local SAME_S = 1e-6
  local MOST_ASKED = 100 -- placed takes that are asked for in one tick
  local PLAY_CALLS = 8 -- what it takes to have a piece play something else

  --- The item that lies beside one, in another lane of its track: by its take, which REAPER finds itself, while that is there.
  local function find_beside(project, item, known)
    local take = reaper.GetMediaItemTakeByGUID(project, known.take)
    if take then return reaper.GetMediaItemTake_Item(take) end
    for _, other in ipairs(tracks_of.items(reaper.GetMediaItem_Track(item), true)) do
      if guid.of_item(other) == known.item then return other end
    end
  end

  local function is_open(project) return reaper.ValidatePtr2(0, project, "ReaProject*") end

  --- The first piece of a result that is where it was placed, as a list of one or none: { {item, take, number, old, old_number,
  -- beside} }; none when the project is closed.
  function M.first_piece(entry)
    if not entry.placed or not is_open(entry.project) then return {} end
    for number, placed in ipairs(entry.placed) do
      if number > MOST_ASKED then break end
      local take = reaper.GetMediaItemTakeByGUID(entry.project, placed.take)
      local item = take and reaper.GetMediaItemTake_Item(take)
      if item then
        local piece = { item = item, take = take, number = reaper.GetMediaItemTakeInfo_Value(take, "IP_TAKENUMBER") }
        if placed.old then piece.old, piece.old_number = guid.take(item, placed.old) end
        piece.beside = placed.beside and find_beside(entry.project, item, placed.beside)
        return { piece }
      end
    end
    return {}
  end

  --- The take of an item that a result was placed beside: by its number, or else the first that plays its file.
  local function find_old(item, placed)
    local at = reaper.GetTake(item, math.floor(placed.old_number))
    if at and outputs_of.file_of(at) == placed.old_file then return at, placed.old_number end
    for i = 0, reaper.CountTakes(item) - 1 do
      local take = reaper.GetTake(item, i)
      if take and outputs_of.file_of(take) == placed.old_file then return take, i end
    end
  end

  --- The piece of a result that an item carries, or nil. `by_file`: what was placed, by its files.
  local function piece_of(project, item, by_file)
    for i = 0, reaper.CountTakes(item) - 1 do
      local take = reaper.GetTake(item, i)
      local placed = take and by_file[outputs_of.file_of(take)]
      budget.spend(3)
      if placed then
        local piece = { item = item, take = take, number = i }
        if placed.old then piece.old, piece.old_number = find_old(item, placed) end
        piece.beside = placed.beside and find_beside(project, item, placed.beside)
        return piece
      end
    end
  end

  --- All pieces of a result, on whichever tracks they are: an item that was split or copied has its takes in each part. It looks
  -- through the whole project, over several ticks; what it has found holds until the project changes. nil when that was edited
  -- or closed meanwhile.
  function M.find_pieces(entry)
    local project = entry.project
    if not entry.placed or not is_open(project) then return {} end
    local known = entry.pieces
    if known and known.changes == reaper.GetProjectStateChangeCount(project) then return known.list end
    local by_file = {}
    for _, placed in ipairs(entry.placed) do by_file[placed.file] = placed end
    local found = budget.observe(project, function()
      local list = {}
      for item in guid.each_item(project) do
        budget.spend(2)
        list[#list + 1] = piece_of(project, item, by_file)
      end
      return list
    end, 0, 3)
    entry.pieces = found and { changes = reaper.GetProjectStateChangeCount(project), list = found }
    return found
  end

  --- Note that the project was changed by us, and the pieces of a result are the same.
  local function keep_known(entry)
    if entry.pieces and is_open(entry.project) then entry.pieces.changes = reaper.GetProjectStateChangeCount(entry.project) end
  end

  --- Whether a piece that was found is still there.
  local function is_there(entry, piece)
    return is_open(entry.project) and reaper.ValidatePtr2(entry.project, piece.item, "MediaItem*")
      and reaper.ValidatePtr2(entry.project, piece.take, "MediaItem_Take*")
  end

  --- Where pieces begin and end, all in all.
  local function span(entry, pieces)
    local start, stop = math.huge, -math.huge
    for _, piece in ipairs(pieces) do
      budget.spend(4)
      if is_there(entry, piece) then
        local first, last = selection.item_span(piece.item)
        start, stop = math.min(start, first), math.max(stop, last)
      end
    end
    return start, stop
  end

  --- The stretch of a result that is new: of a repaint its region, else all of it.
  local function new_span(entry, pieces)
    local wanted = #pieces == 1 and (entry.request.place.items or {})[1]
    local start, stop = span(entry, pieces)
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

  --- Let what was there play, or the new music again; playback goes on. Without an undo step: it is for listening only, and may
  -- take several ticks.
  function M.compare(entry)
    local pieces = M.find_pieces(entry) or {}
    local is_new = not M.plays_new(pieces)
    for _, piece in ipairs(pieces) do
      budget.spend(PLAY_CALLS)
      if is_there(entry, piece) then play_new(piece, is_new) end
    end
    reaper.UpdateArrange()
    keep_known(entry)
  end

  --- Let the new music play and colour its takes: one undo step, or several where it has very many pieces. Nothing is removed.
  -- Returns whether there is something to keep.
  function M.keep(entry)
    local pieces = M.find_pieces(entry) or {}
    if #pieces == 0 then return false end
    local colour = reaper.ColorToNative(table.unpack(KEPT)) | 0x1000000
    local units = {}
    for i, piece in ipairs(pieces) do
      units[i] = {
        calls = PLAY_CALLS, is_there = function() return is_there(entry, piece) end,
        change = function()
          play_new(piece, true)
          reaper.SetMediaItemTakeInfo_Value(piece.take, "I_CUSTOMCOLOR", colour)
        end,
      }
    end
    local steps = undo.batches(units)
    undo.reserve(steps)
    if not is_open(entry.project) then return false end
    if entry.pieces.changes ~= reaper.GetProjectStateChangeCount(entry.project) then return M.keep(entry) end -- edited while it waited
    undo.steps(entry.project, "Keep", steps)
    return true
  end

  --- Select the items of a result, and scroll to them.
  function M.reveal(entry)
    local pieces = M.find_pieces(entry) or {}
    if #pieces == 0 then return end
    if reaper.EnumProjects(-1) ~= entry.project then reaper.SelectProjectInstance(entry.project) end
    reaper.SetOnlyTrackSelected(reaper.GetMediaItem_Track(pieces[1].item))
    reaper.SelectAllMediaItems(entry.project, false)
    for _, piece in ipairs(pieces) do
      budget.spend(3)
      if is_there(entry, piece) then reaper.SetMediaItemSelected(piece.item, true) end
    end
    local start, stop = span(entry, pieces)
    if not is_open(entry.project) then return end
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
    local piece = (M.find_pieces(entry) or {})[1]
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
      if not is_open(now.project) then return end
      if math.abs(reaper.GetCursorPositionEx(now.project) - now.start) < SAME_S then
        reaper.SetEditCurPos2(now.project, now.cursor, false, false)
      end
    end

    --- The id of the job that is heard, or nil.
    function self.id() return playing and playing.id end

    --- Play a result from its start to its end; nil and a sentence where that is not possible.
    function self.play(entry)
      local pieces = M.find_pieces(entry) or {}
      if #pieces == 0 then return nil, "The result is no longer in the project." end
      local project = entry.project
      if reaper.GetPlayStateEx(project) & RECORDS ~= 0 then return nil, "REAPER is recording." end
      if playing then put_cursor_back() end
      local start, stop = new_span(entry, pieces)
      if not is_open(project) then return nil, "The result is no longer in the project." end
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
      if not is_open(playing.project) or reaper.GetPlayStateEx(playing.project) & PLAYS == 0 then
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
