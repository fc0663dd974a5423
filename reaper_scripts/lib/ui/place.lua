-- Where the gfx window is: kept from one run to the next, and never restored to where no screen is.
--
-- A place is { dock, width, height, x, y } in the system's units; x and y are nil where nobody knows them.

return function(import)
  local sizes = import("ui/sizes")
  local M = {}

  local SECTION, KEY = "AceBridge", "window_place" -- "dock width height x y"
  local TITLE_BAR = 24

  local place

  --- The place that was kept, or nil.
  local function load()
    local dock, w, h, rest = reaper.GetExtState(SECTION, KEY):match("^(%d+) (%d+) (%d+)(.*)$")
    if not dock then return nil end
    local x, y = rest:match("^ (%-?%d+) (%-?%d+)$")
    return { math.tointeger(dock), math.tointeger(w), math.tointeger(h), x and math.tointeger(x), y and math.tointeger(y) }
  end

  --- Whether a screen shows the middle of the title bar: there it can be dragged.
  local function is_on_screen(x, y, w)
    if not reaper.APIExists("my_getViewport") then return true end
    local middle = x + w // 2
    local left, top, right, bottom = reaper.my_getViewport(0, 0, 0, 0, x, y, x + w, y + TITLE_BAR, true)
    if type(bottom) ~= "number" then return true end
    if top > bottom then top, bottom = bottom, top end -- macOS counts upwards
    return middle >= left and middle < right and y >= top and y < bottom
  end

  local function init(title, w, h, dock, x, y)
    if x and is_on_screen(x, y, w) then gfx.init(title, w, h, dock, x, y) else gfx.init(title, w, h, dock) end
  end

  --- Open the window where and as large as it was last.
  function M.open(title)
    place = load()
    gfx.ext_retina = 1 -- asks for real pixels; REAPER answers with the screen's scale
    if place then return init(title, place[2], place[3], place[1], place[4], place[5]) end
    gfx.init(title, sizes.window_w, sizes.window_h, 0)
    if gfx.ext_retina > 1 and not reaper.GetOS():match("OS") then -- macOS counts a window's size in points, others in pixels
      gfx.init("", math.floor(sizes.window_w * gfx.ext_retina), math.floor(sizes.window_h * gfx.ext_retina))
    end
  end

  --- Note where the window is now: gfx.w counts pixels, gfx.init takes points on some systems.
  function M.note()
    local dock, x, y, w, h = gfx.dock(-1, 0, 0, 0, 0)
    if not w or w <= 0 or h <= 0 then return end
    if dock & 1 == 1 and place then -- a docker's place is not the window's
      place[1] = dock
    else
      place = { dock, w, h, x, y }
    end
  end

  --- Keep the place.
  function M.keep()
    if not place then return end
    local text = ("%d %d %d"):format(place[1], place[2], place[3])
    if place[4] then text = ("%s %d %d"):format(text, math.floor(place[4]), math.floor(place[5])) end
    reaper.SetExtState(SECTION, KEY, text, true)
  end

  return M
end
