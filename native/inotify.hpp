// One inotify instance. Any thread, but for read().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "result.hpp"
#include "unique_fd.hpp"

namespace imgsync {

class Inotify {
 public:
  static Result<Inotify> create();

  int fd() const noexcept { return fd_.get(); }

  // Watches the directory behind the descriptor, whatever path leads to it. A directory that is watched
  // already gives its old watch descriptor and keeps the events it had. -1 and errno on failure.
  int add(int directoryFd, std::uint32_t mask);
  // The kernel answers with IN_IGNORED.
  void remove(int wd);

  // What the kernel's queue holds, up to `maxBytes` (at least kMaxEventBytes) and until the next call. Empty:
  // so was the queue. One thread at a time.
  std::string_view read(std::size_t maxBytes);

  // With the longest name.
  static constexpr std::size_t kMaxEventBytes = 272;

 private:
  // Under a flood one call should fetch much.
  static constexpr std::size_t kBufferBytes = 256 * 1024;

  explicit Inotify(UniqueFd fd) : fd_(std::move(fd)), buffer_(std::make_unique<char[]>(kBufferBytes)) {}

  UniqueFd fd_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace imgsync
