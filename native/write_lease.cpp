#include "write_lease.hpp"

#include <fcntl.h>
#include <signal.h>

#include <cerrno>

#include "unique_fd.hpp"

namespace imgsync {

namespace {

UniqueFd openQuietly(int directoryFd, const char* path) {
  constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
  UniqueFd fd(::openat(directoryFd, path, kFlags | O_NOATIME));
  // Only the owner may leave the access time alone.
  if (!fd && errno == EPERM) fd = UniqueFd(::openat(directoryFd, path, kFlags));
  return fd;
}

}  // namespace

Writer askForWriter(int directoryFd, const char* path, const struct stat& status) {
  // Opening a device can have effects.
  if (!S_ISREG(status.st_mode)) return Writer::unknown;
  const UniqueFd fd = openQuietly(directoryFd, path);
  if (!fd) return Writer::unknown;
  // Who wants to write meanwhile breaks the lease, and the signal for that would end the process by default
  // (SIGIO); SIGURG is ignored.
  if (::fcntl(fd.get(), F_SETSIG, SIGURG) != 0) return Writer::unknown;
  if (::fcntl(fd.get(), F_SETLEASE, F_RDLCK) != 0) {
    return errno == EAGAIN ? Writer::present : Writer::unknown;
  }
  ::fcntl(fd.get(), F_SETLEASE, F_UNLCK);
  return status.st_size == 0 ? Writer::noneYet : Writer::none;
}

}  // namespace imgsync
