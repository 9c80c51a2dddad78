// What a listing of one directory tells: its digest, how many entries it has, its subdirectories.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "digest.hpp"
#include "directory_reader.hpp"
#include "path_filter.hpp"

namespace imgsync {

struct DirectorySummary {
  std::optional<DirectoryDigest> digest;  // none: not asked for, or the directory can't be read
  std::uint32_t entries = 0;
  std::vector<std::string> children;  // paths of the directories in it
};

// Path bytes, NUL, 16 bytes of digest (zero when there is none), number of entries (u32, little-endian).
void appendRecord(std::string& records, std::string_view path, const DirectorySummary& summary);

// Reads single directories. One thread per instance.
class DirectorySummarizer {
 public:
  // Ends a reading early, from any thread, when `isCancelled` becomes true.
  DirectorySummarizer(const PathFilter& filter, bool digests, const std::atomic<bool>* isCancelled = nullptr)
      : filter_(filter), digests_(digests), isCancelled_(isCancelled) {}

  // Nothing but an errno when the directory can't be read to its end.
  int read(int fd, std::string_view directory, DirectorySummary& summary);

 private:
  int readEntries(int fd, std::size_t prefix, DirectorySummary& summary, DirectoryDigest& digest);

  const PathFilter& filter_;
  const bool digests_;
  const std::atomic<bool>* const isCancelled_;
  DirectoryReader reader_;
  std::string path_;
};

}  // namespace imgsync
