// Reads the entries of a directory by getdents64. One thread per instance.
#pragma once

#include <dirent.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace imgsync {

struct DirectoryEntry {
  std::string_view name;  // ends with a NUL; valid until the next entry is read
  unsigned char type = DT_UNKNOWN;
  std::uint64_t inode = 0;
};

// The buffer is kept from one directory to the next.
class DirectoryReader {
 public:
  // Begins with a directory that was just opened for reading; the descriptor stays the caller's.
  void start(int fd) noexcept;

  // Gives the next entry other than `.` and `..`. False: no more, or error() is not 0.
  bool next(DirectoryEntry& entry) noexcept;

  int error() const noexcept { return error_; }

 private:
  static constexpr std::size_t kBufferBytes = 64 * 1024;

  std::unique_ptr<char[]> buffer_ = std::make_unique<char[]>(kBufferBytes);
  int fd_ = -1;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  int error_ = 0;
};

}  // namespace imgsync
