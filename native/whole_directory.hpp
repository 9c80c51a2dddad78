// Says whether a directory may go to rsync as a whole instead of as a list of many of its entries. Any
// thread; no state is kept.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "path_filter.hpp"

namespace imgsync {

// What is known of one directory.
struct CrowdedDirectory {
  std::string_view path;
  std::size_t listed = 0;  // entries that would be listed, gone ones included
  std::function<bool(std::string_view path)> isListed;
};

struct WholeLimits {
  std::uint64_t bigFileBytes = UINT64_MAX;  // no file of this size and more is taken along
  std::size_t pathBytes = SIZE_MAX;         // no longer path is taken along
};

// rsync reads its list byte by byte with two system calls for each, so looking at an entry that has not
// changed costs it less than reading the name of one that has. True when the entries that would be taken
// along are no more than the listed ones and none of them is for another time: no file that somebody writes,
// no big one, none that the list can't hold, and no directory into which entries are just being put. Nor does
// it hold any directory: what is known of those at the target would have to follow.
bool maySendWhole(int directoryFd, const CrowdedDirectory& directory, const PathFilter& filter,
                  const WholeLimits& limits);

}  // namespace imgsync
