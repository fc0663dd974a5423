// The window's canvas on DPF's NanoVG.
#pragma once

#include "canvas.hpp"

#include "NanoVG.hpp"

namespace acebridge::window {

class NanoCanvas : public Canvas {
public:
  explicit NanoCanvas(DGL_NAMESPACE::NanoVG& nano) : nano_(nano) { nano_.loadSharedResources(); }

  // Pixels of the screen for one of the window's.
  void set_scale(float scale) { scale_ = scale; }

  void begin() {
    nano_.save();
    prepare();
  }
  void end() { nano_.restore(); }

  void fill(const Rect& area, Color color, float radius) override {
    nano_.beginPath();
    nano_.roundedRect(area.x, area.y, area.width, area.height, radius);
    paint(color);
  }

  void fill_all(const std::vector<Rect>& areas, Color color) override {
    if (areas.empty()) {
      return;
    }
    nano_.beginPath();
    for (const Rect& area : areas) {
      nano_.rect(area.x, area.y, area.width, area.height);
    }
    paint(color);
  }

  void outline(const Rect& area, Color color, float radius) override {
    nano_.beginPath();
    nano_.roundedRect(area.x + 0.5F, area.y + 0.5F, area.width - 1, area.height - 1, radius);
    stroke(color, 1);
  }

  void line(Point from, Point to, Color color, float width) override {
    nano_.beginPath();
    nano_.moveTo(from.x, from.y);
    nano_.lineTo(to.x, to.y);
    stroke(color, width);
  }

  void triangle(Point a, Point b, Point c, Color color) override {
    nano_.beginPath();
    nano_.moveTo(a.x, a.y);
    nano_.lineTo(b.x, b.y);
    nano_.lineTo(c.x, c.y);
    nano_.closePath();
    paint(color);
  }

  void text(Point at, std::string_view text, float size, Color color, Align align) override {
    if (text.empty()) {
      return;
    }
    const int side = align == Align::left     ? DGL_NAMESPACE::NanoVG::ALIGN_LEFT
                     : align == Align::center ? DGL_NAMESPACE::NanoVG::ALIGN_CENTER
                                              : DGL_NAMESPACE::NanoVG::ALIGN_RIGHT;
    nano_.fontSize(size);
    nano_.textAlign(side | DGL_NAMESPACE::NanoVG::ALIGN_MIDDLE);
    nano_.fillColor(color.red, color.green, color.blue, color.alpha);
    nano_.text(at.x, at.y, text.data(), text.data() + text.size());
  }

  // Also between frames: keys and the mouse need it.
  std::vector<float> edges(std::string_view line, float size) override {
    std::vector<float> edges(line.size() + 1, 0);
    if (line.empty()) {
      return edges;
    }
    nano_.save();
    nano_.resetTransform();
    prepare();
    nano_.fontSize(size);
    nano_.textAlign(DGL_NAMESPACE::NanoVG::ALIGN_LEFT | DGL_NAMESPACE::NanoVG::ALIGN_MIDDLE);
    std::vector<DGL_NAMESPACE::NanoVG::GlyphPosition> glyphs(line.size());
    const int count = nano_.textGlyphPositions(0, 0, line.data(), line.data() + line.size(), glyphs[0], static_cast<int>(glyphs.size()));
    DGL_NAMESPACE::Rectangle<float> bounds;
    const float end = nano_.textBounds(0, 0, line.data(), line.data() + line.size(), bounds);
    nano_.restore();
    // The bytes of a character share its place.
    for (int i = 0; i < count; ++i) {
      const auto first = static_cast<size_t>(glyphs[static_cast<size_t>(i)].str - line.data());
      const size_t next = i + 1 < count ? static_cast<size_t>(glyphs[static_cast<size_t>(i) + 1].str - line.data()) : line.size();
      std::fill(edges.begin() + static_cast<std::ptrdiff_t>(first), edges.begin() + static_cast<std::ptrdiff_t>(next), glyphs[static_cast<size_t>(i)].x);
    }
    edges.back() = end;
    return edges;
  }

  void clip(const Rect& area) override {
    nano_.save();
    nano_.intersectScissor(area.x, area.y, area.width, area.height);
  }

  void release() override { nano_.restore(); }

private:
  void prepare() {
    nano_.scale(scale_, scale_);
    nano_.fontFace(NANOVG_DEJAVU_SANS_TTF);
  }

  void paint(Color color) {
    nano_.fillColor(color.red, color.green, color.blue, color.alpha);
    nano_.fill();
  }

  void stroke(Color color, float width) {
    nano_.strokeColor(color.red, color.green, color.blue, color.alpha);
    nano_.strokeWidth(width);
    nano_.stroke();
  }

  DGL_NAMESPACE::NanoVG& nano_;
  float scale_ = 1;
};

} // namespace acebridge::window
