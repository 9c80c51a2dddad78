// What a watcher tells its owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "result.hpp"

namespace imgsync {

struct LiveMessage {
  std::size_t directories;
  std::size_t entries;
  // Records of all directories (see scanTree), as each was just after its watch began. None: they were not
  // asked for, or not all could be had.
  std::optional<std::string> scan;
};
struct ChangesMessage {
  std::string packed;
};
struct OverflowMessage {};
struct RootLostMessage {
  const char* reason;  // static text
};
// Every drain up to this number is done.
struct DrainedMessage {
  std::uint64_t number;
  std::string settling;  // packed
};

using WatchMessage =
    std::variant<LiveMessage, ChangesMessage, OverflowMessage, RootLostMessage, SysError, DrainedMessage>;

}  // namespace imgsync
