-- The colours of the panel, as 0xRRGGBB. Texts have a contrast of at least 4.5 to 1 to what they stand on.

return function()
  return {
    background = 0x1e2024, card = 0x292c32, line = 0x3a3e46,
    title = 0xf1f3f5, text = 0xd0d5dc, dim = 0xa3aab6, disabled = 0x7d8593,
    warning = 0xf0b73e, error = 0xff8589, good = 0x56d073,
    button = 0x454a54, button_lit = 0x565d6a, button_disabled = 0x2f333a,
    primary = 0x2f6fe4, primary_lit = 0x3f7dec, on_primary = 0xffffff,
    field = 0x16181b, border = 0x6b7280, border_lit = 0x8b93a1, focus = 0x6ea3ff, selection = 0x2c4f8f,
    track = 0x454a54, fill = 0x4c8dff, knob = 0xf1f3f5,
    running = 0x4c8dff, done = 0x2fb344, failed = 0xe5484d, cancelled = 0x8b93a1, kept = 0xe0a526,
    scroll = 0x565d6a, scroll_lit = 0x7d8593,
  }
end
