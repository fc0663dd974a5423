#include "osc.hpp"

#include "json.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace acebridge {
namespace {

constexpr size_t kMostBytes = 4096;
constexpr size_t kTokenDigits = 64;
constexpr size_t kMostTextBytes = 2000;
constexpr int kConnectMs = 300;

void append_text(std::string& out, std::string_view text) {
  text = text.substr(0, std::min(text.find('\0'), kMostTextBytes));
  out += text;
  out.append(4 - text.size() % 4, '\0');
}

void append_number(std::string& out, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += static_cast<char>(number >> static_cast<uint32_t>(shift));
  }
}

// A socket that is connected, or about to be; its number is -1 if that cannot be. Numbers only: looking up names waits.
Descriptor connect_to(const std::string& host, const std::string& port, int type) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = type;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0 || found == nullptr) {
    return Descriptor();
  }
  Descriptor socket(::socket(found->ai_family, found->ai_socktype, found->ai_protocol));
  if (socket.number() >= 0) {
    (void)::fcntl(socket.number(), F_SETFD, FD_CLOEXEC);
    (void)::fcntl(socket.number(), F_SETFL, O_NONBLOCK);
    if (::connect(socket.number(), found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS) {
      socket = Descriptor();
    }
  }
  ::freeaddrinfo(found);
  return socket;
}

// The address of this machine at which a program answers that listens at `host`; empty for any other.
std::string local(const std::string& host) {
  if (host == "0.0.0.0" || host == "localhost" || host.empty()) {
    return "127.0.0.1";
  }
  if (host == "::") {
    return "::1";
  }
  return host.rfind("127.", 0) == 0 || host == "::1" ? host : "";
}

// Whether the bridge of an entry of osc.json runs. Where it has ended or is somebody else's, anybody may listen.
bool runs(const Json& bridge) {
  const int64_t pid = bridge["pid"].whole().value_or(0);
  return pid >= 1 && ::kill(static_cast<pid_t>(pid), 0) == 0;
}

// Of the bridges that osc.json names, the last one that runs; null if none does. Those that began before it are in its list.
const Json& running_bridge(const Json& noted) {
  static const Json none;
  if (runs(noted)) {
    return noted;
  }
  const std::vector<Json>& before = noted["before"].items();
  const auto found = std::find_if(before.begin(), before.end(), runs);
  return found == before.end() ? none : *found;
}

} // namespace

std::string osc_message(std::string_view address, const std::vector<OscValue>& values) {
  std::string packet;
  std::string tags = ",";
  std::string arguments;
  for (const OscValue& value : values) {
    if (const auto* const whole = std::get_if<int32_t>(&value)) {
      tags += 'i';
      append_number(arguments, static_cast<uint32_t>(*whole));
    } else if (const auto* const number = std::get_if<float>(&value)) {
      tags += 'f';
      uint32_t bits = 0;
      std::memcpy(&bits, number, sizeof bits);
      append_number(arguments, bits);
    } else {
      tags += 's';
      append_text(arguments, std::get<std::string>(value));
    }
  }
  append_text(packet, address);
  append_text(packet, tags);
  return packet + arguments;
}

void OscSender::say(std::string_view address, const std::vector<OscValue>& values) {
  const auto data = Folder::open(data_folder_);
  const auto file = data ? data->read("osc.json", kMostBytes) : std::nullopt;
  const auto noted = file ? read_json(*file) : std::nullopt;
  const auto token = data ? data->read("token", kMostBytes, true) : std::nullopt;
  if (!noted || !token || token->size() < kTokenDigits) {
    return;
  }
  const Json& bridge = running_bridge(*noted);
  const int64_t port = bridge["port"].whole().value_or(0);
  if (port < 1 || port > 65535 || !open(local(bridge["host"].text()), static_cast<int>(port))) {
    return;
  }
  send(osc_message("/acebridge/token", {token->substr(0, kTokenDigits)}));
  send(osc_message(address, values));
}

bool OscSender::open(const std::string& host, int port) {
  const std::string target = host + ' ' + std::to_string(port);
  if (host.empty()) {
    return false;
  }
  if (target != target_ || socket_.number() < 0) {
    socket_ = connect_to(host, std::to_string(port), SOCK_DGRAM);
    target_ = target;
  }
  return socket_.number() >= 0;
}

void OscSender::send(const std::string& packet) {
  (void)::send(socket_.number(), packet.data(), packet.size(), 0);
}

bool answers(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return false;
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const Descriptor socket = connect_to(local(host), address.substr(colon + 1), SOCK_STREAM);
  pollfd waiting{socket.number(), POLLOUT, 0};
  int error = 0;
  socklen_t size = sizeof error;
  return socket.number() >= 0 && ::poll(&waiting, 1, kConnectMs) == 1 &&
         ::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

} // namespace acebridge
