// A small CLAP host: loads the plug-in as a DAW does.
#pragma once

#include "signals.hpp"

#include "clap/entry.h"
#include "clap/ext/params.h"
#include "clap/ext/state.h"
#include "clap/plugin-factory.h"

#include <cstdlib>
#include <dlfcn.h>
#include <string>

namespace small_host {

// The binary, for as long as the program runs.
class Library {
public:
  explicit Library(const char* path) {
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      (void)std::fprintf(stderr, "%s\n", dlerror());
      std::exit(2);
    }
    library_ = library;
    entry_ = static_cast<const clap_plugin_entry_t*>(dlsym(library, "clap_entry"));
    entry_->init(path);
    factory_ = static_cast<const clap_plugin_factory_t*>(entry_->get_factory(CLAP_PLUGIN_FACTORY_ID));
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() { entry_->deinit(); }

  const clap_plugin_factory_t& factory() const { return *factory_; }
  // Null if the binary exports no such name.
  void* find(const char* name) const { return dlsym(library_, name); }

private:
  void* library_ = nullptr;
  const clap_plugin_entry_t* entry_ = nullptr;
  const clap_plugin_factory_t* factory_ = nullptr;
};

// Reads and writes a few bytes at a time, as hosts may.
struct Stream {
  std::string bytes;
  size_t position = 0;
  size_t most = SIZE_MAX;

  static int64_t write(const clap_ostream_t* stream, const void* data, uint64_t size) {
    auto& self = *static_cast<Stream*>(stream->ctx);
    const size_t count = std::min<size_t>(size, self.most);
    self.bytes.append(static_cast<const char*>(data), count);
    return static_cast<int64_t>(count);
  }

  static int64_t read(const clap_istream_t* stream, void* data, uint64_t size) {
    auto& self = *static_cast<Stream*>(stream->ctx);
    const size_t count = std::min({static_cast<size_t>(size), self.most, self.bytes.size() - self.position});
    std::memcpy(data, self.bytes.data() + self.position, count);
    self.position += count;
    return static_cast<int64_t>(count);
  }
};

class Instance {
public:
  using Extension = const void* (*)(const clap_host_t*, const char*);

  // `extension` gives what the host offers to the plug-in.
  Instance(
      const Library& library, double rate_hz,
      Extension extension = [](const clap_host_t*, const char*) -> const void* { return nullptr; })
      : rate_hz_(rate_hz) {
    host_.clap_version = CLAP_VERSION;
    host_.name = "AceBridge tests";
    host_.vendor = "AceBridge";
    host_.url = "";
    host_.version = "1";
    host_.get_extension = extension;
    host_.request_restart = [](const clap_host_t*) {};
    host_.request_process = [](const clap_host_t*) {};
    host_.request_callback = [](const clap_host_t*) {};
    const auto* descriptor = library.factory().get_plugin_descriptor(&library.factory(), 0);
    plugin_ = library.factory().create_plugin(&library.factory(), &host_, descriptor->id);
    plugin_->init(plugin_);
    plugin_->activate(plugin_, rate_hz, 1, 8192);
    plugin_->start_processing(plugin_);
    state_ = static_cast<const clap_plugin_state_t*>(plugin_->get_extension(plugin_, CLAP_EXT_STATE));
    params_ = static_cast<const clap_plugin_params_t*>(plugin_->get_extension(plugin_, CLAP_EXT_PARAMS));
    transport_.flags = CLAP_TRANSPORT_HAS_TEMPO | CLAP_TRANSPORT_HAS_BEATS_TIMELINE | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE |
                       CLAP_TRANSPORT_HAS_TIME_SIGNATURE;
    transport_.tempo = 120;
    transport_.tsig_num = 4;
    transport_.tsig_denom = 4;
  }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  ~Instance() {
    plugin_->stop_processing(plugin_);
    plugin_->deactivate(plugin_);
    plugin_->destroy(plugin_);
  }

  clap_event_transport_t& transport() { return transport_; }
  const clap_plugin_t& plugin() const { return *plugin_; }

  void set(acebridge::Id id, double value) {
    event_.header = {sizeof event_, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
    event_.param_id = static_cast<clap_id>(id);
    event_.note_id = event_.port_index = event_.channel = event_.key = -1;
    event_.value = value;
    has_event_ = true;
    process(0, false, signals::noise(8, 81), 8);
  }

  double get(acebridge::Id id) const {
    double value = -1;
    params_->get_value(plugin_, static_cast<clap_id>(id), &value);
    return value;
  }

  // Plays `input` in blocks; between `before` and `after` nothing but the plug-in's `process` runs.
  signals::Stereo process(int64_t frame, bool playing, const signals::Stereo& input, size_t block_frames,
                          void (*before)() = [] {}, void (*after)() = [] {}) {
    signals::Stereo source = input;
    signals::Stereo output = input;
    for (size_t i = 0; i < input[0].size(); i += block_frames) {
      const size_t count = std::min(block_frames, input[0].size() - i);
      float* in[] = {source[0].data() + i, source[1].data() + i};
      float* out[] = {output[0].data() + i, output[1].data() + i};
      clap_audio_buffer_t in_buffer{in, nullptr, 2, 0, 0};
      clap_audio_buffer_t out_buffer{out, nullptr, 2, 0, 0};
      const clap_input_events_t in_events{this, event_count, event_at};
      const clap_output_events_t out_events{this, [](const clap_output_events_t*, const clap_event_header_t*) { return true; }};
      move_transport(frame + static_cast<int64_t>(i), playing);
      clap_process_t data{};
      data.steady_time = steady_;
      data.frames_count = static_cast<uint32_t>(count);
      data.transport = &transport_;
      data.audio_inputs = &in_buffer;
      data.audio_outputs = &out_buffer;
      data.audio_inputs_count = data.audio_outputs_count = 1;
      data.in_events = &in_events;
      data.out_events = &out_events;
      before();
      plugin_->process(plugin_, &data);
      after();
      steady_ += static_cast<int64_t>(count);
      has_event_ = false;
    }
    return output;
  }

  std::string save(size_t most_bytes = SIZE_MAX) {
    Stream stream;
    stream.most = most_bytes;
    const clap_ostream_t out{&stream, Stream::write};
    state_->save(plugin_, &out);
    return stream.bytes;
  }

  bool load(const std::string& bytes, size_t most_bytes = SIZE_MAX) {
    Stream stream;
    stream.bytes = bytes;
    stream.most = most_bytes;
    const clap_istream_t in{&stream, Stream::read};
    return state_->load(plugin_, &in);
  }

private:
  static uint32_t event_count(const clap_input_events_t* events) { return static_cast<Instance*>(events->ctx)->has_event_ ? 1 : 0; }

  static const clap_event_header_t* event_at(const clap_input_events_t* events, uint32_t) {
    return &static_cast<Instance*>(events->ctx)->event_.header;
  }

  void move_transport(int64_t frame, bool playing) {
    const double seconds = static_cast<double>(frame) / rate_hz_;
    transport_.song_pos_seconds = std::llround(seconds * static_cast<double>(CLAP_SECTIME_FACTOR));
    transport_.song_pos_beats = std::llround(seconds * transport_.tempo / 60 * static_cast<double>(CLAP_BEATTIME_FACTOR));
    transport_.flags = playing ? transport_.flags | CLAP_TRANSPORT_IS_PLAYING
                               : transport_.flags & ~static_cast<uint32_t>(CLAP_TRANSPORT_IS_PLAYING);
  }

  clap_host_t host_{};
  const clap_plugin_t* plugin_ = nullptr;
  const clap_plugin_state_t* state_ = nullptr;
  const clap_plugin_params_t* params_ = nullptr;
  clap_event_transport_t transport_{};
  clap_event_param_value_t event_{};
  bool has_event_ = false;
  double rate_hz_;
  int64_t steady_ = 123456; // counts on whatever the transport does
};

} // namespace small_host
