-- How scripts start, end and are started again; names of files; who has the keyboard; forms.

return function(kit)
  local NAME = "리퍼 'ü' 🎸"
  local WAIT_S = 1

  local questions = {
    { "functions and Lua of this version", function()
      local version = tonumber(reaper.GetAppVersion():match("^%d+%.?%d*"))
      kit.check("lua_of_this_version", (version >= 7) == (_VERSION == "Lua 5.4"))
      local since = { set_action_options = 7.03, InsertTrackInProject = 7.18, UpdateItemLanes = 7 }
      local holds = true
      for name, first in pairs(since) do holds = holds and reaper.APIExists(name) == (version >= first) end
      kit.check("functions_of_this_version", holds)
    end },
    { "started by another script; atexit", function()
      kit.set("child", "")
      kit.set("exits", "")
      local number, remove = kit.add_script("exits", [[
        local SECTION = "AceBridge self-test"
        reaper.SetExtState(SECTION, "child", "ran", false)
        for _, name in ipairs({ "a", "b" }) do
          reaper.atexit(function() reaper.SetExtState(SECTION, "exits", reaper.GetExtState(SECTION, "exits") .. name, false) end)
        end
      ]])
      reaper.Main_OnCommand(number, 0)
      kit.check("a_started_script_runs_at_once", kit.get("child") == "ran")
      return kit.after(WAIT_S, function()
        local exits = kit.get("exits")
        kit.answer("atexit", (exits == "ab" or exits == "ba") and "all" or exits == "b" and "last" or "exits: " .. exits)
        remove()
      end)
    end },
    { "names of files", function()
      local one, two = kit.folder .. "/" .. NAME, kit.folder .. "/" .. NAME .. " 2"
      local file = io.open(one, "wb")
      kit.check("io_open_takes_utf8", file ~= nil)
      if not file then return end
      file:write("x")
      file:close()
      kit.check("os_rename_takes_utf8", os.rename(one, two) and reaper.file_exists(two) and not reaper.file_exists(one))
      if reaper.GetOS():find("^Win") then return end
      reaper.ExecProcess(('"/bin/cp" "%s" "%s"'):format(two, two .. " copy"), 10000)
      kit.check("exec_process_takes_utf8", reaper.file_exists(two .. " copy"))
    end },
    { "a list of files", function()
      local path = kit.folder .. "/list"
      reaper.RecursiveCreateDirectory(path, 0)
      local function count()
        local found = 0
        reaper.EnumerateFiles(path, -1)
        while reaper.EnumerateFiles(path, found) do found = found + 1 end
        return found
      end
      local before = count()
      assert(io.open(path .. "/a", "wb")):close()
      kit.check("minus_1_lists_files_again", before == 0 and count() == 1)
    end },
    { "programs", function()
      if reaper.GetOS():find("^Win") then return end
      local said = reaper.ExecProcess('/bin/echo "said"', 10000) or ""
      local failed = reaper.ExecProcess(('/bin/cp "%s/nothing" "%s/copy"'):format(kit.folder, kit.folder), 10000) or ""
      local began = reaper.time_precise()
      reaper.ExecProcess("/bin/sleep 1", -2)
      kit.check("exec_process_says_how_it_ended", said:find("^0\r?\nsaid") ~= nil and failed:find("^1\r?\n") ~= nil)
      kit.check("exec_process_need_not_wait", reaper.time_precise() - began < 0.9)
    end },
    { "numbers and the size of a window", function()
      gfx.init("AceBridge self-test", 120, 40)
      kit.check("gfx_counts_in_floats", math.type(gfx.w) == "float" and math.type(gfx.mouse_cap) == "float"
        and math.type(gfx.measurestr("a")) == "float")
      gfx.init("", 200, 60)
      return kit.after(WAIT_S, function()
        gfx.update()
        kit.check("an_empty_title_sets_the_size", gfx.w == 200 and gfx.h == 60)
        gfx.quit()
      end)
    end },
    { "the keyboard", function()
      local HAS_FOCUS = 2
      gfx.init("AceBridge self-test", 120, 40)
      return kit.after(WAIT_S, function()
        reaper.SetCursorContext(1, nil)
        kit.check("cursor_context_takes_the_keyboard", gfx.getchar(65536) & HAS_FOCUS == 0)
        gfx.quit()
      end)
    end },
  }
  if reaper.set_action_options then
    table.insert(questions, 3, { "started again", function()
      for _, key in ipairs({ "starts", "ends" }) do kit.set(key, "0") end
      kit.set("stop", "")
      local number, remove = kit.add_script("again", [[
        local SECTION = "AceBridge self-test"
        local function count(key) reaper.SetExtState(SECTION, key, ("%d"):format(tonumber(reaper.GetExtState(SECTION, key)) + 1), false) end
        reaper.set_action_options(3)
        count("starts")
        reaper.atexit(function() count("ends") end)
        local function wait()
          if reaper.GetExtState(SECTION, "stop") == "" then reaper.defer(wait) end
        end
        wait()
      ]])
      reaper.Main_OnCommand(number, 0)
      local again = kit.after(WAIT_S, function() reaper.Main_OnCommand(number, 0) end)
      local look
      return function()
        if not look then
          if again() then
            look = kit.after(WAIT_S, function()
              kit.check("action_options_replace_a_copy", kit.get("starts") == "2" and kit.get("ends") == "1")
              kit.set("stop", "1")
              remove()
            end)
          end
          return false
        end
        return look()
      end
    end })
  end
  local function ask(name, question) questions[#questions + 1] = { name, question } end
  local forms = os.getenv("ACEBRIDGE_SELFTEST_FORMS") or ""
  if forms:find("ok", 1, true) then
    ask("form_limit", function()
      local LONG = 4000
      local ok, text = reaper.GetUserInputs("AceBridge self-test", 1, "Press OK,separator=\n", ("x"):rep(LONG))
      if ok then kit.answer("form_limit", #text == LONG and "None" or #text + 1) end
    end)
  end
  if forms:find("paste", 1, true) then
    ask("paste", function()
      local LINES = { one = "the first", onetwo = "all in one" }
      local ok, text = reaper.GetUserInputs("AceBridge self-test", 1, "Paste two lines,separator=\n", "")
      if ok and text ~= "" then kit.answer("paste", LINES[text] or text) end
    end)
  end
  return questions
end
