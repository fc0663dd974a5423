// A folder of ours, and files in it. Nothing is followed that is a link, nothing is written where others may write.
//
// Everything that cannot be done is a LinkError: one sentence for people, with what to do. POSIX.
#pragma once

#include "pause.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace acebridge {

class LinkError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

// What is wrong and what to do about it, whatever was thrown: one sentence or two for people.
std::string sentence_of(const std::exception& error);

// The cause of a system error in words.
std::string reason_of(int error);

// A descriptor that is closed at the end.
class Descriptor {
public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  int number() const { return number_; }
  int release();

private:
  int number_;
};

class Folder {
public:
  // A folder that others than this plug-in have made; links to it are followed. Nothing if there is none.
  static std::optional<Folder> open(const std::string& path);

  // A folder in this one, made if it is not there: it must be ours, closed to others' writing, and no link.
  Folder make(const std::string& name) const;
  // The same, but never made; nothing if it is not there or is not ours.
  std::optional<Folder> find(const std::string& name) const;

  const std::string& path() const { return path_; }
  std::string path_of(const std::string& name) const { return path_ + '/' + name; }

  // Call `write` with what appends bytes to a new file, for this user alone. A file that is not whole is removed.
  using Append = std::function<void(const void* data, size_t size)>;
  void write_new(const std::string& name, const std::function<void(const Append&)>& write) const;
  // A file that is there whole or not at all, in place of what was there.
  void write_whole(const std::string& name, std::string_view text) const;
  // An empty file; it may be there already.
  void touch(const std::string& name) const;

  // A file of this user, no link; nothing if there is none or it has more than `most` bytes. `is_private`: and others may
  // not read it.
  std::optional<std::string> read(const std::string& name, size_t most, bool is_private = false) const;

  // What is in it, in order of the names.
  std::vector<std::string> names() const;
  bool has(const std::string& name) const;
  // Seconds since something in this folder was changed; nothing if it is gone.
  std::optional<double> age_s() const;
  // Whether it still is where its path says.
  bool is_there() const;
  // Hold `name` in it as a lock until the descriptor is closed; -1 when somebody else does.
  Descriptor lock(const std::string& name) const;
  // Whether somebody holds it. Any number may look at once.
  bool is_locked(const std::string& name) const;

  // What cannot be removed stays.
  void remove(const std::string& name) const;
  void remove_folder(const std::string& name) const;

private:
  Folder(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::optional<Folder> open_inside(const std::string& name, int& error) const;

  std::string path_;
  Descriptor descriptor_;
};

// Read a file anywhere, in pieces. Nothing if that is not possible, or the file has more than `most` bytes.
std::optional<std::vector<uint8_t>> read_file(const std::string& path, size_t most, const Pause& pause);

// The bytes of a file; nothing for what is no file.
std::optional<size_t> file_size(const std::string& path);

} // namespace acebridge
