#include "check.hpp"
#include "layout.hpp"
#include "region.hpp"
#include "signals.hpp"
#include "timeline.hpp"
#include "waveform.hpp"

#include <cmath>

using namespace acebridge;
using namespace acebridge::window;

namespace {

std::shared_ptr<Recording> recording_of(size_t frames, uint32_t seed, int64_t start = 0) {
  const signals::Stereo audio = signals::noise(frames, seed);
  auto recording = std::make_shared<Recording>();
  for (size_t i = 0; i < frames; ++i) {
    recording->samples.push_back(audio[0][i]);
    recording->samples.push_back(audio[1][i]);
  }
  recording->start.frame = start;
  recording->rate_hz = 48000;
  recording->tempo_map.push_back({start, 120, {4, 4}});
  return recording;
}

Peak naive(const Recording& recording, int64_t first, int64_t last) {
  Peak peak;
  for (int64_t i = first; i < last; ++i) {
    for (int channel = 0; channel < 2; ++channel) {
      const float sample = recording.samples[static_cast<size_t>(2 * i + channel)];
      peak.low = i == first && channel == 0 ? sample : std::min(peak.low, sample);
      peak.high = i == first && channel == 0 ? sample : std::max(peak.high, sample);
    }
  }
  return peak;
}

void peaks_agree_with_a_scan() {
  std::mt19937 random(1);
  for (const size_t frames : {0U, 1U, 255U, 256U, 2048U, 5000U, 70001U}) {
    const auto recording = recording_of(frames, 3);
    Peaks peaks(recording);
    while (!peaks.advance(1 + random() % 20000)) {
    }
    CHECK(peaks.done_frames() == static_cast<int64_t>(frames));
    for (int i = 0; i < 300 && frames > 0; ++i) {
      const auto a = static_cast<int64_t>(random() % (frames + 1));
      const auto b = static_cast<int64_t>(random() % (frames + 1));
      const Peak got = peaks.range(std::min(a, b), std::max(a, b));
      const Peak want = naive(*recording, std::min(a, b), std::max(a, b));
      CHECK(got.low == want.low && got.high == want.high);
    }
    const Peak outside = peaks.range(-50, 0);
    CHECK(outside.low == 0 && outside.high == 0);
  }
}

void peaks_show_no_more_than_is_computed() {
  const auto recording = recording_of(10000, 4);
  Peaks peaks(recording);
  CHECK(!peaks.advance(1000));
  CHECK(peaks.done_frames() == 768);
  const Peak got = peaks.range(0, 10000);
  const Peak want = naive(*recording, 0, 768);
  CHECK(got.low == want.low && got.high == want.high);
}

void bars_follow_tempo_and_meter() {
  auto recording = recording_of(48000 * 10, 5, 96000); // starts at the third second
  recording->start.has_bars = true;
  recording->start.bar = 2;
  recording->start.beat = 3; // half a bar
  recording->tempo_map = {{96000, 120, {4, 4}}, {96000 + 144000, 60, {3, 4}}};
  const Timeline timeline(*recording);
  CHECK(timeline.bar_at(96000) == 2.5);
  CHECK(timeline.bar_at(96000 + 48000) == 3);
  CHECK(timeline.bar_at(96000 + 144000) == 4); // from here on a bar is three seconds
  CHECK(timeline.bar_at(96000 + 144000 + 72000) == 4.5);
  const std::vector<int64_t> want{96000 + 48000, 96000 + 144000, 96000 + 144000 + 144000};
  CHECK(std::vector<int64_t>(timeline.bar_frames().begin(), timeline.bar_frames().begin() + 3) == want);
  CHECK(timeline.describe(96000 + 48000, 96000) == "Bar 3 \xC2\xB7 2.00 s");
  CHECK(timeline.describe(96000 + 48000, 96000 + 144000) == "Bars 3 to 4 \xC2\xB7 5.00 s");
  CHECK(timeline.describe(96000, 48000) == "From bar 2.5 up to bar 3 \xC2\xB7 1.00 s");
  CHECK(timeline.snap(96000 + 48100, 200) == 96000 + 48000);
  CHECK(timeline.snap(96000 + 48300, 200) == 96000 + 48300);
  CHECK(timeline.snap(96010, 200) == 96000);
  const auto marks = timeline.marks(96000, 96000 + 480000, 1000);
  CHECK(marks.size() == 4 && marks[0].label == "3" && marks[1].label == "4");
  CHECK(timeline.marks(96000, 96000 + 480000, 100000).size() == 2); // every second bar: 3 and 5
}

void seconds_stand_in_for_bars() {
  const Timeline timeline(*recording_of(48000 * 4, 6, 24000));
  CHECK(!timeline.has_bars() && timeline.bar_frames().empty());
  CHECK(timeline.describe(24000, 48000) == "0.50 s to 1.50 s \xC2\xB7 1.00 s");
  const auto marks = timeline.marks(24000, 24000 + 48000 * 4, 40000);
  CHECK(marks.size() == 4 && marks[0].label == "1 s" && marks[0].frame == 48000);
  const auto fine = timeline.marks(48000, 48000 + 960, 480);
  CHECK(fine.size() == 3 && fine[1].label == "1.01 s");
}

void views_zoom_around_the_mouse_and_stay_inside() {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    View view;
    const float width = 100 + static_cast<float>(random() % 1000);
    const auto start = static_cast<int64_t>(random() % 100000) - 50000;
    const auto frames = static_cast<int64_t>(1 + random() % 1000000);
    view.show_all(start, frames, width);
    CHECK(view.frame_at(0) == start && std::abs(view.frame_at(width) - start - frames) <= 1);
    for (int k = 0; k < 8; ++k) {
      const float x = static_cast<float>(random() % 100);
      const double at = view.first + static_cast<double>(x) * view.frames_per_pixel;
      const double scale = view.frames_per_pixel;
      view.zoom(random() % 2 == 0 ? 0.8 : 1.25, x, start, frames, width);
      if (view.frames_per_pixel < scale) {
        CHECK(std::abs(view.first + static_cast<double>(x) * view.frames_per_pixel - at) < 1);
      }
      view.scroll(static_cast<double>(random() % 5000) - 2500, start, frames, width);
      CHECK(view.first >= static_cast<double>(start) - 1e-6);
      CHECK(view.first + view.frames_per_pixel * static_cast<double>(width) <= static_cast<double>(start + frames) + 1e-3);
    }
  }
}

void regions_are_dragged_by_edges_and_middle() {
  View view;
  view.show_all(1000, 10000, 100); // 100 frames a pixel
  const auto plain = [](int64_t frame) { return frame; };
  RegionDrag drag;
  std::optional<Selection> selection;
  const auto drag_to = [&](float from, float to) {
    drag.press(from, selection, view);
    const auto now = drag.drag(to, view, 1000, 10000, plain);
    drag.release();
    selection = now ? now : selection;
  };
  drag_to(10, 30);
  CHECK(selection && selection->first == 2000 && selection->frames == 2000);
  drag_to(30, 50); // the last edge
  CHECK(selection->first == 2000 && selection->frames == 4000);
  drag_to(30, 95); // the middle: stays inside
  CHECK(selection->first == 7000 && selection->frames == 4000);
  drag_to(100, 40); // the last edge, over the first
  CHECK(selection->first == 5000 && selection->frames == 2000);
  drag_to(20, 21); // a click changes nothing
  CHECK(selection->first == 5000);
  drag_to(20, -50);
  CHECK(selection->first == 1000 && selection->frames == 2000);
}

void nothing_overlaps_at_any_size() {
  std::mt19937 random(8);
  for (int i = 0; i < 500; ++i) {
    const float width = kLeastWidth + static_cast<float>(random() % 1500);
    const float height = kLeastHeight + static_cast<float>(random() % 1000);
    const Layout layout = make_layout(width, height);
    const std::array<Rect, 18> areas{layout.wave,  layout.ruler, layout.region, layout.capture, layout.caption, layout.lyrics,
                                     layout.tracks, layout.folder, layout.task, layout.track, layout.strength, layout.takes,
                                     layout.seed,  layout.mode,  layout.take_list, layout.go,  layout.cancel, layout.progress};
    for (size_t a = 0; a < areas.size(); ++a) {
      CHECK(areas[a].x >= 0 && areas[a].y >= 0 && areas[a].right() <= width && areas[a].bottom() <= height);
      CHECK(areas[a].width > 20 && areas[a].height > 10);
      for (size_t b = 0; b < a; ++b) {
        const bool apart = areas[a].right() <= areas[b].x || areas[b].right() <= areas[a].x || areas[a].bottom() <= areas[b].y ||
                           areas[b].bottom() <= areas[a].y;
        CHECK(apart);
      }
    }
    CHECK(layout.lyrics.height > 50 && layout.take_list.height > 50 && layout.sentence.bottom() <= height);
  }
}

} // namespace

int main() {
  return check::run_all({
      {"peaks agree with a scan", peaks_agree_with_a_scan},
      {"peaks show no more than is computed", peaks_show_no_more_than_is_computed},
      {"bars follow tempo and meter", bars_follow_tempo_and_meter},
      {"seconds stand in for bars", seconds_stand_in_for_bars},
      {"views zoom around the mouse and stay inside", views_zoom_around_the_mouse_and_stay_inside},
      {"regions are dragged by edges and middle", regions_are_dragged_by_edges_and_middle},
      {"nothing overlaps at any size", nothing_overlaps_at_any_size},
  });
}
