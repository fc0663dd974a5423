// Saved takes, damaged in many ways, then restored: never a crash, and what is read plays. ASan and UBSan look on.
#include "check.hpp"
#include "sha256.hpp"
#include "signals.hpp"

#include <cstdlib>

using namespace acebridge;

namespace {

std::mt19937 source(20240601);

size_t below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(source); }

// A file whose bytes are damaged has the right hash all the same.
Bytes make_file(bool is_damaged, uint32_t rate_hz) {
  const Bytes file = signals::wav(signals::noise(16 + below(32), 71), rate_hz);
  if (!is_damaged) {
    return file;
  }
  std::vector<uint8_t> bytes = *file;
  bytes[below(44)] = static_cast<uint8_t>(below(256));
  bytes[below(44)] = static_cast<uint8_t>(below(256));
  bytes.resize(below(4) == 0 ? below(bytes.size()) : bytes.size());
  return std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
}

std::string make_state(bool has_damaged_files) {
  TakeState state;
  for (int number = 1; number <= 3; ++number) {
    const uint32_t rate_hz = below(32) == 0 ? 44100 : 48000;
    const Bytes file = make_file(has_damaged_files, rate_hz);
    TakeRegion region;
    region.number = number;
    region.start_frame = static_cast<int64_t>(below(500));
    region.frames = file->size() > 52 ? static_cast<int64_t>((file->size() - 44) / 8) : 1;
    region.rate_hz = rate_hz;
    region.fade_frames = static_cast<uint32_t>(below(40));
    region.sha256 = sha256(file->data(), file->size());
    state.takes.push_back(region);
    state.assets[region.sha256] = file;
  }
  return encode_state(state);
}

// Somewhere in the first `length` bytes.
void damage(std::string& text, size_t length) {
  static constexpr std::array<const char*, 8> kWords{"-1", "99999999999999999999", "0", " ", "\n", "take", "asset", "nan"};
  const size_t place = below(std::clamp<size_t>(length, 1, text.size()));
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

// The lines after a wrong check are not read. This makes it right.
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
  int readable = 0;
  int playable = 0;
  for (int i = 0; i < 10000; ++i) {
    const int kind = i % 4; // 0: anywhere, 1: anywhere below the check, 2: the lines of takes, 3: the files
    std::string text = make_state(kind == 3);
    for (size_t k = 0; kind != 3 && k <= below(4); ++k) {
      damage(text, kind == 2 ? text.find("asset") : text.size());
    }
    if (kind == 1 || kind == 2) {
      renew_check(text);
    }
    core.set_state(Key::regions, text);
    core.parameters().set(Id::take, static_cast<float>(1 + i % 3));
    signals::play(core, host, 0, input, 600);
    const Status status = core.status();
    readable += decode_state(text).error == StateError::none ? 1 : 0;
    playable += status == Status::ready ? 1 : 0;
    const std::string saved = core.get_state(Key::regions);
    const DecodedState again = decode_state(saved);
    CHECK(again.error == StateError::none ? saved == encode_state(again.state) : !saved.empty());
  }
  (void)std::printf("%d could be read, all takes of %d play\n", readable, playable);
  CHECK(readable > 2500 && readable < 7500 && playable > 50);
}

} // namespace

int main() { return check::run_all({{"10,000 damaged states", ten_thousand_damaged_states}}); }
