// Digest of a directory's entries: equal digests mean that nothing in the directory changed. Any thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace imgsync {

// A 128-bit sum over a hash of each entry, so that their order does not matter. It covers name, type, inode,
// mode, owner, device number, and for all but directories size, mtime and ctime. The times of a subdirectory
// are left out: they change with its entries, which its own digest covers. Of the directory itself it covers
// mode, owner and mtime: an entry that came and went leaves its trace there. Not the ctime, which a move
// changes.
class DirectoryDigest {
 public:
  static constexpr std::size_t kBytes = 16;

  void add(std::string_view name, const struct stat& status) noexcept;

  // The directory itself; once.
  void addSelf(const struct stat& status) noexcept;

  // Appends 16 bytes. They are never all zero, not even for an empty directory: zero stands for "not known".
  void appendTo(std::string& bytes) const;

  bool operator==(const DirectoryDigest& other) const noexcept {
    return low_ == other.low_ && high_ == other.high_;
  }

 private:
  std::uint64_t low_ = 1;
  std::uint64_t high_ = 0;
};

}  // namespace imgsync
