// Points and rectangles in logical pixels: at scale factor 2 each is two pixels of the screen wide.
#pragma once

namespace acebridge::window {

struct Point {
  float x = 0;
  float y = 0;
};

struct Rect {
  float x = 0;
  float y = 0;
  float width = 0;
  float height = 0;

  float right() const { return x + width; }
  float bottom() const { return y + height; }
  float middle() const { return y + height / 2; }
  bool contains(Point point) const { return point.x >= x && point.x < right() && point.y >= y && point.y < bottom(); }
  Rect shrink(float by) const { return {x + by, y + by, width - 2 * by, height - 2 * by}; }
};

} // namespace acebridge::window
