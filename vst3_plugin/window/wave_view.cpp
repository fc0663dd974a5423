#include "wave_view.hpp"

namespace acebridge::window {

void WaveView::show(std::shared_ptr<const Recording> recording, std::vector<TakeRegion> takes) {
  const int64_t first = timeline_.first();
  const int64_t frames = timeline_.frames();
  takes_ = std::move(takes);
  if (recording) {
    if (recording == recording_) {
      return;
    }
    recording_ = std::move(recording);
    peaks_ = std::make_unique<Peaks>(recording_);
    timeline_ = Timeline(*recording_);
    columns_frames_ = -1;
  } else if (!recording_) {
    // A project that was opened again has takes, but no recording.
    int64_t start = takes_.empty() ? 0 : takes_[0].start_frame;
    int64_t end = start;
    for (const TakeRegion& take : takes_) {
      start = std::min(start, take.start_frame);
      end = std::max(end, take.start_frame + take.frames);
    }
    timeline_ = Timeline(start, end - start, takes_.empty() ? 48000 : takes_[0].rate_hz);
  }
  if (timeline_.first() != first || timeline_.frames() != frames) {
    view_.show_all(timeline_.first(), timeline_.frames(), wave_.width);
  }
}

void WaveView::place(const Rect& wave, const Rect& ruler) {
  const double share = wave_.width > 0 ? static_cast<double>(wave.width / wave_.width) : 0;
  wave_ = wave;
  ruler_ = ruler;
  if (share > 0) {
    view_.frames_per_pixel /= share;
  } else {
    view_.show_all(timeline_.first(), timeline_.frames(), wave_.width);
  }
  view_.keep_inside(timeline_.first(), timeline_.frames(), wave_.width);
}

bool WaveView::advance() {
  if (!peaks_ || peaks_->done_frames() == recording_->frames()) {
    return false;
  }
  peaks_->advance(kFramesATime);
  return true;
}

std::string WaveView::describe(const std::optional<Selection>& selection) const {
  if (selection) {
    return "Selected: " + timeline_.describe(selection->first, selection->frames);
  }
  if (is_empty()) {
    return "Nothing is recorded yet.";
  }
  return "All: " + timeline_.describe(timeline_.first(), timeline_.frames());
}

void WaveView::update_columns() {
  const auto count = static_cast<size_t>(std::max(0.0F, wave_.width));
  const bool is_new = columns_.size() != count || columns_view_.first != view_.first || columns_view_.frames_per_pixel != view_.frames_per_pixel;
  if (!peaks_ || (!is_new && columns_frames_ == peaks_->done_frames())) {
    return;
  }
  columns_.resize(count);
  const double start = view_.first - static_cast<double>(timeline_.first());
  for (size_t i = 0; i < count; ++i) {
    const auto first = static_cast<int64_t>(std::floor(start + static_cast<double>(i) * view_.frames_per_pixel));
    const auto last = static_cast<int64_t>(std::ceil(start + static_cast<double>(i + 1) * view_.frames_per_pixel));
    columns_[i] = peaks_->range(first, last);
  }
  columns_view_ = view_;
  columns_frames_ = peaks_->done_frames();
}

void WaveView::draw_wave(Canvas& canvas) const {
  const float middle = wave_.middle();
  const float half = wave_.height / 2 - 4;
  std::vector<Rect> bars;
  bars.reserve(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    const float high = std::clamp(columns_[i].high, -1.0F, 1.0F) * half;
    const float low = std::clamp(columns_[i].low, -1.0F, 1.0F) * half;
    bars.push_back({wave_.x + static_cast<float>(i), middle - high, 1, std::max(1.0F, high - low)});
  }
  canvas.fill_all(bars, colors::kAccent);
}

void WaveView::draw_takes(Canvas& canvas, int take) const {
  std::vector<Rect> others;
  std::vector<Rect> chosen;
  for (const TakeRegion& region : takes_) {
    const float x = wave_.x + view_.x_of(region.start_frame);
    const float width = static_cast<float>(static_cast<double>(region.frames) / view_.frames_per_pixel);
    const Rect bar{x, wave_.bottom() - 14, width, 12};
    std::vector<Rect>& list = region.number == take ? chosen : others;
    const bool is_there = std::any_of(list.begin(), list.end(), [&](const Rect& r) { return r.x == bar.x && r.width == bar.width; });
    if (!is_there) {
      list.push_back(bar);
    }
  }
  canvas.fill_all(others, colors::kTakeBack);
  for (const Rect& bar : chosen) {
    canvas.fill({bar.x, wave_.y + 2, bar.width, wave_.height - 4}, colors::kTakeBack);
    canvas.fill(bar, colors::kTake, 2);
    if (bar.width > 50) {
      canvas.text({std::max(bar.x, wave_.x) + 6, bar.middle()}, "Take " + std::to_string(take), 11, colors::kField);
    }
  }
}

void WaveView::draw_selection(Canvas& canvas, const Selection& selection) const {
  const float first = wave_.x + view_.x_of(selection.first);
  const float last = wave_.x + view_.x_of(selection.first + selection.frames);
  canvas.fill({first, wave_.y, last - first, wave_.height}, colors::kSelection);
  for (const float x : {first, last}) {
    canvas.line({x, wave_.y}, {x, wave_.bottom()}, colors::kText, 1.5F);
    canvas.fill({x - 3, wave_.y, 6, 10}, colors::kText, 2);
  }
}

void WaveView::draw_ruler(Canvas& canvas) const {
  const int64_t last = view_.frame_at(wave_.width);
  for (const Mark& mark : timeline_.marks(view_.frame_at(0), last, kLabelPixels * view_.frames_per_pixel)) {
    const float x = wave_.x + view_.x_of(mark.frame);
    canvas.line({x, wave_.y}, {x, ruler_.y + 5}, colors::kEdge);
    canvas.text({x + 4, ruler_.middle() + 1}, mark.label, 12, colors::kDim);
  }
}

void WaveView::draw(Canvas& canvas, const std::optional<Selection>& selection, int take, std::optional<int64_t> playhead) {
  update_columns();
  canvas.fill(wave_, colors::kField, 4);
  if (is_empty()) {
    canvas.text({wave_.x + wave_.width / 2, wave_.middle()}, "Switch Capture on, and play the bars that you want to work on.", 15, colors::kDim,
                Align::center);
    canvas.outline(wave_, colors::kEdge, 4);
    return;
  }
  canvas.clip({wave_.x, wave_.y, wave_.width, wave_.height + ruler_.height});
  draw_ruler(canvas);
  canvas.release();
  canvas.clip(wave_);
  draw_wave(canvas);
  draw_takes(canvas, take);
  if (selection) {
    draw_selection(canvas, *selection);
  }
  if (playhead) {
    const float x = wave_.x + view_.x_of(*playhead);
    canvas.line({x, wave_.y}, {x, wave_.bottom()}, colors::kAlarm, 2);
  }
  canvas.release();
  canvas.outline(wave_, colors::kEdge, 4);
}

Cursor WaveView::cursor_at(Point at, const std::optional<Selection>& selection) const {
  switch (RegionDrag::part_at(at.x - wave_.x, selection, view_)) {
  case RegionDrag::Part::first:
  case RegionDrag::Part::last:
    return Cursor::sideways;
  case RegionDrag::Part::whole:
    return Cursor::hand;
  default:
    return Cursor::arrow;
  }
}

void WaveView::press(Point at, const std::optional<Selection>& selection) {
  if (!is_empty()) {
    drag_.press(at.x - wave_.x, selection, view_);
  }
}

std::optional<Selection> WaveView::drag(Point at, bool free) {
  const double distance = free ? 0 : kSnapPixels * view_.frames_per_pixel;
  return drag_.drag(at.x - wave_.x, view_, timeline_.first(), timeline_.frames(),
                    [&](int64_t frame) { return timeline_.snap(frame, distance); });
}

void WaveView::scroll(Point at, float across, float along, bool along_only) {
  if (is_empty()) {
    return;
  }
  if (along_only || along != 0) {
    const float by = along != 0 ? along : -across;
    view_.scroll(static_cast<double>(by) * 40 * view_.frames_per_pixel, timeline_.first(), timeline_.frames(), wave_.width);
  } else {
    view_.zoom(std::pow(1.25, -static_cast<double>(across)), at.x - wave_.x, timeline_.first(), timeline_.frames(), wave_.width);
  }
}

} // namespace acebridge::window
