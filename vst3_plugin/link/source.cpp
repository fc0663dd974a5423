#include "source.hpp"

#include "folder.hpp"
#include "take_files.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace acebridge {
namespace {

constexpr double kNewMusicS = 30;

// What a task takes, as docs/contract.md has it.
struct Needs {
  const char* task;
  bool source;   // audio
  bool region;   // start_s and end_s: the source is the whole recording
  bool music;    // caption, lyrics, tempo, meter
  bool strength;
  bool track;    // the one of the parameter
  bool tracks;   // those of the text; without a text, that of the parameter
  bool loudness; // what the new audio is as loud as
};

constexpr std::array<Needs, 6> kNeeds{{
    {"text2music", false, false, true, false, false, false, false},
    {"cover", true, false, true, true, false, false, false},
    {"repaint", true, true, true, true, false, false, true},
    {"lego", true, true, true, false, true, false, false},
    {"complete", true, false, true, false, false, true, false},
    {"extract", true, false, false, false, true, true, false},
}};

std::string frames_text(const Selection& selection) {
  return std::to_string(selection.first) + " to " + std::to_string(selection.first + selection.frames);
}

bool covers(const Recording& recording, const Selection& selection) {
  return recording.start.frame <= selection.first &&
         selection.first + selection.frames <= recording.start.frame + recording.frames();
}

// The latest recording that has ended and holds the selection; null if none does.
std::shared_ptr<const Recording> find_recording(Core& core, const std::optional<Selection>& selection) {
  const auto all = core.recordings();
  for (auto each = all.rbegin(); each != all.rend(); ++each) {
    if ((*each)->frames() > 0 && (!selection || covers(**each, *selection))) {
      return *each;
    }
  }
  return nullptr;
}

LinkError without_source(Core& core, const std::optional<Selection>& selection) {
  if (core.get_state(Key::captures).find(" end open ") != std::string::npos) {
    return LinkError("The capture has not ended yet. Stop the transport or switch Capture off, then press Go.");
  }
  if (selection && !core.recordings().empty()) {
    return LinkError("No capture holds all of the selected frames " + frames_text(*selection) +
                     ". Capture these bars, or change the selection, then press Go.");
  }
  return LinkError("Nothing is captured yet. Switch Capture on, play the bars, then press Go.");
}

Json split(const std::string& text) {
  Json names = Json::list();
  std::string name;
  for (const char c : text + ',') {
    if (c == ',' || c == ';' || c == '\n') {
      if (!name.empty()) {
        names.push(Json::of(name));
      }
      name.clear();
    } else if (c != ' ' && c != '\t' && c != '\r') {
      name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
  }
  return names;
}

// Tempo and meter, where the host said them and they hold for the whole recording.
void add_time(Json& music, const Recording& recording) {
  if (!recording.start.has_bars || recording.tempo_map.size() != 1) {
    return;
  }
  const double bpm = recording.start.tempo_bpm;
  if (bpm >= 30 && bpm <= 300) {
    music.set("bpm", Json::of(bpm));
  }
  const double beats = recording.start.meter.beats_per_bar;
  if (beats == 2 || beats == 3 || beats == 4 || beats == 6) {
    music.set("timesignature", Json::of(beats));
  }
}

Json make_music(Core& core, const Recording* recording) {
  Json music = Json::object();
  music.set("caption", Json::of(core.get_state(Key::caption)));
  music.set("lyrics", Json::of(core.get_state(Key::lyrics)));
  if (recording != nullptr) {
    add_time(music, *recording);
  }
  return music;
}

void add_tracks(Json& fields, const Needs& needs, Core& core, const std::string& track) {
  Json names = needs.tracks ? split(core.get_state(Key::tracks)) : Json::list();
  if (names.items().empty() && (needs.track || needs.tracks)) {
    names.push(Json::of(track));
  }
  if (!names.items().empty()) {
    fields.set("tracks", std::move(names));
  }
}

void add_loudness(Json& fields, Core& core) {
  const int choice = core.parameters().whole(Id::match_loudness);
  if (static_cast<Loudness>(choice) == Loudness::off) {
    fields.set("match_loudness", Json::of(false));
  } else {
    fields.set("loudness_of", Json::of(kLoudness[static_cast<size_t>(choice)]));
  }
}

Json make_output(Core& core, uint32_t rate_hz) {
  const Parameters& parameters = core.parameters();
  Json output = Json::object();
  output.set("sample_rate", Json::of(int64_t{rate_hz}));
  output.set("channels", Json::of(int64_t{2}));
  output.set("takes", Json::of(int64_t{parameters.whole(Id::takes)}));
  if (const int seed = parameters.whole(Id::seed); seed != 0) {
    output.set("seeds", Json::list().push(Json::of(int64_t{seed})));
  }
  return output;
}

// Where new music goes: into the selection, over the recording, or where the transport is.
void place_new_music(Order& order, Core& core, const std::optional<Selection>& selection) {
  if (selection) {
    order.start_frame = selection->first;
    order.frames = selection->frames;
  } else if (order.recording) {
    order.start_frame = order.recording->start.frame;
    order.frames = order.recording->frames();
  } else {
    order.start_frame = core.position();
    order.frames = std::llround(kNewMusicS * order.rate_hz);
  }
  order.fields.set("duration_s", Json::of(static_cast<double>(order.frames) / order.rate_hz));
}

void place_source(Order& order, const Needs& needs, const std::optional<Selection>& selection) {
  const Recording& recording = *order.recording;
  order.frames = recording.frames();
  if (selection && needs.region) {
    const int64_t start = selection->first - recording.start.frame;
    order.fields.set("start_s", Json::of(static_cast<double>(start) / order.rate_hz));
    order.fields.set("end_s", Json::of(static_cast<double>(start + selection->frames) / order.rate_hz));
  } else if (selection) {
    order.first = selection->first - recording.start.frame;
    order.frames = selection->frames;
  }
  if (needs.region) {
    order.fields.set("scope", Json::of("region")); // what stays passes through the plug-in anyway
  }
  order.start_frame = recording.start.frame + order.first;
}

// Numbers for `count` takes beside those that are there: free ones first.
std::vector<int> choose_numbers(const std::vector<TakeRegion>& there, int kept, size_t count) {
  std::vector<int> free;
  std::vector<int> others;
  for (int number = 1; number <= static_cast<int>(kParameterTable[static_cast<size_t>(Id::take)].high); ++number) {
    const bool is_there = std::any_of(there.begin(), there.end(), [&](const TakeRegion& take) { return take.number == number; });
    if (number != kept) {
      (is_there ? others : free).push_back(number);
    }
  }
  free.insert(free.end(), others.begin(), others.end());
  free.resize(std::min(count, free.size()));
  return free;
}

} // namespace

Order make_variation(Core& core) {
  const std::vector<TakeRegion> takes = find_takes(core.takes(), core.selection());
  if (takes.empty()) {
    throw LinkError("There is no take that could be varied. Press Go to make one.");
  }
  const int chosen = core.parameters().whole(Id::take);
  const auto take = std::find_if(takes.begin(), takes.end(), [&](const TakeRegion& each) { return each.number == chosen; });
  if (take == takes.end()) {
    throw LinkError("There is no take " + std::to_string(chosen) + " here. Choose one of the list, then press Vary.");
  }
  Order order;
  order.task = "vary";
  order.again = find_take_file(core.file_of(take->sha256), *take, core.asset(take->sha256));
  if (order.again.empty()) {
    throw LinkError("The audio of take " + std::to_string(chosen) + " is not here. Choose another take, or press Go to make one.");
  }
  order.track = kTracks[static_cast<size_t>(core.parameters().whole(Id::track))];
  order.frames = take->frames;
  order.start_frame = take->start_frame;
  order.rate_hz = take->rate_hz;
  order.variation = std::round(static_cast<double>(core.parameters().get(Id::variation)) * 1000) / 1000;
  order.numbers = choose_numbers(takes, chosen, static_cast<size_t>(core.parameters().whole(Id::takes)));
  Json output = Json::object();
  output.set("takes", Json::of(static_cast<int64_t>(order.numbers.size())));
  order.fields = Json::object();
  order.fields.set("output", std::move(output));
  return order;
}

Order make_order(Core& core) {
  const Needs& needs = kNeeds[static_cast<size_t>(core.parameters().whole(Id::task))];
  const auto selection = core.selection();
  Order order;
  order.task = needs.task;
  const std::string track = kTracks[static_cast<size_t>(core.parameters().whole(Id::track))];
  order.track = needs.track ? track : "mix";
  order.recording = find_recording(core, needs.source ? selection : std::nullopt);
  if (needs.source && !order.recording) {
    throw without_source(core, selection);
  }
  order.rate_hz = static_cast<uint32_t>(std::lround(needs.source ? order.recording->rate_hz : core.rate_hz()));
  order.fields = Json::object();
  if (needs.music) {
    order.fields.set("music", make_music(core, order.recording.get()));
  }
  if (needs.strength) {
    order.fields.set("strength", Json::of(static_cast<double>(core.parameters().get(Id::strength))));
  }
  if (needs.loudness) {
    add_loudness(order.fields, core);
  }
  add_tracks(order.fields, needs, core, track);
  order.fields.set("output", make_output(core, order.rate_hz));
  if (needs.source) {
    place_source(order, needs, selection);
  } else {
    place_new_music(order, core, selection);
    order.recording = nullptr;
  }
  return order;
}

void write_source(const Folder& folder, const std::string& name, const Order& order, const Pause& pause) {
  constexpr size_t kPieceFrames = 65536;
  const auto data_bytes = static_cast<uint32_t>(order.frames * static_cast<int64_t>(sizeof(StereoFrame)));
  std::string header;
  const auto add = [&](uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      header += static_cast<char>(value >> static_cast<uint32_t>(8 * i));
    }
  };
  header += "RIFF";
  add(50 + data_bytes, 4);
  header += "WAVEfmt ";
  add(18, 4);
  add(3, 2); // floats
  add(kChannels, 2);
  add(order.rate_hz, 4);
  add(order.rate_hz * static_cast<uint32_t>(sizeof(StereoFrame)), 4);
  add(sizeof(StereoFrame), 2);
  add(32, 2);
  add(0, 2);
  header += "fact";
  add(4, 4);
  add(static_cast<uint32_t>(order.frames), 4);
  header += "data";
  add(data_bytes, 4);
  folder.write_new(name, [&](const Folder::Append& append) {
    append(header.data(), header.size());
    std::string piece;
    for (int64_t at = 0; at < order.frames; at += kPieceFrames) {
      const auto count = static_cast<size_t>(std::min<int64_t>(kPieceFrames, order.frames - at)) * kChannels;
      const float* const samples = order.recording->samples.data() + (order.first + at) * kChannels;
      piece.clear();
      for (size_t i = 0; i < count; ++i) {
        uint32_t bits = 0;
        std::memcpy(&bits, samples + i, sizeof bits);
        for (uint32_t shift = 0; shift < 32; shift += 8) {
          piece += static_cast<char>(bits >> shift);
        }
      }
      append(piece.data(), piece.size());
      pause();
    }
  });
}

} // namespace acebridge
