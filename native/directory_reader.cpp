#include "directory_reader.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace imgsync {

namespace {

// One record of getdents64(2): these fields, then the name with its NUL, then padding.
constexpr std::size_t kInodeAt = 0;
constexpr std::size_t kLengthAt = 16;
constexpr std::size_t kTypeAt = 18;
constexpr std::size_t kNameAt = 19;

template <typename T>
T readAt(const char* record, std::size_t offset) {
  T value;
  std::memcpy(&value, record + offset, sizeof value);
  return value;
}

}  // namespace

void DirectoryReader::start(int fd) noexcept {
  fd_ = fd;
  at_ = 0;
  end_ = 0;
  error_ = 0;
}

bool DirectoryReader::next(DirectoryEntry& entry) noexcept {
  for (;;) {
    if (at_ == end_) {
      const long bytes = ::syscall(SYS_getdents64, fd_, buffer_.get(), kBufferBytes);
      if (bytes <= 0) {
        error_ = bytes < 0 ? errno : 0;
        return false;
      }
      at_ = 0;
      end_ = static_cast<std::size_t>(bytes);
    }
    const char* record = buffer_.get() + at_;
    at_ += readAt<std::uint16_t>(record, kLengthAt);
    entry.name = record + kNameAt;
    entry.type = readAt<unsigned char>(record, kTypeAt);
    entry.inode = readAt<std::uint64_t>(record, kInodeAt);
    if (entry.name != "." && entry.name != "..") return true;
  }
}

}  // namespace imgsync
