#include "directory_summary.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "reachable_path.hpp"
#include "result.hpp"

namespace imgsync {

void appendRecord(std::string& records, std::string_view path, const DirectorySummary& summary) {
  records.append(path);
  records += '\0';
  if (summary.digest) {
    summary.digest->appendTo(records);
  } else {
    records.append(DirectoryDigest::kBytes, '\0');
  }
  for (int shift = 0; shift < 32; shift += 8) records += static_cast<char>(summary.entries >> shift);
}

int DirectorySummarizer::read(int fd, std::string_view directory, DirectorySummary& summary) {
  path_.assign(directory);
  if (!directory.empty()) path_ += '/';
  DirectoryDigest digest;
  if (digests_) {
    // Before its entries are read: what is added meanwhile makes the digest differ from the next one.
    struct stat self;
    if (::fstat(fd, &self) != 0) return errno;
    digest.addSelf(self);
  }
  const int error = readEntries(fd, path_.size(), summary, digest);
  if (error != 0) {
    summary = DirectorySummary();
  } else if (digests_) {
    summary.digest = digest;
  }
  return error;
}

int DirectorySummarizer::readEntries(int fd, std::size_t prefix, DirectorySummary& summary,
                                     DirectoryDigest& digest) {
  DirectoryEntry entry;
  reader_.start(fd);
  while (reader_.next(entry)) {
    if (isCancelled_ != nullptr && isCancelled_->load(std::memory_order_relaxed)) return ECANCELED;
    struct stat status;
    const bool isUntyped = entry.type == DT_UNKNOWN;
    if (isUntyped) {
      if (!statAt(fd, entry.name.data(), status)) {
        if (isVanished(errno)) continue;
        return errno;
      }
      entry.type = IFTODT(status.st_mode);
    }
    const bool isDirectory = entry.type == DT_DIR;
    if (isDirectory || !filter_.empty()) {
      path_.resize(prefix);
      path_ += entry.name;
      if (filter_.excludes(path_, isDirectory)) continue;
    }
    if (digests_ && !isUntyped && !statAt(fd, entry.name.data(), status)) {
      if (isVanished(errno)) continue;
      return errno;
    }
    if (digests_) digest.add(entry.name, status);
    ++summary.entries;
    if (isDirectory) summary.children.push_back(path_);
  }
  return reader_.error();
}

}  // namespace imgsync
