#include "inotify.hpp"

#include <sys/inotify.h>
#include <unistd.h>

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

bool Inotify::read(std::string& bytes, std::size_t maxBytes) {
  for (std::size_t total = 0; total < maxBytes;) {
    const ssize_t got = ::read(fd_.get(), buffer_.get(), kBufferBytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    bytes.append(buffer_.get(), static_cast<std::size_t>(got));
    total += static_cast<std::size_t>(got);
  }
  return false;
}

}  // namespace imgsync
