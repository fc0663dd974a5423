#include "check.hpp"
#include "transport.hpp"

using namespace acebridge;

namespace {

HostTime rolling(int64_t frame, double tempo_bpm = 120) {
  HostTime time;
  time.playing = true;
  time.frame = frame;
  time.tempo_bpm = tempo_bpm;
  return time;
}

HostTime stopped(int64_t frame) {
  HostTime time = rolling(frame);
  time.playing = false;
  return time;
}

void reports_start_and_stop() {
  Transport transport;
  CHECK(transport.advance(stopped(7), 64).change == Change::none);
  CHECK(transport.advance(rolling(7), 64).change == Change::start);
  CHECK(transport.advance(rolling(71), 64).change == Change::none);
  CHECK(transport.advance(stopped(135), 64).change == Change::stop);
  CHECK(transport.advance(stopped(0), 64).change == Change::none);
}

void tells_a_step_back_from_a_step_forward() {
  Transport transport;
  transport.advance(rolling(1000), 100);
  CHECK(transport.advance(rolling(500), 100).change == Change::back);
  CHECK(transport.advance(rolling(600), 100).change == Change::none);
  CHECK(transport.advance(rolling(702), 100).change == Change::forward);
}

void takes_a_difference_of_one_frame_for_rounding() {
  Transport transport;
  transport.advance(rolling(0), 100);
  const Block early = transport.advance(rolling(99), 100);
  CHECK(early.change == Change::none && early.frame == 100);
  const Block late = transport.advance(rolling(201), 100);
  CHECK(late.change == Change::none && late.frame == 200);
}

void sees_changes_of_tempo_and_meter() {
  Transport transport;
  transport.advance(rolling(0), 100);
  CHECK(!transport.advance(rolling(100), 100).tempo_changed);
  CHECK(transport.advance(rolling(200, 121), 100).tempo_changed);
  HostTime waltz = rolling(300, 121);
  waltz.meter.beats_per_bar = 3;
  CHECK(transport.advance(waltz, 100).tempo_changed);
}

void counts_below_zero() {
  Transport transport;
  transport.advance(rolling(-150), 100);
  CHECK(transport.advance(rolling(-50), 100).change == Change::none);
  CHECK(transport.advance(rolling(50), 100).frame == 50);
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
