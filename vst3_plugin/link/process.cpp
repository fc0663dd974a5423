#include "process.hpp"

#include "folder.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace acebridge {
namespace {

// $0 is the file for output, the rest is the program. The shell ends at once, so the program is nobody's child.
constexpr const char* kQuiet = R"("$@" </dev/null >/dev/null 2>&1 &)";
constexpr const char* kWithOutput =
    R"({ "$@" </dev/null >"$0" 2>&1; echo $? >"$0.part"; mv -f "$0.part" "$0.code"; } </dev/null >/dev/null 2>&1 &)";

// How the shell starts: in a session of its own, with no signal blocked or ignored, with no file of the host open.
class Settings {
public:
  Settings() {
    (void)posix_spawnattr_init(&attributes_);
    (void)posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(&attributes_, &none);
    (void)posix_spawnattr_setsigdefault(&attributes_, &all);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#ifdef POSIX_SPAWN_SETSID
    flags |= POSIX_SPAWN_SETSID;
#endif
#ifdef POSIX_SPAWN_CLOEXEC_DEFAULT // macOS
    flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
    (void)posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
    for (int number = 0; number < 3; ++number) {
      (void)posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0);
    }
#if defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
    (void)posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
#endif
#endif
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;
  ~Settings() {
    (void)posix_spawnattr_destroy(&attributes_);
    (void)posix_spawn_file_actions_destroy(&actions_);
  }

  const posix_spawnattr_t* attributes() const { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    all.push_back(const_cast<char*>(text.c_str())); // the C interface is older than const
  }
  all.push_back(nullptr);
  return all;
}

} // namespace

void start_detached(const std::vector<std::string>& words, const Environment& environment, const std::string& output) {
  if (words.empty() || ::access(words[0].c_str(), X_OK) != 0) {
    throw LinkError("The program " + (words.empty() ? "" : words[0]) +
                    " cannot be started: it is not there any more. Install AceBridge again, and run `acebridge serve` once.");
  }
  std::vector<std::string> shell{"/bin/sh", "-c", output.empty() ? kQuiet : kWithOutput, output.empty() ? "sh" : output};
  shell.insert(shell.end(), words.begin(), words.end());
  const Settings settings;
  pid_t child = 0;
  const int error = ::posix_spawn(&child, "/bin/sh", settings.actions(), settings.attributes(), pointers(shell).data(),
                                  pointers(environment).data());
  if (error != 0) {
    throw LinkError("The program " + words[0] + " cannot be started: " + reason_of(error) + ". Try again.");
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) { // a host that waits for all children may be faster
  }
}

} // namespace acebridge
