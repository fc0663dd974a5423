#include "check.hpp"
#include "sha256.hpp"
#include "signals.hpp"
#include "text.hpp"
#include "wav.hpp"

using namespace acebridge;
using signals::Stereo;

namespace {

TakeRegion region_of(int64_t start_frame, int64_t frames, uint32_t rate_hz = 48000) {
  TakeRegion region;
  region.start_frame = start_frame;
  region.frames = frames;
  region.rate_hz = rate_hz;
  return region;
}

void sha256_gives_the_standard_values() { // FIPS 180-4, appendix B
  CHECK(sha256("", 0) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  CHECK(sha256(two_blocks.data(), two_blocks.size()) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

void base64_gives_the_standard_values() { // RFC 4648, section 10
  const auto bytes = [](const char* text) { return std::vector<uint8_t>(text, text + std::strlen(text)); };
  const std::array<std::array<const char*, 2>, 7> pairs{
      {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, code] : pairs) {
    CHECK(encode_base64(bytes(plain)) == code);
    CHECK(decode_base64(code) == bytes(plain));
  }
  for (const char* wrong : {"A", "AA=A", "====", "A===", "Zg==Zg==", "Zm9\n", "Zm9\xFF"}) {
    CHECK(!decode_base64(wrong));
  }
}

void text_becomes_utf8() {
  const std::string good = "Grüße 日本 🎹";
  CHECK(clean_utf8(good) == good);
  CHECK(clean_utf8("a\xFF\xFE"
                   "b") == "a\xEF\xBF\xBD\xEF\xBF\xBD"
                           "b");
  CHECK(clean_utf8("\xC3") == "\xEF\xBF\xBD");
  CHECK(clean_utf8(std::string_view("a\0b", 3)) == "a\xEF\xBF\xBD" "b"); // formats save texts that end at a zero
  CHECK(clean_utf8("\xED\xA0\x80").size() == 9); // a surrogate: three bytes, each replaced
}

void urls_are_ascii() {
  CHECK(file_url("/home/Mein Lied/ü%\"$") == "file:///home/Mein%20Lied/%C3%BC%25%22%24");
}

void wav_files_of_each_format_are_read() {
  const Stereo audio = signals::noise(100, 31);
  const auto read = read_wav(*signals::wav(audio, 44100));
  CHECK(read && read->rate_hz == 44100 && signals::equal(read->channels, audio));
  std::vector<uint8_t> integers;
  signals::append(integers, "RIFF");
  signals::append(integers, 0, 4);
  signals::append(integers, "WAVE");
  signals::append(integers, "LIST"); // an odd chunk before the format, with its padding
  signals::append(integers, 3, 4);
  signals::append(integers, 0, 4);
  signals::append(integers, "fmt ");
  signals::append(integers, 16, 4);
  signals::append(integers, 1, 2);
  signals::append(integers, 1, 2);
  signals::append(integers, 48000, 4);
  signals::append(integers, 96000, 4);
  signals::append(integers, 2, 2);
  signals::append(integers, 16, 2);
  signals::append(integers, "data");
  signals::append(integers, 4, 4);
  signals::append(integers, 0x4000, 2);
  signals::append(integers, 0x8000, 2);
  const auto mono = read_wav(integers);
  CHECK(mono && mono->frames() == 2);
  CHECK(mono->channels[1][0] == 0.5F && mono->channels[0][1] == -1.0F);
  integers.pop_back();
  CHECK(!read_wav(integers));
  CHECK(!read_wav({}));
}

void takes_survive_saving() {
  Core core(48000);
  const Stereo audio = signals::noise(500, 32);
  CHECK(core.put_take(region_of(-100, 500), signals::wav(audio, 48000)));
  core.set_state(Key::caption, "Grüße 日本 🎹");
  core.set_state(Key::lyrics, "[verse]\nÀ la claire fontaine\n");
  const std::string saved = core.get_state(Key::regions);

  Core again(48000);
  again.set_state(Key::regions, saved);
  again.set_state(Key::caption, core.get_state(Key::caption));
  CHECK(again.get_state(Key::regions) == saved);
  CHECK(again.get_state(Key::caption) == "Grüße 日本 🎹");
  CHECK(again.status() == Status::ready && again.missing_assets().empty());
  again.parameters().set(Id::mode, 1);
  signals::Host host;
  host.time.playing = true;
  CHECK(signals::equal(audio, signals::play(again, host, -100, signals::noise(500, 33), 64)));
}

void large_assets_are_kept_as_their_hash() {
  Core core(48000);
  const Stereo audio = signals::noise(kEmbedBytes / 8 + 1, 34);
  const Bytes file = signals::wav(audio, 48000);
  const std::string hash = sha256(file->data(), file->size());
  CHECK(core.put_take(region_of(0, static_cast<int64_t>(audio[0].size())), file));
  const std::string saved = core.get_state(Key::regions);
  CHECK(saved.size() < 1000);
  Core again(48000);
  again.set_state(Key::regions, saved);
  CHECK(again.status() == Status::missing);
  CHECK(again.missing_assets().size() == 1 && again.missing_assets().at(0) == hash);
  CHECK(!again.put_asset(hash, signals::wav(signals::noise(5, 35), 48000)));
  CHECK(again.put_asset(hash, file, "/song/take.wav") && again.file_of(hash) == "/song/take.wav");
  CHECK(again.status() == Status::ready && again.missing_assets().empty());
}

void damage_is_said_and_the_text_is_kept() {
  Core core(48000);
  CHECK(core.put_take(region_of(0, 20), signals::wav(signals::noise(20, 36), 48000)));
  std::string text = core.get_state(Key::regions);
  text[text.size() / 2] ^= 1;
  Core again(48000);
  again.set_state(Key::regions, text);
  CHECK(again.status() == Status::damaged);
  CHECK(again.get_state(Key::regions) == text);
  again.prepare(96000);
  CHECK(again.status() == Status::damaged);
  again.clear_takes();
  CHECK(again.status() == Status::ready && again.get_state(Key::regions).empty());
}

void a_newer_version_is_said_and_kept() {
  Core core(48000);
  const std::string text = "acebridge-takes 2 something else\nentirely\n";
  core.set_state(Key::regions, text);
  CHECK(core.status() == Status::newer);
  CHECK(core.get_state(Key::regions) == text);
  CHECK(core.put_take(region_of(0, 20), signals::wav(signals::noise(20, 37), 48000)));
  CHECK(core.status() == Status::ready);
}

void a_take_replaces_the_one_at_its_place() {
  Core core(48000);
  CHECK(core.put_take(region_of(0, 20), signals::wav(signals::noise(20, 39), 48000)));
  CHECK(core.put_take(region_of(0, 30), signals::wav(signals::noise(30, 40), 48000)));
  const auto decoded = decode_state(core.get_state(Key::regions));
  CHECK(decoded.state.takes.size() == 1 && decoded.state.assets.size() == 1);
  CHECK(decoded.state.takes.at(0).frames == 30);
}

void parameters_stay_in_range() {
  Parameters parameters;
  parameters.set(Id::strength, 7);
  CHECK(parameters.get(Id::strength) == 1);
  parameters.set(Id::mode, -1);
  CHECK(parameters.whole(Id::mode) == 0);
  parameters.set(Id::takes, std::nanf(""));
  CHECK(parameters.whole(Id::takes) == 1);
  for (size_t i = 0; i < kParameters; ++i) {
    const Parameter& row = kParameterTable[i];
    CHECK(row.low <= row.initial && row.initial <= row.high && row.low < row.high);
  }
}

void triggers_count_each_press() {
  Core core(48000);
  signals::Host host;
  for (int i = 0; i < 3; ++i) { // the host never takes the trigger back
    core.parameters().set(Id::go, 1);
    core.parameters().set(Id::go, 1);
    signals::play(core, host, 0, signals::noise(8, 41), 8);
  }
  CHECK(core.parameters().go_count() == 3 && core.parameters().cancel_count() == 0);
  CHECK(!core.parameters().is_on(Id::go));
}

void outputs_show_the_job() {
  Core core(48000);
  core.report({Status::working, 0.25F, -1, "", false});
  CHECK(core.value(static_cast<size_t>(Id::progress)) == 0.25F);
  CHECK(core.value(static_cast<size_t>(Id::state)) == static_cast<float>(Status::working));
}

void the_selection_is_frames_at_a_rate_or_none() {
  Core core(48000);
  const uint64_t before = core.revision();
  core.select(Selection{-100, 48000});
  CHECK(core.get_state(Key::selection) == "-100 48000 48000");
  CHECK(core.revision() != before);
  const auto selection = core.selection();
  CHECK(selection && selection->first == -100 && selection->frames == 48000);
  core.prepare(96000); // the same time at another rate
  const auto later = core.selection();
  CHECK(later && later->first == -200 && later->frames == 96000);
  core.select(std::nullopt);
  CHECK(core.get_state(Key::selection).empty() && !core.selection());
  for (const char* text : {"1", "1 2", "1 0 48000", "1 -1 48000", "a b c", "1 2 3", " 1 2 48000", "1 2 48000 4", "1 2 48000x",
                           "9223372036854775807 1 48000", "1 9223372036854775807 48000", "1 2 9223372036854775807"}) {
    core.set_state(Key::selection, text);
    CHECK(!core.selection());
  }
}

} // namespace

int main() {
  return check::run_all({
      {"SHA-256 gives the standard values", sha256_gives_the_standard_values},
      {"Base64 gives the standard values", base64_gives_the_standard_values},
      {"text becomes UTF-8", text_becomes_utf8},
      {"URLs are ASCII", urls_are_ascii},
      {"WAV files of each format are read", wav_files_of_each_format_are_read},
      {"takes survive saving", takes_survive_saving},
      {"large assets are kept as their hash", large_assets_are_kept_as_their_hash},
      {"damage is said and the text is kept", damage_is_said_and_the_text_is_kept},
      {"a newer version is said and kept", a_newer_version_is_said_and_kept},
      {"a take replaces the one at its place", a_take_replaces_the_one_at_its_place},
      {"parameters stay in range", parameters_stay_in_range},
      {"triggers count each press", triggers_count_each_press},
      {"outputs show the job", outputs_show_the_job},
      {"the selection is frames at a rate or none", the_selection_is_frames_at_a_rate_or_none},
  });
}
