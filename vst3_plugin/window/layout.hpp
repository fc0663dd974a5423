// Where everything is in a window of some size, in logical pixels.
#pragma once

#include "geometry.hpp"

#include <algorithm>

namespace acebridge::window {

constexpr float kWidth = 860;
constexpr float kHeight = 560;
constexpr float kLeastWidth = 720;
constexpr float kLeastHeight = 480;

struct Layout {
  Rect wave;      // the waveform
  Rect ruler;     // bars or seconds, below it
  Rect region;    // what is selected, in words
  Rect capture;   // the switch
  Rect caption;   // fields, without their labels
  Rect lyrics;
  Rect tracks;
  Rect folder;
  Rect task;
  Rect track; // or how a repaint's loudness is matched: no task uses both
  Rect strength;
  Rect takes;
  Rect seed;
  Rect mode;
  Rect take_list;
  Rect go;
  Rect cancel;
  Rect vary;
  Rect variation; // the slider
  Rect start; // the button that starts the daemon
  Rect progress;
  Rect sentence;
};

constexpr float kMargin = 12;
constexpr float kLabel = 16; // above a field
constexpr float kRow = 28;
constexpr float kGap = 10;
constexpr float kSentence = 36; // two rows

// Left: what is to be played. Right: how, and the takes. Below: what is going on.
inline Layout make_layout(float width, float height) {
  Layout layout;
  const float w = std::max(width, kLeastWidth);
  const float h = std::max(height, kLeastHeight);
  const float inner = w - 2 * kMargin;
  const float wave_height = std::max(90.0F, h * 0.22F);
  layout.capture = {kMargin, kMargin, 110, kRow};
  layout.region = {kMargin + 124, kMargin, inner - 124, kRow};
  layout.wave = {kMargin, layout.capture.bottom() + 8, inner, wave_height};
  layout.ruler = {kMargin, layout.wave.bottom(), inner, 18};

  const float status_top = h - kMargin - kRow - 6 - kSentence;
  const float top = layout.ruler.bottom() + 6;
  const float right_width = std::max(300.0F, inner * 0.40F);
  const float left_width = inner - right_width - 2 * kGap;
  const float right = kMargin + left_width + 2 * kGap;
  const float bottom = status_top - kGap;

  layout.caption = {kMargin, top + kLabel, left_width, kRow};
  layout.folder = {kMargin, bottom - kRow, left_width, kRow};
  layout.tracks = {kMargin, layout.folder.y - kLabel - 4 - kRow, left_width, kRow};
  const float lyrics_top = layout.caption.bottom() + 4 + kLabel;
  layout.lyrics = {kMargin, lyrics_top, left_width, layout.tracks.y - kLabel - 4 - lyrics_top};

  const float third = (right_width - 2 * kGap) / 3;
  const auto cell = [&](int column, int row) {
    return Rect{right + static_cast<float>(column) * (third + kGap), top + kLabel + static_cast<float>(row) * (kLabel + kRow + 4), third, kRow};
  };
  layout.task = cell(0, 0);
  layout.track = cell(1, 0);
  layout.strength = cell(2, 0);
  layout.takes = cell(0, 1);
  layout.seed = cell(1, 1);
  layout.mode = cell(2, 1);
  const float list_top = layout.mode.bottom() + 6 + kLabel;
  layout.take_list = {right, list_top, right_width, bottom - list_top};

  layout.go = {kMargin, status_top, 96, kRow};
  layout.cancel = {layout.go.right() + kGap, status_top, 96, kRow};
  layout.vary = {layout.cancel.right() + kGap, status_top, 96, kRow};
  layout.variation = {layout.vary.right() + 4, status_top, 76, kRow};
  layout.progress = {layout.variation.right() + kGap, status_top, w - kMargin - layout.variation.right() - kGap, kRow};
  layout.sentence = {kMargin, status_top + kRow + 6, inner, kSentence};
  layout.start = {w - kMargin - 130, layout.sentence.y + 4, 130, kRow};
  return layout;
}

} // namespace acebridge::window
