// What Go sends: which part of which recording, as which task, with which fields. What Vary sends: which take, how far from it.
#pragma once

#include "core.hpp"
#include "json.hpp"
#include "pause.hpp"

#include <memory>
#include <string>
#include <vector>

namespace acebridge {

class Folder;

// A job to be. `recording` is null for new music.
struct Order {
  std::string task;
  std::string track; // the name of the output that is to play
  std::shared_ptr<const Recording> recording;
  int64_t first = 0;       // frame of the recording at which the source begins
  int64_t frames = 0;      // of the source, or of new music
  int64_t start_frame = 0; // host frame of the source's first frame, or of new music
  uint32_t rate_hz = 0;
  Json fields;
  // To make a take again as its recipe says: its file, how far new takes lie from it, and their numbers. Then `start_frame` is
  // that of the take, at its rate.
  std::string again;
  double variation = 0;
  std::vector<int> numbers;
};

// The order that the parameters, texts, selection and recordings of a core make. Raises LinkError: what is missing, and what
// to do about it.
Order make_order(Core& core);

// The order for takes near the one that Take chooses, of those that the window lists. They get free numbers; where there are too
// few up to the largest that Take has, those of the others, never that of the chosen one. Raises LinkError as `make_order` does.
Order make_variation(Core& core);

// Write the source of an order as a WAV file of 32-bit floats.
void write_source(const Folder& folder, const std::string& name, const Order& order, const Pause& pause);

} // namespace acebridge
