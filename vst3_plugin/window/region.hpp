// A stretch of time on the screen, and a part of it that one drags with the mouse.
#pragma once

#include "core.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace acebridge::window {

// Which frames the pixels of the waveform show.
struct View {
  double first = 0;
  double frames_per_pixel = 1;

  float x_of(int64_t frame) const { return static_cast<float>((static_cast<double>(frame) - first) / frames_per_pixel); }
  int64_t frame_at(float x) const { return std::llround(first + static_cast<double>(x) * frames_per_pixel); }

  void show_all(int64_t start, int64_t frames, float width) {
    first = static_cast<double>(start);
    frames_per_pixel = std::max(1.0, static_cast<double>(frames)) / std::max(1.0, static_cast<double>(width));
  }

  // What lies at `x` stays there. Nothing outside of `start`, `frames` is shown.
  void zoom(double factor, float x, int64_t start, int64_t frames, float width) {
    const double all = std::max(1.0, static_cast<double>(frames)) / std::max(1.0, static_cast<double>(width));
    const double at = first + static_cast<double>(x) * frames_per_pixel;
    frames_per_pixel = std::clamp(frames_per_pixel * factor, std::min(all, 0.05), all);
    first = at - static_cast<double>(x) * frames_per_pixel;
    keep_inside(start, frames, width);
  }

  void scroll(double frames_by, int64_t start, int64_t frames, float width) {
    first += frames_by;
    keep_inside(start, frames, width);
  }

  void keep_inside(int64_t start, int64_t frames, float width) {
    const double last = static_cast<double>(start + frames) - frames_per_pixel * static_cast<double>(width);
    first = std::max(static_cast<double>(start), std::min(first, last));
  }
};

class RegionDrag {
public:
  enum class Part { none, first, last, whole, fresh };

  static constexpr float kEdgePixels = 6;
  static constexpr float kClickPixels = 3; // a shorter drag is a click, and changes nothing

  // What a press at `x` would take hold of.
  static Part part_at(float x, const std::optional<Selection>& selection, const View& view) {
    if (selection) {
      const float first = view.x_of(selection->first);
      const float last = view.x_of(selection->first + selection->frames);
      if (std::abs(x - first) <= kEdgePixels) {
        return Part::first;
      }
      if (std::abs(x - last) <= kEdgePixels) {
        return Part::last;
      }
      if (x > first && x < last) {
        return Part::whole;
      }
    }
    return Part::fresh;
  }

  bool is_active() const { return part_ != Part::none; }
  bool has_moved() const { return moved_; }

  void press(float x, const std::optional<Selection>& selection, const View& view) {
    part_ = part_at(x, selection, view);
    start_x_ = x;
    moved_ = false;
    before_ = selection.value_or(Selection{view.frame_at(x), 0});
  }

  // The selection after a move to `x`, inside of `start`, `frames`; `snap` brings a frame to a bar. Nothing: there is none (yet).
  template <typename Snap> std::optional<Selection> drag(float x, const View& view, int64_t start, int64_t frames, const Snap& snap) {
    moved_ = moved_ || std::abs(x - start_x_) > kClickPixels;
    if (!is_active() || !moved_) {
      return std::nullopt;
    }
    const int64_t end = start + frames;
    const auto inside = [&](int64_t frame) { return std::clamp(frame, start, end); };
    int64_t first = before_.first;
    int64_t last = before_.first + before_.frames;
    if (part_ == Part::whole) {
      const int64_t length = std::min(before_.frames, frames);
      first = snap(before_.first + view.frame_at(x) - view.frame_at(start_x_));
      first = std::clamp(first, start, end - length);
      return Selection{first, length};
    }
    if (part_ == Part::fresh) {
      first = inside(snap(view.frame_at(start_x_)));
      last = inside(snap(view.frame_at(x)));
    } else {
      (part_ == Part::first ? first : last) = snap(view.frame_at(x));
      first = inside(first);
      last = inside(last);
    }
    if (first == last) {
      return std::nullopt;
    }
    return Selection{std::min(first, last), std::abs(last - first)};
  }

  void release() { part_ = Part::none; }

private:
  Part part_ = Part::none;
  float start_x_ = 0;
  bool moved_ = false;
  Selection before_;
};

} // namespace acebridge::window
