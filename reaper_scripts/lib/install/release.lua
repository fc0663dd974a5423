-- What "Install now" downloads, as release.json beside this file says; `make release-file` writes that.

return function(import)
  local files = import("shared/files")
  local json = import("shared/json")
  local version = import("shared/version")
  local M = {}

  local FOLDER = select(2, reaper.get_action_context()):match("^(.*)[/\\]") or ""
  local DEFAULT_PYTHON = "3.12"

  --- The system and CPU that REAPER is built for, as the keys of `uv` in release.json name them.
  function M.platform()
    local system = reaper.GetOS()
    if system:find("^Win") then return system == "Win32" and "windows-i686" or "windows-x86_64" end
    if system == "macOS-arm64" then return "macos-aarch64" end
    if system:find("^OSX") or system:find("^macOS") then return "macos-x86_64" end
    local cpu = reaper.GetAppVersion():match("linux%-(.+)$") or "x86_64"
    return "linux-" .. cpu
  end

  local function download(value)
    if type(value) ~= "table" or type(value.url) ~= "string" or type(value.sha256) ~= "string" then return nil end
    if not value.url:find("^https?://[!-~]+$") or not value.sha256:find("^%x+$") or #value.sha256 ~= 64 then return nil end
    return { url = value.url, sha256 = value.sha256:lower(), size = tonumber(value.size), name = value.url:match("[^/]+$") }
  end

  --- What the text of release.json names: { python, wheel, uv }; `wheel` and `uv` are { url, sha256, size, name }, or nil
  --- where there is none for these scripts and this system.
  function M.parse(text)
    local content = json.decode(text)
    if type(content) ~= "table" then content = {} end
    local found = { python = type(content.python) == "string" and content.python or DEFAULT_PYTHON }
    if content.version ~= version.SCRIPTS then return found end
    found.wheel = download(content.wheel)
    found.uv = type(content.uv) == "table" and download(content.uv[M.platform()]) or nil
    return found
  end

  function M.read() return M.parse(files.read(files.join(FOLDER, "lib", "install", "release.json")) or "{}") end

  return M
end
