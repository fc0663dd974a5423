-- The self-test that runs inside REAPER, a real one or the simulated one: asks what nobody documents, checks what is known, and
-- repaints two seconds of a song. ACEBRIDGE_SELFTEST names a folder with the files of `reaper_report.write_media`; log.txt says
-- there what is asked, before it is asked, and report.json what was found. ACEBRIDGE_SCRIPTS: reaper_scripts/.
-- ACEBRIDGE_SELFTEST_THEMES: those of THEMES that are run, or all. ACEBRIDGE_SELFTEST_FORMS: what somebody does in forms: "ok"
-- presses OK, "paste" pastes the lines "one" and "two" before that.

local HERE = select(2, reaper.get_action_context()):match("^(.*[/\\])")
local HOME, SCRIPTS = os.getenv("ACEBRIDGE_SELFTEST"), os.getenv("ACEBRIDGE_SCRIPTS")
local THEMES = os.getenv("ACEBRIDGE_SELFTEST_THEMES") or "accessors mixing panning items effects time projects scripts repaint"
local LONGEST_S = 150 -- that a question waits for

local json = dofile(SCRIPTS .. "lib/shared/json.lua")()
local kit = dofile(HERE .. "kit.lua")(HOME, SCRIPTS)

local function log(text)
  local file = assert(io.open(HOME .. "/log.txt", "ab"))
  file:write(text, "\n")
  file:close()
end

local function write_report()
  local file = assert(io.open(HOME .. "/report.part", "wb"))
  file:write(json.encode({
    reaper = reaper.GetAppVersion(), system = reaper.GetOS(), open = kit.answers, known = kit.checks, figures = kit.figures,
    faults = json.array(kit.faults), themes = THEMES,
  }))
  file:close()
  os.rename(HOME .. "/report.part", HOME .. "/report.json")
  log("report")
end

local questions = {}
for theme in THEMES:gmatch("%S+") do
  for _, question in ipairs(dofile(HERE .. theme .. ".lua")(kit)) do
    questions[#questions + 1] = { name = theme .. ": " .. question[1], ask = question[2] }
  end
end

local number, waits, since = 1, nil, 0

local function fail(question, fault) kit.faults[#kit.faults + 1] = question.name .. ": " .. tostring(fault) end

--- Ask one question after the other; one that takes time returns a function that says whether it is over.
local function step()
  local question = questions[number]
  if not question then return write_report() end
  local ok, found
  if waits then
    ok, found = xpcall(waits, debug.traceback)
    if ok and not found and reaper.time_precise() - since > LONGEST_S then ok, found = false, "no answer" end
    if not ok then fail(question, found) end
    if not ok or found then
      waits, number = nil, number + 1
      kit.clean()
    end
  else
    log(question.name)
    ok, found = xpcall(question.ask, debug.traceback)
    if not ok then fail(question, found) end
    waits, since = ok and type(found) == "function" and found or nil, reaper.time_precise()
    if not waits then
      number = number + 1
      kit.clean()
    end
  end
  reaper.defer(step)
end
step()
