-- Sizes that both backends of the panel share, at 100 %.

return function()
  return {
    window_w = 460, window_h = 420, -- until somebody gives it others
    label_most = 150, label_share = 0.36, -- of a row, for a label beside its widget
    beside_from = 300, -- narrower rows have their labels above
    least = 84, -- of a widget in a row with others; where there is less, they stand below each other
  }
end
