-- Drawing with gfx: colours, sizes that grow with the screen's scale, fonts, texts and round boxes.

return function(import)
  local text_fit = import("ui/text_fit")
  local M = {}

  local FONT, BOLD = "Arial", ("b"):byte()
  local FONTS = { title = { 1, 16, BOLD }, text = { 2, 14, 0 } }

  M.scale = 1
  local font_now

  --- Pixels of a size at 100 %.
  function M.px(value) return math.floor(value * M.scale + 0.5) end
  local px = M.px

  --- Make the fonts for the scale.
  function M.set_scale(scale)
    M.scale = scale
    for _, font in pairs(FONTS) do gfx.setfont(font[1], FONT, px(font[2]), font[3]) end
    font_now = nil
    text_fit.forget()
  end

  --- Write and measure in "title" or "text" from now on.
  function M.font(kind)
    if kind == font_now then return end
    gfx.setfont(FONTS[kind][1])
    font_now = kind
  end

  --- Draw in a colour, 0xRRGGBB, from now on.
  function M.ink(colour) gfx.set((colour >> 16) / 255, (colour >> 8 & 255) / 255, (colour & 255) / 255, 1) end

  --- A filled box.
  function M.box(x, y, w, h, colour)
    M.ink(colour)
    gfx.rect(x, y, w, h, 1)
  end

  --- A filled box with round corners.
  function M.round(x, y, w, h, radius, colour)
    radius = math.min(radius, (w - 1) // 2, (h - 1) // 2)
    M.ink(colour)
    if radius < 1 then return gfx.rect(x, y, w, h, 1) end
    local right, bottom = x + w - 1 - radius, y + h - 1 - radius
    gfx.circle(x + radius, y + radius, radius, 1, 1)
    gfx.circle(right, y + radius, radius, 1, 1)
    gfx.circle(x + radius, bottom, radius, 1, 1)
    gfx.circle(right, bottom, radius, 1, 1)
    gfx.rect(x + radius, y, w - 2 * radius, h, 1)
    gfx.rect(x, y + radius, w, h - 2 * radius, 1)
  end

  --- A box with a border.
  function M.frame(x, y, w, h, radius, border, fill, thickness)
    local edge = thickness or math.max(1, px(1))
    M.round(x, y, w, h, radius, border)
    M.round(x + edge, y + edge, w - 2 * edge, h - 2 * edge, math.max(0, radius - edge), fill)
  end

  --- A text with its left upper corner at x and y, in the colour and font that are set.
  function M.write(text, x, y)
    gfx.x, gfx.y = x, y
    gfx.drawstr(text)
  end

  --- A text in one line of `h` pixels from y on, cut to `room`; returns its width.
  function M.line(kind, text, x, y, h, room, colour)
    M.font(kind)
    M.ink(colour)
    M.write(text_fit.cut(kind, text, room), x, y + (h - gfx.texth) // 2)
  end

  --- The width of a text.
  function M.width(kind, text)
    M.font(kind)
    return text_fit.width(kind, text)
  end

  return M
end
