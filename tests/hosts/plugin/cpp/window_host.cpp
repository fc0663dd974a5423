// A host with a window: embeds the plug-in's, and does what it reads from standard input, a command a line. It answers each
// with a line. Python drives it, and xdotool types and clicks.
// It says "ready" once the window is on the screen and drawn: before that a click would go elsewhere.
//
//   window_host PLUGIN.clap [SCALE]
//
//   play FRAME FRAMES      the transport rolls over this much of a melody
//   set ID VALUE, get ID   parameters by their place
//   state KEY              what a project would keep, with "\n" for line ends
//   load KEY TEXT          open a project with this text
//   bind TEXT              keys for these characters
//   focus                  who has the keyboard: host, plug-in or nobody
//   keys, forget           the keys that have reached the host since they were forgotten
//   hold                   run the window no more until it is to settle
//   settle                 let the window take in all that has been clicked and typed
//   window                 the number of the host's window
//   reopen                 close the window and open it again
//   resize WIDTH HEIGHT, size, shot FILE (PPM), pixel X Y, dirty (how often the project was said to have changed)
//   take NUMBER FRAME FRAMES, report STATUS PROGRESS ETA OFFER SENTENCE, starts, goes, hears     with a watched plug-in
#include "clap_host.hpp"

#include "clap/ext/gui.h"
#include "clap/ext/timer-support.h"
#include "screen.hpp"

#include <chrono>
#include <clocale>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <poll.h>
#include <sstream>
#include <thread>
#include <unistd.h>

#undef Status // Xlib has a macro of that name

using namespace acebridge;
using Clock = std::chrono::steady_clock;

namespace {

constexpr double kRateHz = 48000;
constexpr size_t kBlocksFrames = 48000;

struct Timer {
  std::chrono::milliseconds period{0};
  Clock::time_point next;
};

std::map<clap_id, Timer> timers;
Display* display = nullptr;
Window outer = None;
int dirty_count = 0;

bool add_timer(const clap_host_t*, uint32_t period_ms, clap_id* id) {
  static clap_id last = 0;
  *id = ++last;
  timers[*id] = {std::chrono::milliseconds(period_ms), Clock::now()};
  return true;
}

bool remove_timer(const clap_host_t*, clap_id id) { return timers.erase(id) > 0; }

const void* extension(const clap_host_t*, const char* name) {
  static const clap_host_timer_support_t kTimers{add_timer, remove_timer};
  static const clap_host_gui_t kGui{[](const clap_host_t*) {},
                                    [](const clap_host_t*, uint32_t width, uint32_t height) {
                                      XResizeWindow(display, outer, width, height);
                                      return true;
                                    },
                                    [](const clap_host_t*) { return true; }, [](const clap_host_t*) { return true; },
                                    [](const clap_host_t*, bool) {}};
  static const clap_host_state_t kState{[](const clap_host_t*) { ++dirty_count; }};
  const std::string id = name;
  return id == CLAP_EXT_TIMER_SUPPORT ? static_cast<const void*>(&kTimers)
         : id == CLAP_EXT_GUI         ? static_cast<const void*>(&kGui)
         : id == CLAP_EXT_STATE       ? static_cast<const void*>(&kState)
                                      : nullptr;
}

// A melody over soft noise, with rests: something to look at.
signals::Stereo melody(int64_t first, size_t frames) {
  signals::Stereo audio = signals::noise(frames, 7);
  for (size_t i = 0; i < frames; ++i) {
    const double time = static_cast<double>(first + static_cast<int64_t>(i)) / kRateHz;
    const double beat = std::fmod(time * 2, 1.0);
    const auto note = static_cast<int>(time * 2);
    const double pitch = 220 * std::pow(2, (note * 5 % 12) / 12.0);
    const double level = note % 8 == 7 ? 0 : std::exp(-3 * beat) * (0.5 + 0.4 * (note % 4 == 0));
    for (auto& channel : audio) {
      channel[i] = static_cast<float>(0.02 * static_cast<double>(channel[i]) + level * std::sin(6.283185307179586 * pitch * time));
    }
  }
  return audio;
}

std::string escape(const std::string& text) {
  std::string line;
  for (const char c : text) {
    line += c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c);
  }
  return line;
}

std::string unescape(const std::string& line) {
  std::string text;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool is_escape = line[i] == '\\' && i + 1 < line.size();
    text += !is_escape ? line[i] : line[++i] == 'n' ? '\n' : line[i];
  }
  return text;
}

// The words of a saved chunk: keys and values in turn, each ended by a null byte.
std::string value_of(const std::string& chunk, const std::string& key) {
  const std::string word = std::string(1, '\0') + key + std::string(1, '\0');
  const size_t found = chunk.find(word);
  return found == std::string::npos ? std::string() : std::string(chunk.c_str() + found + word.size());
}

class WindowHost {
public:
  WindowHost(const char* path, double scale) : library_(path), instance_(library_, kRateHz, extension) {
    const clap_plugin_t& plugin = instance_.plugin();
    gui_ = static_cast<const clap_plugin_gui_t*>(plugin.get_extension(&plugin, CLAP_EXT_GUI));
    timer_ = static_cast<const clap_plugin_timer_support_t*>(plugin.get_extension(&plugin, CLAP_EXT_TIMER_SUPPORT));
    auto* const last_core = reinterpret_cast<Core* (*)()>(library_.find("last_core"));
    core_ = last_core == nullptr ? nullptr : last_core();
    scale_ = scale;
    outer = XCreateSimpleWindow(display, DefaultRootWindow(display), 0, 0, 100, 100, 0, 0, 0);
    XSelectInput(display, outer, KeyPressMask | KeyReleaseMask | StructureNotifyMask);
    create();
    uint32_t width = 0;
    uint32_t height = 0;
    gui_->get_size(&plugin, &width, &height);
    XResizeWindow(display, outer, width, height);
    XMapWindow(display, outer);
    XEvent event;
    do {
      XNextEvent(display, &event);
    } while (event.type != MapNotify);
    XSetInputFocus(display, outer, RevertToParent, CurrentTime);
    XSync(display, False);
    show();
  }

  ~WindowHost() { close(); }

  void run() {
    std::string input;
    while (true) {
      if (!is_held_) {
        run_timers();
      }
      read_events();
      instance_.process(position_, false, signals::noise(64, 1), 64); // the engine runs; the transport stands
      pollfd files[2] = {{STDIN_FILENO, POLLIN, 0}, {ConnectionNumber(display), POLLIN, 0}};
      poll(files, 2, 5);
      if ((files[0].revents & (POLLIN | POLLHUP)) == 0) {
        continue;
      }
      char bytes[65536];
      const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
      if (count <= 0) {
        return;
      }
      input.append(bytes, static_cast<size_t>(count));
      for (size_t end = input.find('\n'); end != std::string::npos; end = input.find('\n')) {
        std::cout << answer(input.substr(0, end)) << std::endl;
        input.erase(0, end + 1);
      }
    }
  }

private:
  void create() {
    gui_->create(&instance_.plugin(), CLAP_WINDOW_API_X11, false);
    if (scale_ != 1) {
      gui_->set_scale(&instance_.plugin(), scale_);
    }
  }

  void show() {
    clap_window_t parent{};
    parent.api = CLAP_WINDOW_API_X11;
    parent.x11 = outer;
    gui_->set_parent(&instance_.plugin(), &parent);
    gui_->show(&instance_.plugin());
    while (screen::pixel(display, outer, 2, 2) == 0) { // ours is black
      run_timers();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  void close() {
    gui_->hide(&instance_.plugin());
    gui_->destroy(&instance_.plugin());
  }

  void run_timers() {
    const Clock::time_point now = Clock::now();
    for (auto& [id, timer] : timers) {
      if (timer.next <= now) {
        timer.next = now + timer.period;
        timer_->on_timer(&instance_.plugin(), id);
      }
    }
  }

  // The plug-in has a connection of its own: what it asks for there, and hears of it, takes as long as it takes. A click that is
  // meant for a new size waits until the plug-in has that.
  void settle() {
    is_held_ = false;
    do {
      XSync(display, False);
      run_all_timers();
    } while (!screen::is_filled(display, outer));
    XSync(display, False);
    run_all_timers();
  }

  void run_all_timers() {
    for (auto& [id, timer] : timers) {
      timer.next = Clock::now();
    }
    run_timers();
  }

  void read_events() {
    while (XPending(display) > 0) {
      XEvent event;
      XNextEvent(display, &event);
      if (event.type == KeyPress) {
        const char* const name = XKeysymToString(XLookupKeysym(&event.xkey, 0));
        keys_ += std::string(name == nullptr ? "?" : name) + ' ';
      }
    }
  }

  std::string answer(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "play") {
      int64_t frame = 0;
      size_t frames = 0;
      words >> frame >> frames;
      // Saving takes the capture over, so that the ring never fills however slow the computer is.
      const signals::Stereo audio = melody(frame, frames);
      for (size_t i = 0; i < frames; i += kBlocksFrames) {
        const size_t count = std::min(kBlocksFrames, frames - i);
        instance_.process(frame + static_cast<int64_t>(i), true, signals::part(audio, i, count), 512);
        (void)instance_.save();
      }
      position_ = frame + static_cast<int64_t>(frames);
      return "played";
    }
    if (command == "set" || command == "get") {
      unsigned id = 0;
      double value = 0;
      words >> id >> value;
      if (command == "set") {
        instance_.set(static_cast<Id>(id), value);
      }
      return std::to_string(instance_.get(static_cast<Id>(id)));
    }
    if (command == "state") {
      std::string key;
      words >> key;
      return escape(value_of(instance_.save(), key));
    }
    if (command == "load") {
      std::string key;
      std::string text;
      words >> key;
      std::getline(words >> std::ws, text);
      const std::string zero(1, '\0');
      return instance_.load("__dpf_state_begin__" + zero + key + zero + unescape(text) + zero + "__dpf_state_end__" + zero + "\xFE" + zero) ? "loaded" : "no";
    }
    if (command == "keys") {
      read_events(); // also those that came with the question
      return keys_;
    }
    if (command == "forget") {
      read_events();
      keys_.clear();
      return "forgotten";
    }
    return answer_about_window(command, words);
  }

  std::string answer_about_window(const std::string& command, std::istringstream& words) {
    const clap_plugin_t& plugin = instance_.plugin();
    if (command == "resize") {
      uint32_t width = 0;
      uint32_t height = 0;
      words >> width >> height;
      gui_->adjust_size(&plugin, &width, &height);
      XResizeWindow(display, outer, width, height);
      XSync(display, False);
      gui_->set_size(&plugin, width, height);
      return std::to_string(width) + ' ' + std::to_string(height);
    }
    if (command == "size") {
      uint32_t width = 0;
      uint32_t height = 0;
      gui_->get_size(&plugin, &width, &height);
      return std::to_string(width) + ' ' + std::to_string(height);
    }
    if (command == "shot") {
      std::string path;
      std::getline(words >> std::ws, path);
      return screen::write_picture(display, outer, path) ? path : "no";
    }
    if (command == "pixel") {
      int x = 0;
      int y = 0;
      words >> x >> y;
      return std::to_string(screen::pixel(display, outer, x, y));
    }
    if (command == "window") {
      return std::to_string(outer);
    }
    if (command == "hold") {
      is_held_ = true;
      return "held";
    }
    if (command == "settle") {
      settle();
      return "settled";
    }
    if (command == "reopen") {
      close();
      create();
      show();
      return "reopened";
    }
    if (command == "bind") {
      std::string text;
      std::getline(words >> std::ws, text);
      screen::bind_keys(display, text);
      return "bound";
    }
    if (command == "focus") {
      return screen::focus(display, outer);
    }
    if (command == "dirty") {
      return std::to_string(dirty_count);
    }
    return core_ == nullptr ? "this plug-in is not watched" : answer_about_core(command, words);
  }

  std::string answer_about_core(const std::string& command, std::istringstream& words) {
    if (command == "take") {
      TakeRegion region;
      words >> region.number >> region.start_frame >> region.frames;
      region.rate_hz = static_cast<uint32_t>(kRateHz);
      return core_->put_take(region, signals::wav(melody(region.start_frame * region.number, static_cast<size_t>(region.frames)), region.rate_hz))
                 ? core_->takes().back().sha256
                 : "no";
    }
    if (command == "report") {
      int status = 0;
      int offer = 0;
      JobReport report;
      words >> status >> report.progress >> report.eta_s >> offer;
      std::getline(words >> std::ws, report.sentence);
      report.status = static_cast<Status>(status);
      report.offers_start = offer != 0;
      core_->report(report);
      return "reported";
    }
    if (command == "starts") {
      return std::to_string(core_->start_count());
    }
    if (command == "goes") {
      return std::to_string(core_->parameters().go_count()) + ' ' + std::to_string(core_->parameters().cancel_count());
    }
    if (command == "hears") {
      return std::to_string(core_->auditioning().number);
    }
    return "there is no command " + command;
  }

  small_host::Library library_;
  small_host::Instance instance_;
  const clap_plugin_gui_t* gui_ = nullptr;
  const clap_plugin_timer_support_t* timer_ = nullptr;
  Core* core_ = nullptr;
  double scale_ = 1;
  bool is_held_ = false;
  int64_t position_ = 0;
  std::string keys_;
};

} // namespace

int main(int count, char** arguments) {
  (void)std::setlocale(LC_CTYPE, "C.UTF-8");
  display = XOpenDisplay(nullptr);
  if (count < 2 || display == nullptr) {
    (void)std::fprintf(stderr, "usage: window_host PLUGIN.clap [SCALE], with a screen\n");
    return 2;
  }
  {
    WindowHost host(arguments[1], count > 2 ? std::atof(arguments[2]) : 1);
    std::cout << "ready" << std::endl;
    host.run();
  }
  XCloseDisplay(display);
  return 0;
}
