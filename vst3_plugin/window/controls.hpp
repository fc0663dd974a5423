// Buttons, menus and a slider. They draw themselves and say what a press on them means; they change nothing.
#pragma once

#include "canvas.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace acebridge::window {

struct Look {
  bool is_enabled = true;
  bool is_hovered = false;
  bool is_on = false;
};

inline void draw_label(Canvas& canvas, const Rect& area, std::string_view label, bool is_enabled) {
  canvas.text({area.x, area.y - 8}, label, 12, is_enabled ? colors::kDim : colors::kOff);
}

inline void draw_button(Canvas& canvas, const Rect& area, std::string_view label, Look look) {
  const Color back = !look.is_enabled ? colors::kBack : look.is_on ? colors::kAccentDark : look.is_hovered ? colors::kEdge : colors::kPanel;
  canvas.fill(area, back, 4);
  canvas.outline(area, look.is_on && look.is_enabled ? colors::kAccent : colors::kEdge, 4);
  canvas.text({area.x + area.width / 2, area.middle()}, label, 14, look.is_enabled ? colors::kText : colors::kOff, Align::center);
}

// A triangle: play. A square: stop.
inline void draw_play(Canvas& canvas, const Rect& area, bool plays, Look look) {
  draw_button(canvas, area, "", look);
  const float x = area.x + area.width / 2;
  const float y = area.middle();
  const Color color = look.is_enabled ? colors::kText : colors::kOff;
  if (plays) {
    canvas.fill({x - 4, y - 4, 8, 8}, color);
  } else {
    canvas.triangle({x - 3, y - 5}, {x - 3, y + 5}, {x + 5, y}, color);
  }
}

inline void draw_slider(Canvas& canvas, const Rect& area, std::string_view label, float share, std::string_view value, Look look) {
  draw_label(canvas, area, label, look.is_enabled);
  canvas.fill(area, look.is_enabled ? colors::kField : colors::kBack, 4);
  if (look.is_enabled) {
    canvas.fill({area.x, area.y, area.width * share, area.height}, colors::kAccentDark, 4);
  }
  canvas.outline(area, colors::kEdge, 4);
  canvas.text({area.x + area.width / 2, area.middle()}, value, 14, look.is_enabled ? colors::kText : colors::kOff, Align::center);
}

inline float slider_share(const Rect& area, float x) { return std::clamp((x - area.x) / std::max(1.0F, area.width), 0.0F, 1.0F); }

// The closed menu.
inline void draw_choice(Canvas& canvas, const Rect& area, std::string_view label, std::string_view value, Look look) {
  draw_label(canvas, area, label, look.is_enabled);
  canvas.fill(area, !look.is_enabled ? colors::kBack : look.is_hovered ? colors::kEdge : colors::kPanel, 4);
  canvas.outline(area, look.is_on ? colors::kAccent : colors::kEdge, 4);
  canvas.clip({area.x, area.y, area.width - 20, area.height});
  canvas.text({area.x + 8, area.middle()}, value, 14, look.is_enabled ? colors::kText : colors::kOff);
  canvas.release();
  const float x = area.right() - 12;
  const float y = area.middle();
  canvas.triangle({x - 4, y - 2}, {x + 4, y - 2}, {x, y + 3}, look.is_enabled ? colors::kDim : colors::kOff);
}

// The rows of an open menu, below its box or above it, wherever there is space.
struct Popup {
  static constexpr float kItem = 24;

  Rect area;
  int count = 0;
  int hovered = -1;

  static Popup below(const Rect& box, int count, float window_height) {
    const float height = static_cast<float>(count) * kItem + 4;
    float y = box.bottom() + 2;
    if (y + height > window_height) {
      y = std::max(0.0F, std::min(box.y - 2 - height, window_height - height));
    }
    return {{box.x, y, std::max(box.width, 130.0F), height}, count, -1};
  }

  // The item at a point, or -1.
  int item_at(Point at) const {
    const auto index = static_cast<int>((at.y - area.y - 2) / kItem);
    return area.contains(at) && index >= 0 && index < count ? index : -1;
  }

  Rect item(int index) const { return {area.x + 2, area.y + 2 + static_cast<float>(index) * kItem, area.width - 4, kItem}; }
};

inline void draw_popup(Canvas& canvas, const Popup& popup, const std::vector<std::string>& labels, int chosen) {
  canvas.fill(popup.area, colors::kPanel, 4);
  for (int i = 0; i < popup.count; ++i) {
    const Rect row = popup.item(i);
    if (i == popup.hovered) {
      canvas.fill(row, colors::kAccentDark, 3);
    }
    canvas.text({row.x + 8, row.middle()}, labels[static_cast<size_t>(i)], 14, i == chosen ? colors::kAccent : colors::kText);
  }
  canvas.outline(popup.area, colors::kAccent, 4);
}

} // namespace acebridge::window
