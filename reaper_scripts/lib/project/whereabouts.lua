-- Where the music that a job was sent for is now: musicians trim, move, split, glue and undo while it runs.
--
-- A note says what an item and its take were when they were sent. Times inside of an item count from its start as it was
-- then, in seconds of the project.

return function(import)
  local budget = import("budget")
  local guid = import("project/guid")
  local tracks_of = import("project/tracks")
  local M = {}

  M.GAINS = { "D_VOL", "D_PAN", "D_PANLAW" } -- of a take: its file does not hold them
  local SAME_S = 1e-6 -- less than a sample: what rounding makes of a time

  local function value(item, key) return reaper.GetMediaItemInfo_Value(item, key) end
  local function take_value(take, key) return reaper.GetMediaItemTakeInfo_Value(take, key) end

  --- How a take plays its file, but for where it begins.
  local function manner(take)
    local source = reaper.GetMediaItemTake_Source(take)
    return {
      file = source and reaper.GetMediaSourceFileName(source) or "", rate = take_value(take, "D_PLAYRATE"),
      pitch = take_value(take, "D_PITCH"), channels = take_value(take, "I_CHANMODE"),
      markers = reaper.GetTakeNumStretchMarkers(take),
    }
  end

  --- What to remember of an item and one of its takes.
  function M.note(item, take)
    local sent = manner(take)
    sent.item, sent.take = guid.of_item(item), guid.of_take(take)
    sent.track = guid.of_track(reaper.GetMediaItem_Track(item))
    sent.position, sent.length = value(item, "D_POSITION"), value(item, "D_LENGTH")
    sent.offset = take_value(take, "D_STARTOFFS")
    sent.gains = { item = value(item, "D_VOL") }
    for _, key in ipairs(M.GAINS) do sent.gains[key] = take_value(take, key) end
    return sent
  end

  --- How much later in the music a take begins than the one that was sent; nil when it plays in another way.
  local function shift_of(take, sent)
    local now = manner(take)
    for key, was in pairs(now) do
      if was ~= sent[key] then return nil end
    end
    return (take_value(take, "D_STARTOFFS") - sent.offset) / sent.rate
  end

  local function piece_of(item, take, sent)
    local shift = take and shift_of(take, sent)
    if not shift then return nil end
    local position, length = value(item, "D_POSITION"), value(item, "D_LENGTH")
    if shift < -SAME_S or shift + length > sent.length + SAME_S then return nil end -- it plays more than was sent
    return { item = item, take = take, shift = shift, length = length, origin = position - shift }
  end

  --- A take of an item that plays a part of what was sent, from the same start in the project.
  local function split_off(item, sent, origin)
    for i = 0, reaper.CountTakes(item) - 1 do
      local take = reaper.GetTake(item, i)
      local piece = take and piece_of(item, take, sent)
      budget.spend(11)
      if piece and math.abs(piece.origin - origin) < SAME_S then return piece end
    end
  end

  --- Whether a piece is still what it was when it was found.
  function M.is_same(project, piece, sent)
    if not reaper.ValidatePtr2(project, piece.item, "MediaItem*") or not reaper.ValidatePtr2(project, piece.take, "MediaItem_Take*") then
      return false
    end
    local now = reaper.GetMediaItemTake_Item(piece.take) == piece.item and piece_of(piece.item, piece.take, sent)
    return now and math.abs(now.shift - piece.shift) < SAME_S and math.abs(now.length - piece.length) < SAME_S
      and math.abs(now.origin - piece.origin) < SAME_S
  end

  --- Where each item of a track lies: { {item, start, stop} … }, looked up once while the project is observed.
  local function spans(track)
    local memory = budget.memory() or {}
    memory.spans = memory.spans or {}
    if memory.spans[track] then return memory.spans[track] end
    local found = {}
    for i, item in ipairs(tracks_of.items(track, true)) do
      local start = value(item, "D_POSITION")
      found[i] = { item = item, start = start, stop = start + value(item, "D_LENGTH") }
      budget.spend(2)
    end
    memory.spans[track] = found
    return found
  end

  --- Whether an item lies where what was sent has gone, so that it may be a part of that.
  local function lies_in(span, sent, origin)
    return span.start > origin - 2 * SAME_S and span.stop < origin + sent.length + 2 * SAME_S
  end

  local function covers(span, sent)
    return span.start < sent.position + sent.length - SAME_S and span.stop > sent.position + SAME_S
  end

  --- The items that play what was sent now: { {item, take, shift, length, origin} … } and the track they are on. Without any:
  -- nil, the track, and whether there is something else in its place (it was edited, and not just removed).
  function M.find(project, sent)
    local take = reaper.GetMediaItemTakeByGUID(project, sent.take)
    local own = guid.finder(project)(sent)
    local track = own and reaper.GetMediaItem_Track(own) or guid.track(project, sent.track)
    if not track then return nil, nil, false end
    local first = take and piece_of(own, take, sent)
    local pieces, something = { first }, own ~= nil
    local origin = first and first.origin or sent.position
    for _, span in ipairs(spans(track)) do
      local piece = span.item ~= own and lies_in(span, sent, origin) and split_off(span.item, sent, origin)
      if piece then pieces[#pieces + 1] = piece end
      something = something or covers(span, sent)
    end
    if #pieces == 0 then return nil, track, something end
    return pieces, track, true
  end

  --- Those pieces that a result fits. `needs`: { left, right } edges that have to be where they were, changed = { start, stop }
  -- of which a part has to be left.
  function M.fitting(pieces, sent, needs)
    local found = {}
    for _, piece in ipairs(pieces) do
      local stop = piece.shift + piece.length
      local left = not needs.left or math.abs(piece.shift) < SAME_S
      local right = not needs.right or math.abs(stop - sent.length) < SAME_S
      local changed = not needs.changed or piece.shift < needs.changed.stop and stop > needs.changed.start
      if left and right and changed then found[#found + 1] = piece end
    end
    return found
  end

  --- What to remember of the items that new tracks are made from.
  function M.note_all(items)
    local notes = {}
    for _, item in ipairs(items) do
      local take = reaper.GetActiveTake(item)
      if take then
        budget.spend(7)
        notes[#notes + 1] = {
          item = guid.of_item(item), take = guid.of_take(take), rate = take_value(take, "D_PLAYRATE"),
          origin = value(item, "D_POSITION") - take_value(take, "D_STARTOFFS") / take_value(take, "D_PLAYRATE"),
        }
      end
    end
    return notes
  end

  --- By how many seconds all of these items have moved since; 0 and true when they did not move together.
  function M.shift(project, notes)
    if not notes or #notes == 0 then return 0, false end
    local find, shift = guid.finder(project), nil
    for _, note in ipairs(notes) do
      local item = find(note)
      budget.spend(4)
      local take = item and reaper.GetActiveTake(item)
      if take then
        local rate = take_value(take, "D_PLAYRATE")
        local by = value(item, "D_POSITION") - take_value(take, "D_STARTOFFS") / rate - note.origin
        if math.abs(by) < SAME_S then by = 0 end
        if rate ~= note.rate or shift and math.abs(by - shift) > SAME_S then return 0, true end
        shift = shift or by
      end
    end
    return shift or 0, false
  end

  return M
end
