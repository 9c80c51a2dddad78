// Finds out what is at a path below a root, one name per system call and never through a symlink, so that
// neither the depth of a tree nor a link in it matters. Directories on the way stay open for the next path:
// sorted paths share their lookups. One thread per instance.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unique_fd.hpp"

namespace imgsync {

// Whether `a` comes before `b` where every directory is directly followed by all that is below it (`a`,
// `a/b`, `a.b`).
bool comesBeforeInTree(std::string_view a, std::string_view b);

// The directory that holds the path; the root (the empty path) for a name at the top.
inline std::string_view parentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// What a path was at the moment of the lookup.
struct Found {
  enum class State {
    present,  // `status` tells what is at `path`
    gone,     // nothing is at `path`, and all above it are directories
    failed,   // `error` stood in the way
  };
  State state = State::failed;
  std::string_view path;  // what was asked for, or its topmost part that is gone or (present) no directory
  struct stat status = {};
  int error = 0;  // errno
};

class PathLookup {
 public:
  // The descriptor of the root stays the caller's and has to outlive the lookup.
  explicit PathLookup(int rootFd) : rootFd_(rootFd) {}

  // What is at `path` (relative to the root; empty: the root itself).
  Found find(std::string_view path);

  // Descriptor (O_PATH) of the directory `path`, valid until the next call; -1 and errno when there is none.
  int directory(std::string_view path);

 private:
  struct Level {
    std::size_t end;  // the level's directory is path_.substr(0, end)
    UniqueFd fd;      // none: closed to stay below kMaxOpen
  };
  static constexpr std::size_t kMaxOpen = 128;

  int current() const noexcept { return levels_.empty() ? rootFd_ : levels_.back().fd.get(); }
  void keepCommon(std::string_view directory);
  std::optional<Found> walk(std::string_view directory);

  int rootFd_;
  std::string path_;           // the directory that the last walk reached
  std::vector<Level> levels_;  // one for each name of path_
};

}  // namespace imgsync
