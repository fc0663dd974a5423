#include "check.hpp"
#include "transport.hpp"

using namespace acebridge;

namespace {

HostTime roll_at(int64_t frame, double tempo_bpm = 120) {
  HostTime time;
  time.playing = true;
  time.frame = frame;
  time.tempo_bpm = tempo_bpm;
  return time;
}

HostTime stop_at(int64_t frame) {
  HostTime time = roll_at(frame);
  time.playing = false;
  return time;
}

void reports_start_and_stop() {
  Transport transport;
  CHECK(transport.advance(stop_at(7), 64).change == Change::none);
  CHECK(transport.advance(roll_at(7), 64).change == Change::start);
  CHECK(transport.advance(roll_at(71), 64).change == Change::none);
  CHECK(transport.advance(stop_at(135), 64).change == Change::stop);
  CHECK(transport.advance(stop_at(0), 64).change == Change::none);
}

void tells_a_step_back_from_a_step_forward() {
  Transport transport;
  transport.advance(roll_at(1000), 100);
  CHECK(transport.advance(roll_at(500), 100).change == Change::back);
  CHECK(transport.advance(roll_at(600), 100).change == Change::none);
  CHECK(transport.advance(roll_at(702), 100).change == Change::forward);
}

void takes_a_difference_of_one_frame_for_rounding() {
  Transport transport;
  transport.advance(roll_at(0), 100);
  const Block early = transport.advance(roll_at(99), 100);
  CHECK(early.change == Change::none && early.frame == 100);
  const Block late = transport.advance(roll_at(201), 100);
  CHECK(late.change == Change::none && late.frame == 200);
}

void sees_changes_of_tempo_and_meter() {
  Transport transport;
  transport.advance(roll_at(0), 100);
  CHECK(!transport.advance(roll_at(100), 100).tempo_changed);
  CHECK(transport.advance(roll_at(200, 121), 100).tempo_changed);
  HostTime waltz = roll_at(300, 121);
  waltz.meter.beats_per_bar = 3;
  CHECK(transport.advance(waltz, 100).tempo_changed);
}

void counts_below_zero() {
  Transport transport;
  transport.advance(roll_at(-150), 100);
  CHECK(transport.advance(roll_at(-50), 100).change == Change::none);
  CHECK(transport.advance(roll_at(50), 100).frame == 50);
}

} // namespace

int main() {
  return check::run_all({
      {"reports start and stop", reports_start_and_stop},
      {"tells a step back from a step forward", tells_a_step_back_from_a_step_forward},
      {"takes a difference of one frame for rounding", takes_a_difference_of_one_frame_for_rounding},
      {"sees changes of tempo and meter", sees_changes_of_tempo_and_meter},
      {"counts below zero", counts_below_zero},
  });
}
