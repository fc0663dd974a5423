// The takes of one place: choose one, listen to it or to what it was made from, drag it out.
#pragma once

#include "canvas.hpp"
#include "timeline.hpp"

namespace acebridge::window {

class TakeList {
public:
  static constexpr float kRowHeight = 26;
  static constexpr float kButton = 30;

  enum class Action { none, choose, listen };

  struct Hit {
    Action action = Action::none;
    int number = 0; // of the take; 0: what the takes were made from
    int index = -1; // in rows()
  };

  void place(const Rect& area) { area_ = area; }
  Rect area() const { return area_; }
  // Of all takes of the project, those that are listed: at the place of the latest one that the selection touches, else of the
  // latest. The core makes the same ones heard.
  void show(const std::vector<TakeRegion>& takes, const std::optional<Selection>& selection);
  const std::vector<TakeRegion>& rows() const { return takes_; }

  Hit hit(Point at) const;
  void hover(Point at) { hovered_ = hit(at); }
  void scroll(float rows);
  // `playing` is the number that is auditioned, or -1. `hint` stands where there are no takes.
  void draw(Canvas& canvas, const Timeline& timeline, int chosen, int playing, bool can_listen, const char* hint) const;

private:
  size_t row_count() const { return takes_.empty() ? 0 : takes_.size() + 1; }
  Rect row(size_t index) const;
  void draw_row(Canvas& canvas, size_t index, const std::string& name, const std::string& place, bool is_chosen) const;

  Rect area_;
  std::vector<TakeRegion> takes_;
  Hit hovered_;
  float scroll_ = 0;
};

} // namespace acebridge::window
