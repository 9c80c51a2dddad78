// Lists the directories of a tree, with a digest of each if asked. Symbolic links are never followed, and no
// path is handed to the kernel, only names, so the depth of the tree does not matter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "path_filter.hpp"
#include "result.hpp"

namespace imgsync {

struct ScanOptions {
  bool digests = false;     // otherwise entries are only counted
  bool crossMounts = true;  // whether directories on another device than the root's are entered
  unsigned threads = 0;     // 0: one per core
  // Directories, each followed by a NUL, that are scanned with all beneath instead of the whole tree. None
  // lies below another; those that are missing or hidden by the filter are left out.
  std::string from = std::string(1, '\0');
  bool mounted = true;  // whether directories below the root that something is mounted on are entered
};

// One record for each directory that the filter lets through, parents before children: path bytes, NUL, 16
// bytes of digest, number of entries that are not excluded (u32, little-endian). A directory that vanishes
// meanwhile is left out; of one that can't be read the digest is zero and the number 0. Blocks until all is
// read. Fails when the root can't be opened or the process runs out of descriptors or memory.
Result<std::string> scanTree(const std::string& root, const PathFilter& filter, const ScanOptions& options);

// The same records, with digests, for the directories given (each path followed by a NUL), in tree order.
// Those that are missing, are no directories or are hidden by the filter are left out.
Result<std::string> digestDirectories(const std::string& root, const PathFilter& filter,
                                      std::string_view directories);

}  // namespace imgsync
