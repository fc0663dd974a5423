// Telling the OSC bridge what happens here: datagrams to this machine, and nobody waits for an answer.
#pragma once

#include "folder.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace acebridge {

using OscValue = std::variant<int32_t, float, std::string>;

// The bytes of a message (OSC 1.0). Texts end at their first zero.
std::string osc_message(std::string_view address, const std::vector<OscValue>& values);

class OscSender {
public:
  explicit OscSender(std::string data_folder) : data_folder_(std::move(data_folder)) {}

  // Send a message to the last bridge that the file osc.json names and that runs: with the daemon's token before it, which
  // the bridge wants. What cannot be sent is lost.
  void say(std::string_view address, const std::vector<OscValue>& values);

private:
  void send(const std::string& packet);
  bool open(const std::string& host, int port);

  std::string data_folder_;
  std::string target_; // what `socket_` is connected to
  Descriptor socket_;
};

// Whether something listens at `address` ("127.0.0.1:50710"): an address of this machine, in numbers.
bool answers(const std::string& address);

} // namespace acebridge
