-- The numbers of sliders: what they show, and which steps they go in. A number has as many decimals as its format shows.

return function()
  local M = {}

  local STEPS = 100 -- of the mouse wheel, from one end to the other

  local function decimals_of(format)
    if format == nil then return 2 end
    if type(format) ~= "string" then return nil end
    local digits = format:match("%%[-+ 0#%d]*%.(%d)f")
    return digits and tonumber(digits) or format:match("%%[-+ 0#%d]*[di]") and 0 or nil
  end

  --- The number as its format can show it, within the limits.
  function M.round(value, low, high, format)
    value = math.max(low, math.min(high, value))
    local decimals = decimals_of(format)
    if not decimals then return value end
    local step = 10 ^ -decimals
    local number = math.floor(value / step + 0.5)
    if decimals == 0 then return math.max(low, math.min(high, number)) end
    return math.max(low, math.min(high, tonumber(("%%.%df"):format(decimals):format(number * step))))
  end

  --- The number after some steps of the wheel; without a number it begins in the middle.
  function M.turn(value, steps, low, high, format)
    value = value or (low + high) / 2
    local decimals = decimals_of(format)
    local step = math.max((high - low) / STEPS, decimals and 10 ^ -decimals or 0)
    return M.round(value + steps * step, low, high, format)
  end

  --- The number as text; "default" for nil.
  function M.text(value, format)
    if type(format) == "function" then return format(value) end
    if value == nil then return "default" end
    if decimals_of(format) == 0 then value = math.floor(value + 0.5) end
    return (format or "%.2f"):format(value)
  end

  --- Where the number is between the limits, 0 to 1; nil for nil.
  function M.share(value, low, high)
    if value == nil then return nil end
    return high > low and math.max(0, math.min(1, (value - low) / (high - low))) or 0
  end

  return M
end
