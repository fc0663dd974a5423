// The parameters that hosts show and automate: one table. Projects know them by their places: new ones come last.
#pragma once

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace acebridge {

enum class Id { task, track, strength, takes, take, mode, seed, capture, go, cancel, progress, state, match_loudness, variation, vary };

constexpr size_t kParameters = 15;

enum class Kind { number, integer, choice, toggle, trigger, output, output_choice };

struct Parameter {
  const char* symbol;
  const char* name;
  Kind kind;
  float low;
  float high;
  float initial;
  const char* const* labels; // for choices: high + 1 of them
};

constexpr std::array<const char*, 6> kTasks{"text2music", "cover", "repaint", "lego", "complete", "extract"};

// In the order of acestep_runtime/values.py.
constexpr std::array<const char*, 12> kTracks{"vocals",     "backing_vocals", "drums", "bass", "guitar", "keyboard",
                                              "percussion", "strings",        "synth", "fx",   "brass",  "woodwinds"};

constexpr std::array<const char*, 3> kModes{"off", "replace", "add"};

// What a repaint is as loud as: the region as it was, or the song on both sides of it. Off: as the engine makes it.
enum class Loudness { region, context, off };
constexpr std::array<const char*, 3> kLoudness{"region", "context", "off"};

// What the plug-in is doing, or what keeps it from that.
enum class Status { ready, waiting, capturing, full, lost, working, done, failed, missing, damaged, newer };

constexpr std::array<const char*, 11> kStatusNames{"Ready", "Waiting", "Capturing", "Capture full", "Audio lost", "Working",
                                                   "Done",  "Failed",  "Asset missing", "Project damaged",
                                                   "Project newer"};

// The same as a sentence with its remedy, for the window.
constexpr std::array<const char*, 11> kStatusSentences{
    "Ready.",
    "Capture is on. Start the transport over the bars that you want to capture.",
    "Capturing.",
    "The capture is as long as it may be, and has ended. Capture a shorter part.",
    "The computer was too busy, and a part of the capture is missing. Capture again, in real time.",
    "A job is running.",
    "The takes are here. Set Mode to replace or add, and play the region.",
    "The job failed.",
    "The audio of a take is not in this project. Start the daemon that made it, or make the take again.",
    "The takes saved in this project are damaged and cannot play. They stay in the project as they are. Make the take again.",
    "The takes were saved by a newer AceBridge. They stay in the project as they are. Update AceBridge.",
};

// A float holds every whole number up to this one.
constexpr float kLargestSeed = 16777215;

constexpr std::array<Parameter, kParameters> kParameterTable{{
    {"task", "Task", Kind::choice, 0, kTasks.size() - 1, 2, kTasks.data()},
    {"track", "Track", Kind::choice, 0, kTracks.size() - 1, 2, kTracks.data()},
    {"strength", "Strength", Kind::number, 0, 1, 0.5F, nullptr},
    {"takes", "Takes", Kind::integer, 1, 8, 1, nullptr},
    {"take", "Take", Kind::integer, 1, 8, 1, nullptr},
    {"mode", "Mode", Kind::choice, 0, kModes.size() - 1, 0, kModes.data()},
    {"seed", "Seed", Kind::integer, 0, kLargestSeed, 0, nullptr}, // 0: another one each time
    {"capture", "Capture", Kind::toggle, 0, 1, 0, nullptr},
    {"go", "Go", Kind::trigger, 0, 1, 0, nullptr},
    {"cancel", "Cancel", Kind::trigger, 0, 1, 0, nullptr},
    {"progress", "Progress", Kind::output, 0, 1, 0, nullptr},
    {"state", "State", Kind::output_choice, 0, kStatusNames.size() - 1, 0, kStatusNames.data()},
    {"match_loudness", "Match loudness", Kind::choice, 0, kLoudness.size() - 1, 0, kLoudness.data()},
    {"variation", "Variation", Kind::number, 0.01F, 1, 0.3F, nullptr}, // how far new takes lie from the one that is varied
    {"vary", "Vary", Kind::trigger, 0, 1, 0, nullptr},
}};

// The values. Any thread may read and write them; nothing waits.
class Parameters {
public:
  Parameters() {
    for (size_t i = 0; i < kParameters; ++i) {
      values_[i].store(kParameterTable[i].initial, std::memory_order_relaxed);
    }
  }

  float get(size_t index) const { return values_[index].load(std::memory_order_relaxed); }
  float get(Id id) const { return get(static_cast<size_t>(id)); }
  int whole(Id id) const { return static_cast<int>(std::lround(get(id))); }
  bool is_on(Id id) const { return get(id) >= 0.5F; }

  // Out of range is brought into range; what is no number is left out. A trigger that goes up is counted once.
  void set(size_t index, float value) {
    const Parameter& parameter = kParameterTable[index];
    if (!std::isfinite(value)) {
      return;
    }
    const float inside = value < parameter.low ? parameter.low : value > parameter.high ? parameter.high : value;
    const float before = values_[index].exchange(inside, std::memory_order_relaxed);
    if (parameter.kind == Kind::trigger && before < 0.5F && inside >= 0.5F) {
      presses_[index].fetch_add(1, std::memory_order_release);
    }
    writes_[index].fetch_add(1, std::memory_order_release);
  }
  void set(Id id, float value) { set(static_cast<size_t>(id), value); }

  // Hosts leave a trigger up: after a block it is down again.
  void reset_triggers() {
    set(Id::go, 0);
    set(Id::cancel, 0);
    set(Id::vary, 0);
  }

  // How often a parameter was set, also to what it was already: whoever has set it through the host knows by the count that
  // the host has passed it on.
  uint32_t write_count(Id id) const { return writes_[static_cast<size_t>(id)].load(std::memory_order_acquire); }

  // How often a trigger was pressed. Whoever acts on it remembers the count.
  uint32_t press_count(Id id) const { return presses_[static_cast<size_t>(id)].load(std::memory_order_acquire); }
  uint32_t go_count() const { return press_count(Id::go); }
  uint32_t cancel_count() const { return press_count(Id::cancel); }

private:
  std::array<std::atomic<float>, kParameters> values_{};
  std::array<std::atomic<uint32_t>, kParameters> writes_{};
  std::array<std::atomic<uint32_t>, kParameters> presses_{};
};

} // namespace acebridge
