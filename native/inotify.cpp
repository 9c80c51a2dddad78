#include "inotify.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace imgsync {

Result<Inotify> Inotify::create() {
  UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) return SysError::last("inotify_init1");
  return Inotify(std::move(fd));
}

int Inotify::add(int directoryFd, std::uint32_t mask) {
  // inotify takes only paths; this one leads to the directory that is open, without length limit and without
  // race.
  char path[40];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", directoryFd);
  return ::inotify_add_watch(fd_.get(), path, mask | IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD);
}

void Inotify::remove(int wd) { ::inotify_rm_watch(fd_.get(), wd); }

std::string_view Inotify::read(std::size_t maxBytes) {
  for (;;) {
    const ssize_t got = ::read(fd_.get(), buffer_.get(), std::min(maxBytes, kBufferBytes));
    if (got >= 0) return {buffer_.get(), static_cast<std::size_t>(got)};
    if (errno != EINTR) return {};
  }
}

}  // namespace imgsync
