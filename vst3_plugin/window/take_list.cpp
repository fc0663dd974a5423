#include "take_list.hpp"

#include "controls.hpp"

#include <algorithm>

namespace acebridge::window {

void TakeList::show(const std::vector<TakeRegion>& takes, const std::optional<Selection>& selection) {
  takes_ = find_takes(takes, selection);
  scroll(0);
}

Rect TakeList::row(size_t index) const {
  return {area_.x + 2, area_.y + 2 + static_cast<float>(index) * kRowHeight - scroll_, area_.width - 4, kRowHeight};
}

TakeList::Hit TakeList::hit(Point at) const {
  for (size_t i = 0; area_.contains(at) && i < row_count(); ++i) {
    const Rect line = row(i);
    if (!line.contains(at)) {
      continue;
    }
    const bool is_source = i == 0;
    const bool on_button = at.x >= line.right() - kButton;
    const int number = is_source ? 0 : takes_[i - 1].number;
    const Action action = on_button ? Action::listen : is_source ? Action::none : Action::choose;
    return {action, number, static_cast<int>(i) - 1};
  }
  return {};
}

void TakeList::scroll(float rows) {
  const float most = std::max(0.0F, static_cast<float>(row_count()) * kRowHeight + 4 - area_.height);
  scroll_ = std::clamp(scroll_ - rows * kRowHeight, 0.0F, most);
}

void TakeList::draw_row(Canvas& canvas, size_t index, const std::string& name, const std::string& place, bool is_chosen) const {
  const Rect line = row(index);
  const bool is_hovered = hovered_.index == static_cast<int>(index) - 1 && hovered_.action != Action::none;
  if (is_chosen || is_hovered) {
    canvas.fill({line.x, line.y + 1, line.width, line.height - 2}, is_chosen ? colors::kAccentDark : colors::kPanel, 3);
  }
  canvas.clip({line.x, area_.y, line.width - kButton - 4, area_.height});
  canvas.text({line.x + 8, line.middle()}, name, 14, colors::kText);
  canvas.text({line.x + 78, line.middle()}, place, 12, is_chosen ? colors::kText : colors::kDim);
  canvas.release();
}

void TakeList::draw(Canvas& canvas, const Timeline& timeline, int chosen, int playing, bool can_listen, const char* hint) const {
  draw_label(canvas, area_, takes_.empty() ? "Takes" : "Takes: click to choose, drag into the host", true);
  canvas.fill(area_, colors::kField, 4);
  canvas.clip(area_);
  if (takes_.empty()) {
    canvas.text({area_.x + area_.width / 2, area_.middle()}, hint, 14, colors::kOff, Align::center);
  }
  for (size_t i = 0; i < row_count(); ++i) {
    const int number = i == 0 ? 0 : takes_[i - 1].number;
    if (i == 0) {
      draw_row(canvas, i, "Input", "what the takes were made from", false);
    } else {
      const TakeRegion& take = takes_[i - 1];
      draw_row(canvas, i, "Take " + std::to_string(number), timeline.describe(take.start_frame, take.frames), number == chosen);
    }
    const Rect line = row(i);
    const bool is_hovered = hovered_.action == Action::listen && hovered_.number == number;
    draw_play(canvas, {line.right() - kButton, line.y + 2, kButton - 2, line.height - 4}, playing == number, {can_listen, is_hovered, playing == number});
  }
  canvas.release();
  canvas.outline(area_, colors::kEdge, 4);
}

} // namespace acebridge::window
