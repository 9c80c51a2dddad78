// Turns changed paths into what rsync is told, by the state that each path has now. Any thread; no state is
// kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "path_filter.hpp"
#include "result.hpp"

namespace imgsync {

// How a path that is gone at the source goes at the target; the words are `BuildListsOptions.deleteMethod`'s.
enum class DeleteMethod { missingArgs, parentDirectory, none };

struct ListLimits {
  bool checks = false;  // whether the target may hold something else behind the names of listed directories
  DeleteMethod deleteMethod = DeleteMethod::missingArgs;
  std::uint64_t bigFileBytes = UINT64_MAX;  // regular files from this size on are left out of the lists
  std::uint64_t batchBytes = UINT64_MAX;    // bytes of regular files after which the rest is deferred
  // Directories, each followed by a NUL, that may be listed as a whole instead of many entries of theirs.
  // Nobody else sends anything in them meanwhile.
  std::string crowded;
};

// The fields are those of `BuiltLists` in src/native/addon.ts.
struct BuiltLists {
  std::string list;
  std::string checked;
  std::string trees;
  std::string big;
  std::string deferred;
  std::string tooLong;
  std::string gonePaths;
  std::string replacedTrees;
  std::string entryDirectories;
  std::size_t files = 0;
  std::size_t directories = 0;
  std::size_t whole = 0;
  std::size_t gone = 0;
  std::uint64_t sizeBytes = 0;
};

// `packed`: changes in the form of packed_changes.hpp. Fails with EINVAL on bytes that are no such list or
// that name a path outside the root, and with the system's error when the root can't be looked at (ENOENT: it
// was deleted).
Result<BuiltLists> buildLists(int rootFd, const PathFilter& filter, std::string_view packed,
                              const ListLimits& limits);

}  // namespace imgsync
