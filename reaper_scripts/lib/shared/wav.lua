-- Writes float32 WAV files, piece by piece: what REAPER's accessors give goes to disk without a change.

return function()
  local M = {}

  local HEADER = "<c4I4c4" .. "c4I4I2I2I4I4I2I2I2" .. "c4I4I4" .. "c4I4" -- RIFF, fmt, fact, data
  local HEADER_BYTES = string.packsize(HEADER)
  local IEEE_FLOAT, BYTES = 3, 4
  local MOST_BYTES = 0xFFFFFFFF - HEADER_BYTES
  local SLICE = 1024 -- values that are packed by one call: many, but far from Lua's limit for arguments
  local BUFFER = 65536

  local formats = {}
  for i = 1, SLICE do formats[i] = false end

  local function format(count)
    local known = formats[count]
    if not known then
      known = "<" .. ("f"):rep(count)
      formats[count] = known
    end
    return known
  end

  local function header(rate, channels, values)
    local bytes = values * BYTES
    return string.pack(HEADER, "RIFF", HEADER_BYTES - 8 + bytes, "WAVE",
      "fmt ", 18, IEEE_FLOAT, channels, rate, rate * channels * BYTES, channels * BYTES, 8 * BYTES, 0,
      "fact", 4, values // channels, "data", bytes)
  end

  local Writer = {}
  Writer.__index = Writer

  local function fail(writer, why)
    writer.why = writer.why or ('"%s" cannot be written: %s'):format(writer.path, why or "unknown reason")
    return nil, writer.why
  end

  --- Append `count` values of an interleaved table; true, or nil and a reason (then no more is written).
  function Writer:add(values, count)
    if self.why then return nil, self.why end
    if not self.file then return fail(self, "it is closed") end
    if (self.values + count) * BYTES > MOST_BYTES then return fail(self, "a WAV file holds at most 4 GiB") end
    local file, pack, unpack = self.file, string.pack, table.unpack
    for from = 1, count, SLICE do
      local to = math.min(from + SLICE - 1, count)
      local ok, why = file:write(pack(format(to - from + 1), unpack(values, from, to)))
      if not ok then return fail(self, why) end
    end
    self.values = self.values + count
    return true
  end

  --- Write the sizes and close; the number of frames, or nil and a reason. A second call says the same.
  function Writer:close()
    local file = self.file
    if file then
      self.file = nil
      local ok, why = file:seek("set", 0)
      if ok then ok, why = file:write(header(self.rate, self.channels, self.values)) end
      local closed, late = file:close() -- a full disk may show only now
      if not ok then fail(self, why) elseif not closed then fail(self, late) end
    end
    if self.why then return nil, self.why end
    return self.values // self.channels
  end

  --- Open a WAV file at its samples: the file, its frames and their bytes; nil and a reason.
  local function open(path)
    local file, why = io.open(path, "rb")
    if not file then return nil, why end
    local head = file:read(12) or ""
    local frame_bytes
    while head:find("^RIFF") or head:find("^RF64") do
      local chunk = file:read(8)
      if not chunk or #chunk < 8 then break end
      local kind, bytes = string.unpack("<c4I4", chunk)
      if kind == "fmt " then
        local format = file:read(14) or ""
        if #format < 14 then break end
        frame_bytes = string.unpack("<I2", format, 13)
        bytes = bytes - 14
      elseif kind == "data" and frame_bytes and frame_bytes > 0 then
        return file, bytes // frame_bytes, bytes
      end
      file:seek("cur", bytes + bytes % 2)
    end
    file:close()
    return nil, ('"%s" is no WAV file.'):format(path)
  end

  --- The frames of a WAV file, from its header; nil and a reason.
  function M.frames(path)
    local file, frames = open(path)
    if not file then return nil, frames end
    file:close()
    return frames
  end

  --- Whether all samples of a WAV file are zero: every byte of a zero is 0, in numbers of all kinds.
  function M.is_silent(path)
    local file, _, left = open(path)
    if not file then return false end
    local silent = true
    while silent and left > 0 do
      local block = file:read(math.min(left, BUFFER))
      if not block then break end
      silent, left = not block:find("[^\0]"), left - #block
    end
    file:close()
    return silent
  end

  --- Begin a file; a writer, or nil and a reason.
  function M.create(path, rate, channels)
    if not io then return nil, "REAPER runs this script without access to files; run it with full permissions." end
    local writer = setmetatable({ path = path, rate = math.floor(rate + 0.5), channels = channels, values = 0 }, Writer)
    local file, why = io.open(path, "wb")
    if not file then return fail(writer, why) end
    file:setvbuf("full", BUFFER)
    writer.file = file
    local ok
    ok, why = file:write(header(writer.rate, channels, 0))
    if ok then return writer end
    file:close()
    return fail(writer, why)
  end

  return M
end
