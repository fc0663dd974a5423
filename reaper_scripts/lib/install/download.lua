-- Downloads a file with curl, goes on where an earlier attempt ended, and takes it only when its SHA-256 is the one expected.

return function(import)
  local files = import("shared/files")
  local runners = import("install/runner")
  local sessions = import("install/session")
  local M = {}

  local PART = ".part"
  local system, fail = runners.system, sessions.fail

  local NETWORK = "The download did not get through: %s."
  local CONNECT = "Check the connection to the internet, then run the action again: it goes on where it ended."
  local NO_RANGE = 33 -- the server cannot go on in the middle of a file
  local HTTP_ERROR, NOT_WRITTEN = 22, 23
  --- What curl's exit codes say (its manual, "EXIT CODES"); others speak for themselves.
  local NETWORK_FAULTS = {
    [5] = "the proxy was not found", [6] = "the server was not found", [7] = "the server does not answer", [18] = "it broke off",
    [28] = "it stood still for too long", [35] = "there is no safe connection", [52] = "the server sent nothing",
    [55] = "it broke off", [56] = "it broke off", [60] = "the certificate of the server is not trusted",
  }

  --- The size in bytes of a file, also of one that a program writes; 0 when there is none.
  local function size_of(path)
    local file = io.open(path, "rb")
    if not file then return 0 end
    local size = file:seek("end")
    file:close()
    return size or 0
  end

  local function megabytes(bytes) return ("%.1f MB"):format(bytes / 1e6) end

  --- Whether a file in the session's folder has a SHA-256.
  local function has_hash(run, folder, name, sha256, fraction)
    local words = system.hash(name)
    local code, out = run(words, sessions.steady(fraction, "checking " .. name))
    for word in out:lower():gmatch("%f[%w]%x+%f[%W]") do
      if #word == 64 then return word == sha256 end
    end
    return sessions.fail_in(folder, ("%s cannot be checked: %s ended with %d."):format(name, words[1], code), "Install AceBridge by hand as docs/install.md says.")
  end

  --- Have curl write to `part`; true, or false when what is there of it cannot be gone on from.
  local function curl(run, wanted, part, is_resumed, progress)
    local words = {
      system.curl, "--fail", "--location", "--silent", "--show-error", "--retry", "2", "--connect-timeout", "30",
      "--speed-limit", "100", "--speed-time", "60", "--output", part,
    }
    if is_resumed then words[#words + 1], words[#words + 2] = "--continue-at", "-" end
    words[#words + 1] = wanted.url
    local code, _, err = run(words, progress)
    if code == 0 then return true end
    if code == NO_RANGE or (code == HTTP_ERROR and is_resumed) then return false end
    if code == runners.NOT_FOUND then
      fail("The program curl, which downloads, is not installed.", "Install curl with the package manager of your system, then run the action again.")
    end
    if code == NOT_WRITTEN then fail(sessions.FULL, sessions.FREE) end
    local said = sessions.last_line(err):gsub("^curl: %(%d+%) ", "")
    if code == HTTP_ERROR then
      fail(("The server does not have %s: %s."):format(wanted.url, said), "Update the scripts, or run the action again later.")
    end
    return fail(NETWORK:format(NETWORK_FAULTS[code] or said ~= "" and said or "curl ended with " .. code), CONNECT)
  end

  --- Bring a file of the release, { url, sha256, size }, into the session's folder as `name`. The bar goes from one fraction
  --- to another; `title` is what is downloaded.
  function M.bring(run, session, wanted, name, title, from, to)
    local folder = session.runner.folder
    local path, part = files.join(folder, name), files.join(folder, name .. PART)
    if files.exists(path) and has_hash(run, folder, name, wanted.sha256, from) then return end
    files.remove(path)
    local whole = wanted.size and " of " .. megabytes(wanted.size) or ""
    local function progress()
      local size = size_of(part)
      local share = wanted.size and math.min(1, size / wanted.size) or 0
      return from + (to - from) * share, ("downloading %s, %s%s"):format(title, megabytes(size), whole)
    end
    while true do
      local size = size_of(part)
      local is_resumed = size > 0
      local is_there = size == wanted.size or curl(run, wanted, name .. PART, is_resumed, progress)
      if is_there and has_hash(run, folder, name .. PART, wanted.sha256, to) then
        local ok, why = os.rename(part, path)
        if not ok then fail(("%s cannot be renamed: %s."):format(part, why)) end
        return
      end
      files.remove(part)
      if not is_resumed then -- else once more, from the start
        fail(("What came from %s is not the file that these scripts expect."):format(wanted.url),
          "Run the action again. If that does not help, update the scripts: the file may have been replaced by a newer one.")
      end
    end
  end

  return M
end
