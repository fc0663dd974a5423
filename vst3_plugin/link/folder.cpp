#include "folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <new>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace acebridge {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
constexpr mode_t kOthersRead = S_IRGRP | S_IROTH;

LinkError unwritable(const std::string& path, int error) {
  return LinkError(path + " cannot be written: " + reason_of(error) + ". Free some space there, or repair its folder, then try again.");
}

LinkError strange(const std::string& path, const char* what) {
  return LinkError("The folder " + path + ' ' + what + ", so nothing is written there. Remove it, then try again.");
}

void write_all(int file, const void* data, size_t size, const std::string& path) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = ::write(file, at, size);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      throw unwritable(path, count < 0 ? errno : ENOSPC);
    }
    at += count;
    size -= static_cast<size_t>(count);
  }
}

} // namespace

std::string sentence_of(const std::exception& error) {
  if (dynamic_cast<const LinkError*>(&error) != nullptr) {
    return error.what();
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return "The computer has too little memory for this. Close other programs, then try again.";
  }
  return std::string("AceBridge failed in an unexpected way: ") + error.what() + ". Try again.";
}

std::string reason_of(int error) { return std::generic_category().message(error); }

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (number_ >= 0) {
      ::close(number_);
    }
    number_ = other.release();
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) {
    ::close(number_);
  }
}

int Descriptor::release() {
  const int number = number_;
  number_ = -1;
  return number;
}

std::optional<Folder> Folder::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), kFolderFlags);
  return descriptor < 0 ? std::nullopt : std::optional(Folder(path, descriptor));
}

std::optional<Folder> Folder::open_inside(const std::string& name, int& error) const {
  Folder folder(path_of(name), ::openat(descriptor_.number(), name.c_str(), kFolderFlags | O_NOFOLLOW));
  if (folder.descriptor_.number() < 0) {
    error = errno;
    return std::nullopt;
  }
  struct stat facts {};
  if (::fstat(folder.descriptor_.number(), &facts) != 0) {
    error = errno;
    return std::nullopt;
  }
  if (facts.st_uid != ::geteuid() || (facts.st_mode & kOthersWrite) != 0) {
    error = EPERM;
    return std::nullopt;
  }
  return folder;
}

std::optional<Folder> Folder::find(const std::string& name) const {
  int error = 0;
  return open_inside(name, error);
}

Folder Folder::make(const std::string& name) const {
  if (::mkdirat(descriptor_.number(), name.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    throw unwritable(path_of(name), errno);
  }
  int error = 0;
  if (auto folder = open_inside(name, error)) {
    return std::move(*folder);
  }
  switch (error) {
  case ELOOP:
  case ENOTDIR:
    throw strange(path_of(name), "is a link or no folder");
  case EPERM:
    throw strange(path_of(name), "belongs to somebody else, or others may write into it");
  default:
    throw unwritable(path_of(name), error);
  }
}

void Folder::write_new(const std::string& name, const std::function<void(const Append&)>& write) const {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  Descriptor file(::openat(descriptor_.number(), name.c_str(), kFlags, S_IRUSR | S_IWUSR));
  if (file.number() < 0) {
    throw unwritable(path_of(name), errno);
  }
  try {
    write([&](const void* data, size_t size) { write_all(file.number(), data, size, path_of(name)); });
    if (::close(file.release()) != 0) { // some file systems say only here that they are full
      throw unwritable(path_of(name), errno);
    }
  } catch (...) {
    remove(name);
    throw;
  }
}

void Folder::write_whole(const std::string& name, std::string_view text) const {
  const std::string unfinished = '.' + name + ".part";
  remove(unfinished);
  write_new(unfinished, [&](const Append& append) { append(text.data(), text.size()); });
  if (::renameat(descriptor_.number(), unfinished.c_str(), descriptor_.number(), name.c_str()) != 0) {
    const int error = errno;
    remove(unfinished);
    throw unwritable(path_of(name), error);
  }
}

void Folder::touch(const std::string& name) const {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  const Descriptor file(::openat(descriptor_.number(), name.c_str(), kFlags, S_IRUSR | S_IWUSR));
  if (file.number() < 0) {
    throw unwritable(path_of(name), errno);
  }
}

std::optional<std::string> Folder::read(const std::string& name, size_t most, bool is_private) const {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const Descriptor file(::openat(descriptor_.number(), name.c_str(), kFlags));
  struct stat facts {};
  if (file.number() < 0 || ::fstat(file.number(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid != ::geteuid() ||
      (is_private && (facts.st_mode & (kOthersRead | kOthersWrite)) != 0)) {
    return std::nullopt;
  }
  std::string text;
  std::array<char, 16384> piece{};
  while (text.size() <= most) {
    const ssize_t count = ::read(file.number(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return std::nullopt;
    }
    if (count == 0) {
      return text;
    }
    text.append(piece.data(), static_cast<size_t>(count));
  }
  return std::nullopt;
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> found;
  const int copy = ::openat(descriptor_.number(), ".", kFolderFlags);
  DIR* const list = copy < 0 ? nullptr : ::fdopendir(copy);
  if (list == nullptr) {
    if (copy >= 0) {
      ::close(copy);
    }
    return found;
  }
  while (const dirent* entry = ::readdir(list)) { // NOLINT(concurrency-mt-unsafe): no other thread has this list
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      found.push_back(name);
    }
  }
  ::closedir(list);
  std::sort(found.begin(), found.end());
  return found;
}

bool Folder::has(const std::string& name) const {
  struct stat facts {};
  return ::fstatat(descriptor_.number(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
}

std::optional<double> Folder::age_s() const {
  struct stat facts {};
  if (::fstat(descriptor_.number(), &facts) != 0) {
    return std::nullopt;
  }
  return std::difftime(std::time(nullptr), facts.st_mtime);
}

bool Folder::is_there() const {
  struct stat own {};
  struct stat there {};
  return ::fstat(descriptor_.number(), &own) == 0 && ::stat(path_.c_str(), &there) == 0 && own.st_dev == there.st_dev &&
         own.st_ino == there.st_ino;
}

Descriptor Folder::lock(const std::string& name) const {
  constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  Descriptor file(::openat(descriptor_.number(), name.c_str(), kFlags, S_IRUSR | S_IWUSR));
  if (file.number() < 0 || ::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    return Descriptor();
  }
  return file;
}

bool Folder::is_locked(const std::string& name) const {
  const Descriptor file(::openat(descriptor_.number(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return file.number() >= 0 && ::flock(file.number(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

void Folder::remove(const std::string& name) const { (void)::unlinkat(descriptor_.number(), name.c_str(), 0); }

void Folder::remove_folder(const std::string& name) const {
  (void)::unlinkat(descriptor_.number(), name.c_str(), AT_REMOVEDIR);
}

std::optional<std::vector<uint8_t>> read_file(const std::string& path, size_t most, const Pause& pause) {
  constexpr size_t kPiece = size_t{1} << 20U;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat facts {};
  if (file.number() < 0 || ::fstat(file.number(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
      static_cast<uint64_t>(facts.st_size) > most) {
    return std::nullopt;
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(facts.st_size));
  size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t count = ::read(file.number(), bytes.data() + at, std::min(kPiece, bytes.size() - at));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return std::nullopt;
    }
    at += static_cast<size_t>(count);
    pause();
  }
  return bytes;
}

std::optional<size_t> file_size(const std::string& path) {
  struct stat facts {};
  const bool is_file = ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
  return is_file ? std::optional(static_cast<size_t>(facts.st_size)) : std::nullopt;
}

} // namespace acebridge
