// Reaches what lies below a directory by paths of any length. Any thread.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "unique_fd.hpp"

namespace imgsync {

// A path below a directory in a form that a system call takes, however long it is. Only a symlink in place of
// its last name is ever noticed, so the caller makes sure that it got what it meant.
class ReachablePath {
 public:
  // The empty path is the directory itself. `rootFd` has to stay open.
  ReachablePath(int rootFd, std::string_view path);

  // False and errno: something on the way is missing.
  bool ok() const noexcept { return fd_ >= 0; }
  int fd() const noexcept { return fd_; }
  const char* path() const noexcept { return rest_.c_str(); }

 private:
  UniqueFd above_;  // none: the path fits as it is
  int fd_;
  std::string rest_;
};

// Opens a directory for reading; a symlink in its place is refused. None and errno on failure.
UniqueFd openDirectory(int parentFd, const char* path);

// lstat. False and errno on failure.
bool statAt(int parentFd, const char* path, struct stat& status);

}  // namespace imgsync
