// One inotify instance. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

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

  // Appends what the kernel's queue holds, until it is empty or about `maxBytes` were read. True: it was
  // empty.
  bool read(std::string& bytes, std::size_t maxBytes);

 private:
  // Under a flood one call should fetch much; one event with the longest name is 272 bytes.
  static constexpr std::size_t kBufferBytes = 256 * 1024;

  explicit Inotify(UniqueFd fd) : fd_(std::move(fd)), buffer_(std::make_unique<char[]>(kBufferBytes)) {}

  UniqueFd fd_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace imgsync
