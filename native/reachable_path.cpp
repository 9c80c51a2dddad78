#include "reachable_path.hpp"

#include <fcntl.h>

#include <climits>
#include <utility>

namespace imgsync {

ReachablePath::ReachablePath(int rootFd, std::string_view path) : fd_(rootFd) {
  while (path.size() >= PATH_MAX) {
    const std::size_t slash = path.rfind('/', PATH_MAX - 1);
    const std::string head(path.substr(0, slash));
    path.remove_prefix(slash + 1);
    above_ = UniqueFd(::openat(fd_, head.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    fd_ = above_.get();
    if (!above_) return;
  }
  rest_ = path.empty() ? std::string_view(".") : path;
}

UniqueFd openDirectory(int parentFd, const char* path) {
  return UniqueFd(::openat(parentFd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool statAt(int parentFd, const char* path, struct stat& status) {
  return ::fstatat(parentFd, path, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0;
}

}  // namespace imgsync
