-- What a person sees of "Install now": the question, the progress in a window, the end.

return function(import)
  local command = import("shared/command")
  local installer = import("install/installer")
  local messages = import("messages")
  local on_exit = import("on_exit")
  local release = import("install/release")
  local ui = import("ui/widgets")
  local version = import("shared/version")
  local M = {}

  local SECTION, KEY, ALIVE_S = "AceBridge", "installing", 3
  local OK_CANCEL, OK = 1, 1 -- MB

  --- Whether another script of this REAPER is at it.
  local function is_busy()
    local when = tonumber(reaper.GetExtState(SECTION, KEY))
    return when ~= nil and math.abs(reaper.time_precise() - when) < ALIVE_S
  end

  --- Show a session in a window until it ends; then `ended` gets it. Closing the window stops nothing.
  local function follow(session, title, guard, ended)
    local is_open = true
    local function close_window()
      if is_open then ui.close() end
      is_open = false
    end
    ui.open("AceBridge")
    on_exit.add(function()
      reaper.DeleteExtState(SECTION, KEY, false)
      session.close()
      close_window()
    end)
    local function draw(now)
      if not ui.begin() then return close_window() end
      ui.title(title)
      ui.progress(now.fraction, "running")
      ui.text(now.text)
      if ui.button("cancel", "Cancel") then session.cancel() end
      ui.finish()
    end
    local tick
    tick = guard(function()
      reaper.SetExtState(SECTION, KEY, ("%.3f"):format(reaper.time_precise()), false)
      local now = session.step()
      if session.state ~= "running" then
        close_window()
        reaper.DeleteExtState(SECTION, KEY, false)
        return ended(session)
      end
      if is_open then draw(now) end
      reaper.defer(tick)
    end)
    tick()
  end

  --- Have the wheel chosen; its path, or nil. A release would say where it is.
  local function choose_wheel()
    local chosen, path = reaper.GetUserFileNameForRead("", ("Choose the wheel: acebridge-%s-….whl"):format(version.SCRIPTS), "whl")
    if not chosen then return nil end
    if installer.is_wheel(path:match("[^/\\]*$")) then return path end
    messages.say(("%s is not the wheel of AceBridge %s."):format(path, version.SCRIPTS),
      ("Its name begins with acebridge-%s- and ends in .whl; docs/install.md says how to build it."):format(version.SCRIPTS))
    return nil
  end

  --- What is to be installed, after asking whether it should; nil: it should not, or cannot be.
  local function ask(reason)
    local wanted = release.read()
    wanted.uv = wanted.uv or { path = installer.find_uv(command.folders()) }
    local place = "Everything goes to the folder AceBridge of REAPER's resource folder; nothing else on this computer changes."
    if not wanted.uv.path and not wanted.uv.url then
      messages.say(reason, ('"Install now" needs the program uv, and these scripts name no download of it for %s. Install uv, then run this again; '
        .. "or install AceBridge as docs/install.md says."):format(release.platform()))
      return nil
    end
    local from = wanted.wheel and "Python and the packages that AceBridge needs are downloaded, and take some 400 MB on the disk."
      or ("These scripts name no download of AceBridge %s, because no release of it has been published: you will be asked for its wheel, "
        .. "a file that docs/install.md says how to build. Python and the packages that it needs are downloaded, and take some 400 MB on the disk."):format(version.SCRIPTS)
    if reaper.MB(("%s\n\nInstall AceBridge %s now?\n\n%s\n\n%s"):format(reason, version.SCRIPTS, from, place), "AceBridge", OK_CANCEL) ~= OK then return nil end
    if not wanted.wheel then
      local path = choose_wheel()
      if not path then return nil end
      wanted.wheel = { path = path }
    end
    return wanted
  end

  --- Offer to install, because of `reason`; `installed` is called when that has worked.
  function M.offer(reason, guard, installed)
    if is_busy() then return messages.say("AceBridge is being installed.", "Wait for the end of it.") end
    local wanted = ask(reason)
    if not wanted then return end
    follow(installer.start(wanted), "Install AceBridge " .. version.SCRIPTS, guard, function(session)
      if session.state == "failed" then return messages.say(session.message, session.remedy) end
      if session.state == "done" then installed() end
    end)
  end

  --- Remove what was installed, after asking.
  function M.uninstall(guard)
    if is_busy() then return messages.say("AceBridge is being installed.", "Wait for the end of it.") end
    if not installer.has_left_parts() then
      return messages.say('Nothing that "Install now" has installed is here.', "Remove a command that you installed in another way as docs/install.md says.")
    end
    local question = "Remove the acebridge command from REAPER's resource folder?\n\nYour songs, settings, models and these scripts stay."
    if reaper.MB(question, "AceBridge", OK_CANCEL) ~= OK then return end
    follow(installer.uninstall(), "Remove AceBridge", guard, function(session)
      if session.state == "failed" then return messages.say(session.message, session.remedy) end
      if session.state == "done" then messages.say("The acebridge command was removed.", "Its data folder stays: docs/install.md says where it is.") end
    end)
  end

  return M
end
