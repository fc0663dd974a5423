// Saved takes, damaged in many ways, then restored: never a crash, and what is read plays. ASan and UBSan look on.
#include "check.hpp"
#include "sha256.hpp"
#include "signals.hpp"

#include <cstdlib>

using namespace acebridge;

namespace {

std::mt19937 source(20240601);

size_t below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(source); }

std::string valid_state() {
  TakeState state;
  for (int number = 1; number <= 3; ++number) {
    const Bytes file = signals::wav(signals::noise(16 + below(32), 71), 48000);
    TakeRegion region;
    region.number = number;
    region.start_frame = static_cast<int64_t>(below(500));
    region.frames = static_cast<int64_t>((file->size() - 44) / 8);
    region.rate_hz = 48000;
    region.fade_frames = static_cast<uint32_t>(below(40));
    region.sha256 = sha256(file->data(), file->size());
    state.takes.push_back(region);
    state.assets[region.sha256] = file;
  }
  return encode_state(state);
}

void damage(std::string& text) {
  static constexpr std::array<const char*, 8> kWords{"-1", "99999999999999999999", "0", " ", "\n", "take", "asset", "nan"};
  const size_t place = below(text.size());
  switch (below(6)) {
  case 0:
    text[place] = static_cast<char>(1 + below(255));
    break;
  case 1:
    text.resize(place);
    break;
  case 2:
    text.erase(place, below(40));
    break;
  case 3:
    text.insert(place, kWords[below(kWords.size())]);
    break;
  case 4:
    text.insert(place, text.substr(below(text.size()), below(80)));
    break;
  default:
    text.replace(place, below(8), kWords[below(kWords.size())]);
  }
  text += text.empty() ? "x" : "";
}

// Half of the texts get a right check again, so that their lines are read.
void renew_check(std::string& text) {
  const size_t end = text.find('\n');
  if (end != std::string::npos) {
    const std::string body = text.substr(end + 1);
    text = "acebridge-takes 1 " + sha256(body.data(), body.size()).substr(0, 16) + "\n" + body;
  }
}

void ten_thousand_damaged_states() {
  Core core(48000);
  core.parameters().set(Id::mode, 1);
  signals::Host host;
  host.time.playing = true;
  const signals::Stereo input = signals::noise(600, 72);
  int playable = 0;
  int refused = 0;
  for (int i = 0; i < 10000; ++i) {
    std::string text = valid_state();
    for (size_t k = 0; k <= below(4); ++k) {
      damage(text);
    }
    if (i % 2 == 0) {
      renew_check(text);
    }
    core.set_state(Key::takes, text);
    core.parameters().set(Id::take, static_cast<float>(1 + i % 3));
    signals::play(core, host, 0, input, 600);
    const Status status = core.status();
    playable += status == Status::ready ? 1 : 0;
    refused += status == Status::damaged || status == Status::newer ? 1 : 0;
    CHECK(decode_state(core.get_state(Key::takes)).error != StateError::none || core.get_state(Key::takes) == encode_state(decode_state(core.get_state(Key::takes)).state));
  }
  (void)std::printf("%d playable, %d refused, %d incomplete\n", playable, refused, 10000 - playable - refused);
  CHECK(refused > 4000);
}

} // namespace

int main() { return check::run_all({{"10,000 damaged states", ten_thousand_damaged_states}}); }
