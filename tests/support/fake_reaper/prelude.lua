-- What surrounds a script in the fake: the `reaper` and `gfx` tables, and the stock libraries with a clock in them.
-- `host` is the Python side: call, known, cost, disk, record, getenv …

return function(host, names, optional)
  local cost, disk = host.cost, host.disk
  local select, error, type, setmetatable = select, error, type, setmetatable
  local function fault(message) error(host.record(message), 3) end
  local pack, unpack, move = string.pack, table.unpack, table.move
  local string_unpack, concat = string.unpack, table.concat

  local function finish(ok, ...)
    if ok then return ... end
    error((...), 3)
  end

  -- The clock: instructions of the VM, and the work of calls that do much at once.
  local INSTRUCTIONS = 1000
  local function tick() host.instructions(INSTRUCTIONS) end
  debug.sethook(tick, "", INSTRUCTIONS)
  local create, resume, running, yield = coroutine.create, coroutine.resume, coroutine.running, coroutine.yield
  function coroutine.create(f)
    local co = create(f)
    debug.sethook(co, tick, "", INSTRUCTIONS)
    return co
  end
  -- Python looks into tables of the main thread only: what a coroutine calls, whoever resumes it calls for it.
  local CALL = {}
  local function on_main(call, ...)
    local _, is_main = running()
    if is_main then return call(...) end
    return yield(CALL, call, ...)
  end
  local function serve(co, ok, ...)
    if ok and rawequal((...), CALL) then return serve(co, resume(co, on_main(select(2, ...)))) end
    return ok, ...
  end
  function coroutine.resume(co, ...) return serve(co, resume(co, ...)) end
  local function pass_values(ok, ...)
    if ok then return ... end
    error((...), 0)
  end
  function coroutine.wrap(f)
    local co = coroutine.create(f)
    return function(...) return pass_values(serve(co, resume(co, ...))) end
  end

  local function count_arguments(...)
    cost(select("#", ...))
    return ...
  end
  function string.pack(...)
    cost(select("#", ...))
    return pack(...)
  end
  function string.unpack(...) return count_arguments(string_unpack(...)) end
  function table.unpack(...) return count_arguments(unpack(...)) end
  function table.concat(list, ...)
    cost(#list)
    return concat(list, ...)
  end

  -- Files: real ones, on a disk that may be full, by the rules of a system.
  local open, io_type, files = io.open, io.type, host.files
  local rename, remove = os.rename, os.remove
  local paths = setmetatable({}, { __mode = "k" })
  local function forget(self)
    if paths[self] then files("note_closed", paths[self]) end
    paths[self] = nil
  end
  local File = {}
  local real = setmetatable({}, { __mode = "k" })
  local Method = {}
  File.__index, File.__name = Method, "FILE*"
  function File:__tostring() return tostring(real[self]) end
  function File:__close()
    forget(self)
    if io_type(real[self]) == "file" then real[self]:close() end
  end
  File.__gc = File.__close
  local function wrap_self(self, first, ...)
    if first == real[self] then return self, ... end
    return first, ...
  end
  for _, name in ipairs({ "close", "flush", "lines", "read", "seek", "setvbuf" }) do
    Method[name] = function(self, ...)
      if name == "close" then forget(self) end
      return wrap_self(self, real[self][name](real[self], ...))
    end
  end
  function Method:write(...)
    for i = 1, select("#", ...) do
      local text = select(i, ...)
      if type(text) == "number" then text = tostring(text) end
      if type(text) ~= "string" then return wrap_self(self, real[self]:write(text)) end -- raises as Lua does
      local room = disk(#text)
      if room < #text then
        real[self]:write(text:sub(1, room))
        return nil, "No space left on device", 28
      end
      local ok, why, code = real[self]:write(text)
      if not ok then return ok, why, code end
    end
    return self
  end
  function io.open(path, ...)
    local denied, number = files("refusal", path)
    if denied then return nil, denied, number end
    local file, why, code = open(files("real", path), ...)
    if not file then return file, why, code end
    local proxy = setmetatable({}, File)
    real[proxy], paths[proxy] = file, path
    files("note_open", path)
    return proxy
  end
  function os.rename(old, new)
    local denied, number = files("refusal_to_rename", old, new)
    if denied then return nil, denied, number end
    return rename(files("real", old), files("real", new))
  end
  function os.remove(path)
    local denied, number = files("refusal_to_remove", path)
    if denied then return nil, denied, number end
    return remove(files("real", path))
  end
  function io.type(file) return io_type(real[file] or file) end
  function io.popen() fault("io.popen flashes a console on Windows; use reaper.ExecProcess") end
  function os.execute() fault("os.execute flashes a console on Windows; use reaper.ExecProcess") end
  function os.exit() fault("os.exit ends REAPER") end
  local getenv = os.getenv
  function os.getenv(name)
    local found, value = host.getenv(name)
    if found then return value end
    return getenv(name)
  end
  function print() fault("print goes nowhere in REAPER; use reaper.ShowConsoleMsg") end

  -- reaper.array: numbers 1..#, methods with a dot.
  local Array = {}
  local state = setmetatable({}, { __mode = "k" })
  local VALUES = 1024
  local zeros = {}
  local function limit_size(self, first, size)
    first = first or 1
    local here = state[self].size
    size = size or here - first + 1
    if first < 1 or size < 0 or first + size - 1 > here then error("reaper.array: range is outside", 3) end
    return first, size
  end
  local methods = {
    table = function(self, first, size)
      first, size = limit_size(self, first, size)
      cost(size)
      return move(self, first, first + size - 1, 1, {})
    end,
    clear = function(self, value, first, size)
      first, size = limit_size(self, first, size)
      cost(size)
      if value then
        for i = first, first + size - 1 do rawset(self, i, value) end
      else -- REAPER clears at once: no loop whose instructions would count
        for i = #zeros + 1, size do zeros[i] = 0.0 end
        move(zeros, 1, size, first, self)
      end
    end,
    resize = function(self, size)
      if size > state[self].alloc then error("reaper.array: larger than what was allocated", 2) end
      for i = state[self].size + 1, size do rawset(self, i, 0.0) end
      for i = size + 1, state[self].size do rawset(self, i, nil) end
      state[self].size = size
    end,
    get_alloc = function(self) return state[self].alloc end,
    copy = function(self, from, from_at, size, to_at)
      from_at, to_at = from_at or 1, to_at or 1
      size = size or math.min(#from - from_at + 1, state[self].size - to_at + 1)
      move(from, from_at, from_at + size - 1, to_at, self)
      cost(size)
      return size
    end,
  }
  function Array.__index(self, key)
    local method = methods[key]
    if not method then
      fault("reaper.array has no [" .. tostring(key) .. "] (size " .. state[self].size .. ")")
    end
    return function(...)
      if rawequal((...), self) then fault("reaper.array." .. key .. " is called with a dot") end
      return method(self, ...)
    end
  end
  function Array.__newindex(self, key) fault("reaper.array: no place at " .. tostring(key)) end
  function Array.__len(self) return state[self].size end
  local function new_array(first, size)
    local from = type(first) == "table" and first or nil
    if type(first) == "number" then size = first end
    size = size or from and #from
    if not size or size < 1 or size > 4194304 or size % 1 ~= 0 then
      fault("reaper.new_array takes a size of 1 to 4194304, got " .. tostring(size))
    end
    local self = {}
    for i = 1, size do self[i] = from and from[i] or 0.0 end
    state[self] = { size = math.tointeger(size), alloc = math.tointeger(size) }
    return setmetatable(self, Array)
  end
  function host.array_size(array) return state[array] and state[array].size or -1 end
  function host.array_fill(array, data, first, count) -- doubles
    local at = 1
    for from = 1, count, VALUES do
      local here = math.min(VALUES, count - from + 1)
      local values = { string_unpack("<" .. ("d"):rep(here), data, at) }
      move(values, 1, here, first + from - 1, array)
      at = values[here + 1]
    end
  end

  -- reaper: known functions are checked; an unknown one is a fault.
  local call, known = host.call, host.known
  local functions = {}
  for name in names:gmatch("%S+") do
    functions[name] = function(...) return finish(on_main(call, name, ...)) end
  end
  if functions.new_array then
    local checked = functions.new_array
    functions.new_array = function(...)
      checked(...)
      return new_array(...)
    end
  end
  local may_be_nil = {}
  for name in optional:gmatch("%S+") do may_be_nil[name] = true end
  reaper = setmetatable({}, {
    __index = function(_, name)
      if functions[name] and known(name) then return functions[name] end
      if may_be_nil[name] then return nil end
      fault("reaper." .. tostring(name) .. " is no function of this REAPER; ask reaper.APIExists first")
    end,
    __newindex = function(_, name) fault("a script sets reaper." .. tostring(name)) end,
    __metatable = "reaper",
  })

  local variables = {}
  for name in ("r g b a a2 mode dest x y w h texth ext_retina mouse_x mouse_y mouse_cap mouse_wheel mouse_hwheel clear"):gmatch("%S+") do
    variables[name] = 0
  end
  variables.a, variables.a2, variables.dest, variables.texth = 1, 1, -1, 8
  local drawing = {}
  gfx = setmetatable({}, {
    __index = function(_, name)
      if variables[name] then return variables[name] + 0.0 end -- gfx counts in floating point
      if not drawing[name] then
        if not host.gfx_known(name) then fault("gfx." .. tostring(name) .. " is not played by this fake") end
        drawing[name] = function(...) return finish(on_main(host.gfx, name, variables, ...)) end
      end
      return drawing[name]
    end,
    __newindex = function(_, name, value)
      if not variables[name] then fault("gfx." .. tostring(name) .. " is no variable") end
      variables[name] = value
    end,
  })
  host.gfx_variables(variables)

  -- Globals: a script defines none, and reads only existing ones.
  setmetatable(_G, {
    __index = function(_, name) fault("a script reads the global " .. tostring(name) .. ", which nobody set") end,
    __newindex = function(_, name) fault("a script sets the global " .. tostring(name)) end,
  })
end
