// The small parts of the link: JSON, OSC, folders that nobody else can play with, starting programs.
#include "check.hpp"
#include "folder.hpp"
#include "instance.hpp"
#include "json.hpp"
#include "machine.hpp"
#include "osc.hpp"
#include "process.hpp"
#include "take_files.hpp"

#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <random>
#include <sstream>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace acebridge;

namespace {

// A folder that goes at the end of the test.
struct Place {
  std::string path;
  Place() {
    std::string name = "/tmp/acebridge-test-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { (void)std::system(("rm -rf " + path).c_str()); }
};

template <typename Action> std::string error_of(Action action) {
  try {
    action();
  } catch (const LinkError& error) {
    return error.what();
  }
  return "";
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void json_comes_back() {
  Json json = Json::object();
  json.set("text", Json::of("Grüße \"東京\" \\ \n\x01 🎹")).set("number", Json::of(0.1)).set("frame", Json::of(int64_t{-9007199254740992}));
  json.set("list", Json::list().push(Json::of(true)).push(Json()).push(Json::of(1e300)));
  const std::string text = json.dump();
  const auto again = read_json(text);
  CHECK(again && again->dump() == text);
  CHECK((*again)["text"].text() == "Grüße \"東京\" \\ \n\x01 🎹");
  CHECK((*again)["number"].number() == 0.1);
  CHECK((*again)["frame"].whole() == -9007199254740992);
  CHECK((*again)["list"].items().size() == 3 && (*again)["list"].items()[0].is_true());
  CHECK(!(*again)["nothing"].number() && (*again)["nothing"].text().empty() && !again->has("nothing"));
  CHECK(Json::of(std::nan("")).dump() == "null");
  CHECK(Json::of(std::string("a\xFFz")).dump() == "\"a\xEF\xBF\xBDz\"");
}

void json_is_read_by_the_rules() {
  CHECK(read_json(" {\"a\" : [ 1 , -2.5e-1, \"\\u00fc\\ud83c\\udfb9\\u000a\" ] } ")->dump() == "{\"a\": [1, -0.25, \"ü🎹\\u000a\"]}");
  CHECK(read_json("\"\\ud83c\"")->text() == "\xEF\xBF\xBD");
  for (const char* const wrong : {"", "{", "[1,]", "{\"a\":}", "{a:1}", "nul", "1 2", "\"", "\"\\x\"", "\"\\u12\"", "--1", "1e999", "[1", "{\"a\":1,}"}) {
    CHECK(!read_json(wrong));
  }
  CHECK(!read_json(std::string(100000, '[')));
  CHECK(read_json("{\"a\": 1, \"a\": 2}")->dump() == "{\"a\": 2}");
}

void json_survives_any_bytes() {
  std::mt19937 random(7);
  const std::string good = R"({"version": 1, "state": "running", "eta_s": 1.5, "list": [1, "a\u00fc", null, {"b": true}]})";
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (uint32_t k = random() % 4 + 1; k > 0; --k) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, random() % 8);
        text += text.empty() ? " " : "";
        break;
      default:
        text.insert(at, 1, "{}[]\",:\\u0"[random() % 10]);
      }
    }
    if (const auto json = read_json(text)) {
      CHECK(read_json(json->dump()).has_value());
    }
  }
}

void osc_is_as_the_specification_has_it() {
  const std::string packet = osc_message("/a/b", {int32_t{-2}, 1.5F, std::string("drei")});
  CHECK(packet == std::string("/a/b\0\0\0\0,ifs\0\0\0\0\xFF\xFF\xFF\xFE\x3F\xC0\0\0drei\0\0\0\0", 32));
  CHECK(osc_message("/abc", {std::string("x\0y", 3)}) == std::string("/abc\0\0\0\0,s\0\0x\0\0\0", 16));
}

void osc_goes_to_the_last_bridge_that_runs() {
  const Place place;
  int listening[2];
  std::string entry[2]; // of a bridge that was killed, and of one that runs
  for (int each = 0; each < 2; ++each) {
    listening[each] = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(listening[each], reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(::getsockname(listening[each], reinterpret_cast<sockaddr*>(&address), &size) == 0);
    entry[each] = R"({"host": "127.0.0.1", "port": )" + std::to_string(ntohs(address.sin_port)) +
                  R"(, "pid": )" + std::to_string(each == 0 ? (1 << 22) + 1 : ::getpid());
  }
  const Folder folder = *Folder::open(place.path);
  folder.write_whole("token", std::string(64, 'a'));
  folder.write_whole("osc.json", entry[0] + R"(, "before": [5, )" + entry[0] + "}, " + entry[1] + "}]}");
  OscSender sender(place.path);
  sender.say("/a", {});
  char packet[200];
  CHECK(::recv(listening[1], packet, sizeof packet, MSG_DONTWAIT) > 64); // the token
  CHECK(::recv(listening[1], packet, sizeof packet, MSG_DONTWAIT) == 8);
  folder.write_whole("osc.json", entry[0] + "}");
  sender.say("/a", {});
  for (const int each : listening) {
    CHECK(::recv(each, packet, sizeof packet, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    CHECK(::close(each) == 0);
  }
}

void files_are_whole_and_private() {
  const Place place;
  const Folder folder = Folder::open(place.path)->make("inner");
  folder.write_whole("a.json", "first");
  folder.write_whole("a.json", "second");
  CHECK(contents(place.path + "/inner/a.json") == "second");
  struct stat facts {};
  CHECK(::stat((place.path + "/inner/a.json").c_str(), &facts) == 0 && (facts.st_mode & 0777U) == 0600);
  CHECK(::stat((place.path + "/inner").c_str(), &facts) == 0 && (facts.st_mode & 0777U) == 0700);
  CHECK(folder.names() == std::vector<std::string>{"a.json"});
  CHECK(folder.read("a.json", 6) == "second" && !folder.read("a.json", 5) && !folder.read("b.json", 5));
  CHECK(folder.read("a.json", 6, true) == "second");
  CHECK(::chmod((place.path + "/inner/a.json").c_str(), 0644) == 0 && !folder.read("a.json", 6, true));
  CHECK(!error_of([&] { folder.write_new("a.json", [](const Folder::Append&) {}); }).empty());
  CHECK(contents(place.path + "/inner/a.json") == "second");
}

void links_and_strangers_are_refused() {
  const Place place;
  const auto data = Folder::open(place.path);
  CHECK(::mkdir((place.path + "/real").c_str(), 0700) == 0);
  CHECK(::symlink((place.path + "/real").c_str(), (place.path + "/link").c_str()) == 0);
  CHECK(error_of([&] { (void)data->make("link"); }).find("is a link or no folder") != std::string::npos);
  CHECK(!data->find("link"));
  std::ofstream(place.path + "/file") << "x";
  CHECK(error_of([&] { (void)data->make("file"); }).find("is a link or no folder") != std::string::npos);
  CHECK(::mkdir((place.path + "/open").c_str(), 0700) == 0 && ::chmod((place.path + "/open").c_str(), 0777) == 0);
  CHECK(error_of([&] { (void)data->make("open"); }).find("others may write") != std::string::npos);
  CHECK(::symlink((place.path + "/file").c_str(), (place.path + "/real/status.json").c_str()) == 0);
  const Folder real = data->make("real");
  CHECK(!real.read("status.json", 100));
  CHECK(!error_of([&] { real.touch("status.json"); }).empty());
  CHECK(!error_of([&] { real.write_new("status.json", [](const Folder::Append&) {}); }).empty());
  real.write_whole("status.json", "own"); // in place of the link, not through it
  CHECK(contents(place.path + "/file") == "x" && real.read("status.json", 100) == "own");
  CHECK(::mkfifo((place.path + "/real/pipe").c_str(), 0600) == 0 && !real.read("pipe", 100)); // and does not wait
}

void a_disk_that_is_full_leaves_nothing() {
  const Place place;
  const auto folder = Folder::open(place.path);
  (void)std::signal(SIGXFSZ, SIG_IGN); // a limit of the process stands for a full disk
  rlimit before{};
  CHECK(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit small{1000, before.rlim_max};
  CHECK(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string text(5000, 'x');
  const std::string error = error_of([&] { folder->write_whole("source-1.wav", text); });
  CHECK(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(error.find("source-1.wav") != std::string::npos && error.find("Free some space") != std::string::npos);
  CHECK(folder->names().empty());
  folder->write_whole("source-1.wav", text);
  CHECK(folder->names().size() == 1);
}

void a_take_s_file_is_found_or_written() {
  const Place place;
  CHECK(::setenv("ACEBRIDGE_HOME", (place.path + "/data").c_str(), 1) == 0);
  const auto wav = std::make_shared<const std::vector<uint8_t>>(100000, uint8_t{7});
  const TakeRegion take{3, 0, 10, 48000, 0, "0123456789abcdef"};
  std::ofstream(place.path + "/known.wav") << "known";
  CHECK(find_take_file(place.path + "/known.wav", take, wav) == place.path + "/known.wav");
  const std::string path = find_take_file(place.path + "/gone.wav", take, wav);
  CHECK(path == place.path + "/data/plugin/audio/take-3-0123456789ab.wav");
  CHECK(contents(path) == std::string(100000, '\7'));
  struct stat facts {};
  CHECK(::stat(path.c_str(), &facts) == 0 && (facts.st_mode & 0777U) == 0600U);
  CHECK(::stat((place.path + "/data").c_str(), &facts) == 0 && (facts.st_mode & 0777U) == 0700U);
  std::ofstream(path) << "cut off";
  CHECK(find_take_file("", take, wav) == path && contents(path).size() == 100000);
  CHECK(find_take_file("", take, nullptr).empty());
  CHECK(::unlink(path.c_str()) == 0 && ::chmod((place.path + "/data/plugin/audio").c_str(), 0777) == 0);
  CHECK(find_take_file("", take, wav).empty()); // others may write there
}

void nothing_waits_for_a_take_s_file() {
  std::promise<void> disk;
  const std::shared_future<void> ready = disk.get_future();
  TakeFiles files([ready](const std::string& known, const TakeRegion&, const Bytes&) {
    ready.wait();
    return known;
  });
  (void)files.find("forgotten", {}, nullptr); // as when the window closes
  std::future<std::string> path = files.find("first", {}, nullptr);
  path = files.find("second", {}, nullptr); // as when another take is dragged
  disk.set_value();
  CHECK(path.get() == "second");
  TakeFiles broken([](const std::string&, const TakeRegion&, const Bytes&) -> std::string { throw std::bad_alloc(); });
  CHECK(broken.find("", {}, nullptr).get().empty());
}

void programs_start_detached() {
  const Place place;
  const std::string out = place.path + "/it's out";
  start_detached({"/bin/sh", "-c", R"X(echo "$1|$KEPT|$LD_LIBRARY_PATH|$(ls /proc/self/fd | wc -l)"; exit 7)X", "sh", "a b\"'$x"},
                 {"KEPT=1", "PATH=/usr/bin:/bin"}, out);
  for (int i = 0; i < 6000 && contents(out + ".code").empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(contents(out + ".code") == "7\n");
  CHECK(contents(out) == "a b\"'$x|1||4\n"); // ls has its own list open
  CHECK(error_of([&] { start_detached({place.path + "/nothing"}, {}); }).find("is not there any more") != std::string::npos);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1); // no child is left
}

void environment_is_that_of_no_host() {
  CHECK(::setenv("LD_LIBRARY_PATH", "/of/host", 1) == 0 && ::setenv("ACEBRIDGE_HOME", "/data", 1) == 0);
  const Machine machine = Machine::look();
  CHECK(::unsetenv("LD_LIBRARY_PATH") == 0);
  CHECK(machine.data_folder == "/data" && machine.instance.size() == 12 && !machine.host.name.empty());
  bool has_home = false;
  for (const std::string& entry : machine.environment) {
    CHECK(entry.rfind("LD_LIBRARY_PATH=", 0) != 0);
    has_home = has_home || entry == "ACEBRIDGE_HOME=/data";
  }
  CHECK(has_home);
  CHECK(Machine::look({"Ardour", "7"}).host.name == "Ardour");
}

void instance_folders_come_and_go() {
  const Place place;
  const auto data = Folder::open(place.path);
  const std::string own = place.path + "/plugin/0123456789ab";
  {
    InstanceFolder instance(*data, "0123456789ab");
    instance.publish([] { return Json::object().set("a", Json::of(true)); }, 10);
    CHECK(contents(own + "/instance.json") == "{\"a\": true}");
    instance.publish(Json::object, 10.5);
    CHECK(contents(own + "/instance.json") == "{\"a\": true}");
    instance.publish(Json::object, 11.5);
    CHECK(contents(own + "/instance.json") == "{}");
    std::ofstream(own + "/commands/2.json") << "{\"b\": 2}";
    std::ofstream(own + "/commands/1.json") << "{\"b\": 1}";
    std::ofstream(own + "/commands/0.json") << "junk";
    std::ofstream(own + "/commands/.3.json") << "{\"b\": 3}"; // is being written
    const auto commands = instance.take_commands();
    CHECK(commands.size() == 2 && commands[0].content["b"].whole() == 1 && commands[1].content["b"].whole() == 2);
    CHECK(instance.take_commands().empty() && instance.is_there()); // each once, though the files are there
    CHECK(contents(own + "/commands/1.json") == "{\"b\": 1}" && commands[1].name == "2.json");
    instance.publish([] { return Json::object().set("answers", Json::list()); }, 11.6); // at once, as somebody waits
    CHECK(contents(own + "/instance.json") == "{\"answers\": []}");
    CHECK(Folder::open(own)->find("commands")->names() == std::vector<std::string>{".3.json"});
    (void)instance.jobs().make("20260101-000000-1a2b").write_whole("request.json", "{}");
    const InstanceFolder other(*data, "ffffffffffff"); // does not take a folder that lives for dead
    CHECK(instance.is_there());
  }
  CHECK(Folder::open(own).has_value()); // its job may be about to start
  Folder::open(own)->find("jobs")->find("20260101-000000-1a2b")->write_whole("status.json", R"({"state": "done"})");
  std::ofstream(place.path + "/plugin/keep.txt") << "x";
  const int looking = ::open((own + "/lock").c_str(), O_RDONLY); // somebody who looks is no plug-in
  CHECK(::flock(looking, LOCK_SH) == 0);
  { const InstanceFolder next(*data, "aaaaaaaaaaaa"); }
  CHECK(::close(looking) == 0);
  CHECK(!Folder::open(own));
  CHECK(Folder::open(place.path + "/plugin")->names() == std::vector<std::string>{"keep.txt"});
}

} // namespace

int main() {
  return check::run_all({
      {"JSON comes back", json_comes_back},
      {"JSON is read by the rules", json_is_read_by_the_rules},
      {"JSON survives any bytes", json_survives_any_bytes},
      {"OSC is as the specification has it", osc_is_as_the_specification_has_it},
      {"OSC goes to the last bridge that runs", osc_goes_to_the_last_bridge_that_runs},
      {"files are whole and private", files_are_whole_and_private},
      {"links and strangers are refused", links_and_strangers_are_refused},
      {"a disk that is full leaves nothing", a_disk_that_is_full_leaves_nothing},
      {"a take's file is found or written", a_take_s_file_is_found_or_written},
      {"nothing waits for a take's file", nothing_waits_for_a_take_s_file},
      {"programs start detached", programs_start_detached},
      {"the environment is that of no host", environment_is_that_of_no_host},
      {"instance folders come and go", instance_folders_come_and_go},
  });
}
