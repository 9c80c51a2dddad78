// Changes as one run of bytes, the form in which they cross to and from JS (`packChanges` in
// src/core/change.ts): for each a kind byte, the path's bytes, a NUL. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgsync {

enum class ChangeKind : char { attributes = 'a', entry = 'e', directory = 'd', tree = 't' };

// A wider kind covers the narrower ones.
inline int rankOf(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::attributes:
      return 0;
    case ChangeKind::entry:
      return 1;
    case ChangeKind::directory:
      return 2;
    case ChangeKind::tree:
      return 3;
  }
  return 3;
}

struct Change {
  ChangeKind kind;
  std::string_view path;  // into the packed bytes
};

inline void packChange(std::string& packed, ChangeKind kind, std::string_view path) {
  packed += static_cast<char>(kind);
  packed.append(path);
  packed += '\0';
}

// Nothing when the bytes are no such list.
inline std::optional<std::vector<Change>> unpackChanges(std::string_view packed) {
  std::vector<Change> changes;
  while (!packed.empty()) {
    const char kind = packed.front();
    const std::size_t end = packed.find('\0', 1);
    if ((kind != 'a' && kind != 'e' && kind != 'd' && kind != 't') || end == std::string_view::npos)
      return std::nullopt;
    changes.push_back({static_cast<ChangeKind>(kind), packed.substr(1, end - 1)});
    packed.remove_prefix(end + 1);
  }
  return changes;
}

}  // namespace imgsync
