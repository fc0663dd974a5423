-- Where the music that a job was sent for is now: musicians move, trim, split and undo while it runs.
--
-- A region that plays a file tells by its position and start where the file begins, which trimming and splitting do not
-- change. Where the music seems to be, the samples around the stretch are compared with those that were sent.

return function(import)
  local capture = import("capture")
  local plan_of = import("plan")
  local session = import("session")
  local M = {}

  local WINDOW = 1024 -- frames that are compared
  local HEADER_BYTES, SAMPLE_BYTES = 58, 4 -- of the files that `wav` writes

  --- Some frames of a file that was sent, interleaved.
  local function source_samples(path, first, count, channels)
    local file = io.open(path, "rb")
    if not file then return nil end
    file:seek("set", HEADER_BYTES + first * channels * SAMPLE_BYTES)
    local bytes, found = file:read(count * channels * SAMPLE_BYTES) or "", {}
    file:close()
    for at = 1, #bytes - SAMPLE_BYTES + 1, SAMPLE_BYTES do found[#found + 1] = string.unpack("<f", bytes, at) end
    return found
  end

  --- Whether frames [low, high) of what was sent play now, `shift` later: true, false, or nil when they are silent.
  local function plays(one, item, folder, low, high, shift)
    if high <= low or low + shift < 0 then return nil end
    local sent = source_samples(folder .. "/" .. item.file, low - item.first, high - low, item.channels)
    local now = sent and capture.read(one.track, low + shift, high - low, item.channels) or {}
    local loud = false
    for i, sample in ipairs(sent or {}) do
      if now[i] ~= sample then return false end
      loud = loud or sample ~= 0
    end
    return loud or nil
  end

  --- All shifts that some file of the music has made, none first.
  local function shifts(origins, now)
    local found, seen = {}, {}
    for _, origin in ipairs(origins) do
      for _, place in ipairs(now) do
        local shift = place.origin - origin.origin
        if place.file == origin.file and not seen[shift] then
          found[#found + 1], seen[shift] = shift, true
        end
      end
    end
    table.sort(found, function(a, b) return math.abs(a) < math.abs(b) end)
    return found
  end

  --- Whether around [from, to) with its `margin` the same plays as when it was sent, `shift` later.
  local function fits(one, item, folder, margin, shift)
    local before_end, after = item.from - margin, item.to + margin
    local before = plays(one, item, folder, math.max(item.first, before_end - WINDOW), before_end, shift)
    local behind = plays(one, item, folder, after, math.min(item.first + item.frames, after + WINDOW), shift)
    return before ~= false and behind ~= false
  end

  --- By how many samples the music of a track has moved since it was sent; nil when it was edited so that a result for
  -- [from, to) with its `margin` would not fit any more. Of a region whose file was not sent, only its place counts.
  function M.shift(one, item, folder, margin)
    for _, shift in ipairs(shifts(item.origins, plan_of.origins(one.track, 0, session.EVERYWHERE))) do
      if item.from + shift >= 0 and (not item.file or fits(one, item, folder, margin, shift)) then return shift end
    end
    return nil
  end

  --- By how many samples the music of several tracks has moved together; 0 and true when it did not move as a whole.
  function M.common_shift(origins, find)
    local shift
    for _, origin in ipairs(origins or {}) do
      local one = find(origin.track)
      local moved = one and shifts({ origin }, plan_of.origins(one.track, 0, session.EVERYWHERE))[1]
      if moved then
        if shift and shift ~= moved then return 0, true end
        shift = moved
      end
    end
    return shift or 0, #(origins or {}) > 0 and shift == nil
  end

  return M
end
