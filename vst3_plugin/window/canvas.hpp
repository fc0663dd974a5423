// What the window draws on. Text is placed by the middle of its height.
#pragma once

#include "geometry.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace acebridge::window {

struct Color {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
  uint8_t alpha = 255;
};

namespace colors {
constexpr Color kBack{27, 29, 34};
constexpr Color kPanel{38, 41, 48};
constexpr Color kField{19, 21, 25};
constexpr Color kEdge{66, 71, 82};
constexpr Color kText{229, 232, 238};
constexpr Color kDim{152, 160, 174};
constexpr Color kOff{92, 98, 110};
constexpr Color kAccent{82, 170, 255};
constexpr Color kAccentDark{34, 92, 150};
constexpr Color kSelection{82, 170, 255, 70};
constexpr Color kTake{112, 200, 140};
constexpr Color kTakeBack{112, 200, 140, 46};
constexpr Color kAlarm{255, 150, 110};
} // namespace colors

enum class Align { left, center, right };

class Canvas {
public:
  Canvas() = default;
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;
  virtual ~Canvas() = default;

  virtual void fill(const Rect& area, Color color, float radius = 0) = 0;
  // Many rectangles of one color at once.
  virtual void fill_all(const std::vector<Rect>& areas, Color color) = 0;
  virtual void outline(const Rect& area, Color color, float radius = 0) = 0;
  virtual void line(Point from, Point to, Color color, float width = 1) = 0;
  virtual void triangle(Point a, Point b, Point c, Color color) = 0;
  virtual void text(Point at, std::string_view text, float size, Color color, Align align = Align::left) = 0;
  // Where each byte of a line begins, from 0 on, and where the line ends: one number more than bytes.
  virtual std::vector<float> edges(std::string_view line, float size) = 0;
  // Nothing is drawn outside of the area until it is released.
  virtual void clip(const Rect& area) = 0;
  virtual void release() = 0;
};

} // namespace acebridge::window
