// What Go sends: which part of which recording, as which task, with which fields.
#pragma once

#include "core.hpp"
#include "json.hpp"
#include "pause.hpp"

#include <memory>
#include <string>

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
};

// The order that the parameters, texts, selection and recordings of a core make. Raises LinkError: what is missing, and what
// to do about it.
Order make_order(Core& core);

// Write the source of an order as a WAV file of 32-bit floats.
void write_source(const Folder& folder, const std::string& name, const Order& order, const Pause& pause);

} // namespace acebridge
