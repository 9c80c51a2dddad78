#include "whole_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <string>

#include "directory_reader.hpp"
#include "unique_fd.hpp"
#include "write_lease.hpp"

namespace imgsync {

namespace {

// Nothing was put into the directory for this long. A file that appears after the look would be sent half
// written.
constexpr std::int64_t kQuietMs = 300;

std::int64_t milliseconds(const struct timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
}

bool isQuiet(int directoryFd) {
  struct stat status;
  if (::fstat(directoryFd, &status) != 0) return false;
  struct timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  // The time of a change can't be set by anybody, unlike that of a modification.
  return milliseconds(now) - milliseconds(status.st_ctim) >= kQuietMs;
}

bool mayComeAlong(int directoryFd, const DirectoryEntry& entry, const WholeLimits& limits) {
  if (entry.type != DT_REG && entry.type != DT_UNKNOWN) return true;
  struct stat status;
  if (::fstatat(directoryFd, entry.name.data(), &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
    return false;
  if (!S_ISREG(status.st_mode)) return !S_ISDIR(status.st_mode);
  if (static_cast<std::uint64_t>(status.st_size) >= limits.bigFileBytes) return false;
  return askForWriter(directoryFd, entry.name.data(), status) == Writer::none;
}

}  // namespace

bool maySendWhole(int directoryFd, const CrowdedDirectory& directory, const PathFilter& filter,
                  const WholeLimits& limits) {
  // A descriptor of its own: reading moves its position.
  const UniqueFd fd(::openat(directoryFd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || !isQuiet(fd.get())) return false;
  std::string path(directory.path);
  if (!path.empty()) path += '/';
  const std::size_t prefix = path.size();
  std::size_t others = 0;
  DirectoryReader reader;
  DirectoryEntry entry;
  reader.start(fd.get());
  while (reader.next(entry)) {
    path.resize(prefix);
    path += entry.name;
    if (filter.excludes(path, entry.type == DT_DIR)) continue;
    if (entry.type == DT_DIR) return false;
    if (directory.isListed(path)) continue;
    if (++others > directory.listed || path.size() > limits.pathBytes) return false;
    if (!mayComeAlong(fd.get(), entry, limits)) return false;
  }
  return reader.error() == 0;
}

}  // namespace imgsync
