#include "path_lookup.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace imgsync {

namespace {

// The slash sorts before every other byte of a name, so that "a/b" comes before "a.b".
unsigned treeOrder(char byte) { return byte == '/' ? 0 : static_cast<unsigned char>(byte); }

Found look(int parent, std::string_view path, const std::string& name) {
  Found found;
  found.path = path;
  if (::fstatat(parent, name.c_str(), &found.status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0) {
    found.state = Found::State::present;
  } else {
    found.error = errno;
    found.state = found.error == ENOENT ? Found::State::gone : Found::State::failed;
  }
  return found;
}

}  // namespace

bool comesBeforeInTree(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return treeOrder(x) < treeOrder(y); });
}

Found PathLookup::find(std::string_view path) {
  Found found;
  found.path = path;
  if (path.empty()) {
    if (::fstat(rootFd_, &found.status) == 0) found.state = Found::State::present;
    found.error = errno;
    return found;
  }
  const std::string_view parent = parentOf(path);
  if (auto barrier = walk(parent)) {
    if (barrier->state == Found::State::failed) barrier->path = path;
    return *barrier;
  }
  return look(current(), path, std::string(path.substr(parent.empty() ? 0 : parent.size() + 1)));
}

int PathLookup::directory(std::string_view path) {
  if (const auto barrier = walk(path)) {
    errno = barrier->state == Found::State::present ? ENOTDIR : barrier->error;
    return -1;
  }
  return current();
}

// Leaves open what `directory` has in common with the last walk.
void PathLookup::keepCommon(std::string_view directory) {
  const auto shorter = std::min(path_.size(), directory.size());
  const auto common = static_cast<std::size_t>(
      std::mismatch(directory.begin(), directory.begin() + shorter, path_.begin()).first - directory.begin());
  const auto isCommon = [&](std::size_t end) {
    return end <= common && (end == directory.size() || directory[end] == '/');
  };
  while (!levels_.empty() && !isCommon(levels_.back().end)) levels_.pop_back();
  if (!levels_.empty() && !levels_.back().fd) levels_.clear();
  path_.resize(levels_.empty() ? 0 : levels_.back().end);
}

// Opens every directory down to `directory`. Nothing when it was reached, otherwise what is in the way.
std::optional<Found> PathLookup::walk(std::string_view directory) {
  keepCommon(directory);
  while (path_.size() < directory.size()) {
    const std::size_t start = path_.empty() ? 0 : path_.size() + 1;
    const std::size_t end = std::min(directory.find('/', start), directory.size());
    const std::string name(directory.substr(start, end - start));
    UniqueFd fd(::openat(current(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
      Found barrier;
      barrier.path = directory.substr(0, end);
      barrier.error = errno;
      if (barrier.error == ENOENT) barrier.state = Found::State::gone;
      if (barrier.error == ENOTDIR || barrier.error == ELOOP) {
        barrier = look(current(), barrier.path, name);
        // It became a directory in between: a change that was reported or will be.
        if (barrier.state == Found::State::present && S_ISDIR(barrier.status.st_mode)) {
          barrier.state = Found::State::failed;
          barrier.error = EAGAIN;
        }
      }
      return barrier;
    }
    if (levels_.size() >= kMaxOpen) levels_[levels_.size() - kMaxOpen].fd = UniqueFd();
    levels_.push_back({end, std::move(fd)});
    path_.append(directory.substr(path_.size(), end - path_.size()));
  }
  return std::nullopt;
}

}  // namespace imgsync
