-- Files and folders, without a shell: what Lua's io and REAPER's API offer, with reasons that a person can read.

return function()
  local M = {}

  local WINDOWS = reaper.GetOS():match("^Win") ~= nil
  local SEPARATOR = WINDOWS and "\\" or "/"
  local RESTRICTED = "REAPER runs this script without access to files; run it with full permissions."

  M.windows, M.separator = WINDOWS, SEPARATOR

  --- Parts of a path with one separator between them.
  function M.join(first, ...)
    local path = first
    for _, part in ipairs({ ... }) do
      if path ~= "" and not path:find(WINDOWS and "[/\\]$" or "/$") then path = path .. SEPARATOR end
      path = path .. part
    end
    return path
  end

  --- The whole file, or nil and a reason.
  function M.read(path)
    if not io then return nil, RESTRICTED end
    local file, why = io.open(path, "rb")
    if not file then return nil, why end
    local text
    text, why = file:read("a") -- nil for a folder, which some systems open
    file:close()
    if not text then return nil, why end
    return text
  end

  --- The first bytes of a file, at most `count`; nil and a reason where it cannot be read.
  function M.read_head(path, count)
    if not io then return nil, RESTRICTED end
    local file, why = io.open(path, "rb")
    if not file then return nil, why end
    local head
    head, why = file:read(count)
    file:close()
    return head, why
  end

  --- The text of UTF-16 in UTF-8; `unit` is how string.unpack reads two bytes of it.
  local function from_utf16(bytes, unit)
    local codes, at = {}, 1
    while at + 1 <= #bytes do
      local code = string.unpack(unit, bytes, at)
      at = at + 2
      if code >= 0xD800 and code < 0xDC00 and at + 1 <= #bytes then
        code, at = 0x10000 + ((code - 0xD800) << 10) + (string.unpack(unit, bytes, at) - 0xDC00), at + 2
      end
      codes[#codes + 1] = utf8.char(math.max(0, code))
    end
    return table.concat(codes)
  end

  --- The whole text of a file in UTF-8 or, by its mark, UTF-16; nil and a reason for anything else.
  function M.read_text(path)
    local bytes, why = M.read(path)
    if not bytes then return nil, why end
    local text = bytes:gsub("^\xEF\xBB\xBF", "")
    if bytes:find("^\xFF\xFE") then text = from_utf16(bytes:sub(3), "<I2") end
    if bytes:find("^\xFE\xFF") then text = from_utf16(bytes:sub(3), ">I2") end
    if utf8.len(text) and not text:find("\0", 1, true) then return text end
    return nil, "The file is no text in UTF-8 or UTF-16."
  end

  -- A full disk may show only when the buffer goes out, so closing counts as writing.
  local function put(path, text)
    local file, why = io.open(path, "wb")
    if not file then return nil, why end
    local ok
    ok, why = file:write(text)
    local closed, late = file:close()
    if not ok then return nil, why end
    if not closed then return nil, late end
    return true
  end

  --- Replace the file as a whole: a reader sees the old text or the new one, except where the system cannot rename onto a
  -- file (Windows). What was there stays when the new text cannot be written.
  function M.write(path, text)
    if not io or not os then return nil, RESTRICTED end
    local part = path .. ".part"
    local ok, why = put(part, text)
    if not ok then
      os.remove(part)
      return nil, why
    end
    if os.rename(part, path) then return true end
    ok, why = put(path, text)
    os.remove(part)
    if not ok then return nil, why end
    return true
  end

  --- Is there such a file? (A folder is none.)
  function M.exists(path) return reaper.file_exists(path) end

  --- Remove a file, or an empty folder where the system's Lua can; true, or nil and a reason.
  function M.remove(path)
    if not os then return nil, RESTRICTED end
    local ok, why = os.remove(path)
    if not ok then return nil, why end
    return true
  end

  --- Make an empty file, or leave the one that is there.
  function M.touch(path)
    if not io then return nil, RESTRICTED end
    local file, why = io.open(path, "ab")
    if not file then return nil, why end
    file:close()
    return true
  end

  --- Make a folder and those above it; true as well when it was there.
  function M.make_folder(path)
    if reaper.RecursiveCreateDirectory(path, 0) > 0 then return true end
    local probe = M.join(path, ".acebridge") -- 0 may mean that it was there: the proof is to write into it
    local ok, why = M.touch(probe)
    if not ok then return nil, ('The folder "%s" cannot be made or written to: %s'):format(path, why) end
    M.remove(probe)
    return true
  end

  local function list_entries(enumerate, path)
    local found = {}
    enumerate(path, -1) -- REAPER would answer from its cache
    while true do
      local name = enumerate(path, #found)
      if not name then return found end
      found[#found + 1] = name
    end
  end

  --- Names of the folders in a folder; empty when there is none.
  function M.folders(path) return list_entries(reaper.EnumerateSubdirectories, path) end

  --- Names of the files in a folder; empty when there is none.
  function M.names(path) return list_entries(reaper.EnumerateFiles, path) end

  --- The file: URL of an absolute path (RFC 8089): plain ASCII without quotes or spaces, whatever the path holds.
  function M.url(path)
    if WINDOWS then path = path:gsub("\\", "/") end
    local drive, rest = "", path
    if WINDOWS and path:find("^%a:") then drive, rest = "/" .. path:sub(1, 2), path:sub(3) end
    local host = WINDOWS and rest:find("^//") ~= nil
    rest = rest:gsub("[^%w%-%._~/]", function(char) return ("%%%02X"):format(char:byte()) end)
    return (host and "file:" or "file://") .. drive .. rest
  end

  return M
end
