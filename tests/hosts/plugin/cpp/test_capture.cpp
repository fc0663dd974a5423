#include "check.hpp"
#include "signals.hpp"

using namespace acebridge;
using signals::Host;
using signals::Stereo;

namespace {

// A core with Capture on, whose audio is collected after each block.
struct Studio {
  Core core{48000};
  Host host;

  Studio() {
    core.parameters().set(Id::capture, 1);
    host.time.playing = true;
  }

  void play(int64_t frame, const Stereo& input, size_t block_frames = 512) {
    for (size_t i = 0; i < input[0].size(); i += block_frames) {
      const size_t count = std::min(block_frames, input[0].size() - i);
      signals::play(core, host, frame + static_cast<int64_t>(i), signals::part(input, i, count), count);
      core.collect();
    }
  }

  void stop(int64_t frame) {
    host.time.playing = false;
    signals::play(core, host, frame, signals::noise(64, 9), 64);
    host.time.playing = true;
  }
};

bool holds(const Recording& recording, const Stereo& audio, size_t first = 0) {
  if (recording.samples.size() + 2 * first > 2 * audio[0].size()) {
    return false;
  }
  for (size_t i = 0; i < recording.samples.size(); ++i) {
    if (std::memcmp(&recording.samples[i], &audio[i % 2][first + i / 2], sizeof(float)) != 0) {
      return false;
    }
  }
  return true;
}

void equals_what_was_played_at_any_block_size() {
  for (const size_t block_frames : {1, 17, 64, 441, 512, 1000, 4096}) {
    Studio studio;
    const Stereo input = signals::noise(9000, 1);
    studio.play(48000, input, block_frames);
    studio.stop(57000);
    const auto recordings = studio.core.recordings();
    CHECK(recordings.size() == 1);
    const Recording& recording = *recordings.at(0);
    CHECK(recording.start.frame == 48000 && recording.frames() == 9000 && recording.cut == Cut::stop);
    CHECK(holds(recording, input));
    CHECK(recording.start.has_bars && recording.start.bar == 1 && recording.start.beat == 3.0);
    CHECK(recording.start.tempo_bpm == 120 && recording.rate_hz == 48000);
  }
}

void is_cut_at_the_wrap_of_a_loop_and_goes_on() {
  Studio studio;
  const Stereo input = signals::noise(4096, 2);
  studio.play(96000 - 4096, input);
  studio.play(48000, input);
  studio.play(48000, input);
  studio.stop(48000 + 4096);
  const auto recordings = studio.core.recordings();
  CHECK(recordings.size() == 3);
  CHECK(recordings.at(0)->cut == Cut::back && recordings.at(0)->start.frame == 96000 - 4096);
  CHECK(recordings.at(1)->cut == Cut::back && recordings.at(1)->start.frame == 48000);
  CHECK(recordings.at(2)->cut == Cut::stop);
  for (const auto& recording : recordings) {
    CHECK(recording->frames() == 4096 && holds(*recording, input));
  }
}

void is_cut_at_a_jump_and_where_capture_ends() {
  Studio studio;
  const Stereo input = signals::noise(2048, 3);
  studio.play(0, input);
  studio.play(100000, input);
  studio.core.parameters().set(Id::capture, 0);
  studio.play(102048, input);
  const auto recordings = studio.core.recordings();
  CHECK(recordings.size() == 2);
  CHECK(recordings.at(0)->cut == Cut::forward && recordings.at(1)->cut == Cut::off);
  CHECK(recordings.at(1)->start.frame == 100000 && recordings.at(1)->frames() == 2048);
}

void keeps_the_tempo_map() {
  Studio studio;
  studio.play(0, signals::noise(1024, 4));
  studio.host.time.tempo_bpm = 90;
  studio.play(1024, signals::noise(1024, 4));
  studio.host.time.meter.beats_per_bar = 3;
  studio.play(2048, signals::noise(1024, 4));
  studio.stop(3072);
  const auto recordings = studio.core.recordings();
  CHECK(recordings.size() == 1 && recordings.at(0)->frames() == 3072);
  const auto& map = recordings.at(0)->tempo_map;
  CHECK(map.size() == 3);
  CHECK(map.at(1).frame == 1024 && map.at(1).tempo_bpm == 90 && map.at(1).meter.beats_per_bar == 4);
  CHECK(map.at(2).frame == 2048 && map.at(2).meter.beats_per_bar == 3);
}

void records_nothing_while_stopped_or_off() {
  Studio studio;
  studio.host.time.playing = false;
  studio.play(0, signals::noise(1024, 5));
  CHECK(studio.core.status() == Status::waiting);
  studio.core.parameters().set(Id::capture, 0);
  studio.host.time.playing = true;
  studio.play(0, signals::noise(1024, 5));
  CHECK(studio.core.recordings().empty());
  CHECK(studio.core.status() == Status::ready);
}

void begins_in_the_middle_of_playing() {
  Studio studio;
  studio.core.parameters().set(Id::capture, 0);
  studio.play(0, signals::noise(512, 6));
  studio.core.parameters().set(Id::capture, 1);
  studio.play(512, signals::noise(512, 7));
  CHECK(studio.core.status() == Status::capturing);
  studio.stop(1024);
  CHECK(studio.core.recordings().at(0)->start.frame == 512);
}

void ends_at_its_limit_and_says_so() {
  CaptureRings rings(1 << 14);
  CaptureWriter writer(rings, 1000);
  Recordings recordings(rings, 48000, 100000);
  Transport transport;
  const Stereo input = signals::noise(512, 8);
  const std::array<const float*, 2> channels{input[0].data(), input[1].data()};
  HostTime time;
  time.playing = true;
  for (int i = 0; i < 4; ++i) {
    writer.process(transport.advance(time, 512), channels.data(), 512, true);
    time.frame += 512;
  }
  recordings.collect();
  CHECK(writer.state() == CaptureState::full);
  CHECK(recordings.all().size() == 1);
  CHECK(recordings.all().at(0)->frames() == 1000 && recordings.all().at(0)->cut == Cut::limit);
  time.frame = 0; // the loop wraps: a new recording
  writer.process(transport.advance(time, 512), channels.data(), 512, true);
  CHECK(writer.state() == CaptureState::recording);
}

void says_when_the_reader_is_too_slow() {
  CaptureRings rings(1024);
  CaptureWriter writer(rings, 100000);
  Recordings recordings(rings, 48000, 100000);
  Transport transport;
  const Stereo input = signals::noise(300, 9);
  const std::array<const float*, 2> channels{input[0].data(), input[1].data()};
  HostTime time;
  time.playing = true;
  const auto play = [&] {
    writer.process(transport.advance(time, 300), channels.data(), 300, true);
    time.frame += 300;
  };
  for (int i = 0; i < 6; ++i) {
    play();
  }
  CHECK(writer.state() == CaptureState::lost);
  recordings.collect();
  CHECK(recordings.all().size() == 1);
  CHECK(recordings.all().at(0)->frames() == 900 && recordings.all().at(0)->cut == Cut::overflow);
  play();
  play();
  recordings.collect();
  CHECK(writer.state() == CaptureState::lost); // until Capture is switched off
  CHECK(recordings.all().size() == 2 && recordings.all().at(1)->start.frame == 1800);
  writer.process(transport.advance(time, 300), channels.data(), 300, false);
  CHECK(writer.state() == CaptureState::off);
}

void drops_the_oldest_recordings_above_the_limit() {
  CaptureRings rings(1 << 14);
  CaptureWriter writer(rings, 100000);
  Recordings recordings(rings, 48000, 1000);
  Transport transport;
  const Stereo input = signals::noise(400, 10);
  const std::array<const float*, 2> channels{input[0].data(), input[1].data()};
  HostTime time;
  time.playing = true;
  for (int i = 0; i < 5; ++i) {
    time.frame = 1000 - 100 * i;
    writer.process(transport.advance(time, 400), channels.data(), 400, true);
    recordings.collect();
  }
  CHECK(recordings.all().size() == 2);
  CHECK(recordings.all().back()->start.frame == 600);
}

void survives_a_tempo_that_changes_with_every_frame() {
  Studio studio;
  const Stereo input = signals::noise(12000, 11);
  for (size_t i = 0; i < 12000; ++i) {
    studio.host.time.tempo_bpm = 100 + static_cast<double>(i % 50);
    signals::play(studio.core, studio.host, static_cast<int64_t>(i), signals::part(input, i, 1), 1);
    if (i % 1000 == 0) {
      studio.core.collect();
    }
  }
  studio.stop(12000);
  CHECK(studio.core.recordings().size() == 1);
  CHECK(studio.core.recordings().at(0)->tempo_map.size() == 12000);
  CHECK(holds(*studio.core.recordings().at(0), input));
}

} // namespace

int main() {
  return check::run_all({
      {"equals what was played at any block size", equals_what_was_played_at_any_block_size},
      {"is cut at the wrap of a loop and goes on", is_cut_at_the_wrap_of_a_loop_and_goes_on},
      {"is cut at a jump and where capture ends", is_cut_at_a_jump_and_where_capture_ends},
      {"keeps the tempo map", keeps_the_tempo_map},
      {"records nothing while stopped or off", records_nothing_while_stopped_or_off},
      {"begins in the middle of playing", begins_in_the_middle_of_playing},
      {"ends at its limit and says so", ends_at_its_limit_and_says_so},
      {"says when the reader is too slow", says_when_the_reader_is_too_slow},
      {"drops the oldest recordings above the limit", drops_the_oldest_recordings_above_the_limit},
      {"survives a tempo that changes with every frame", survives_a_tempo_that_changes_with_every_frame},
  });
}
