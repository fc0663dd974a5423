// The waveform of the latest recording, its bars, the takes where they lie, and the region that one drags.
#pragma once

#include "canvas.hpp"
#include "input.hpp"
#include "region.hpp"
#include "timeline.hpp"
#include "waveform.hpp"

namespace acebridge::window {

class WaveView {
public:
  // What is to be shown from now on; a recording that is shown already stays as it is.
  void show(std::shared_ptr<const Recording> recording, std::vector<TakeRegion> takes);
  void place(const Rect& wave, const Rect& ruler);
  // Compute a part of the waveform, and return whether there is more to see.
  bool advance();

  const Timeline& timeline() const { return timeline_; }
  bool is_empty() const { return timeline_.frames() == 0; }
  Rect area() const { return wave_; }
  // In words: what is selected, or all.
  std::string describe(const std::optional<Selection>& selection) const;

  void draw(Canvas& canvas, const std::optional<Selection>& selection, int take, std::optional<int64_t> playhead);

  Cursor cursor_at(Point at, const std::optional<Selection>& selection) const;
  void press(Point at, const std::optional<Selection>& selection);
  // The selection as it is with the mouse here; nothing as long as nothing has changed.
  std::optional<Selection> drag(Point at, bool free);
  bool is_dragged() const { return drag_.is_active(); }
  void release() { drag_.release(); }
  void scroll(Point at, float across, float along, bool along_only);

private:
  static constexpr int64_t kFramesATime = 500000;
  static constexpr double kSnapPixels = 6;
  static constexpr double kLabelPixels = 44;

  void update_columns();
  void draw_wave(Canvas& canvas) const;
  void draw_takes(Canvas& canvas, int take) const;
  void draw_selection(Canvas& canvas, const Selection& selection) const;
  void draw_ruler(Canvas& canvas) const;

  Rect wave_;
  Rect ruler_;
  std::shared_ptr<const Recording> recording_;
  std::vector<TakeRegion> takes_;
  std::unique_ptr<Peaks> peaks_;
  Timeline timeline_{0, 0, 48000};
  View view_;
  RegionDrag drag_;
  // The columns of the waveform, and what they were computed for.
  std::vector<Peak> columns_;
  View columns_view_;
  int64_t columns_frames_ = -1;
};

} // namespace acebridge::window
