// Changes that wait to be handed over, coalesced and bounded. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "packed_changes.hpp"

namespace imgsync {

// One change for each path, the widest kind wins. Past the limit the entries of the most crowded directories
// become one `directory`, and when that is not enough what lies below a directory becomes one `tree`: nothing
// is ever dropped.
class BatchBuilder {
 public:
  explicit BatchBuilder(std::size_t limitBytes) : limitBytes_(limitBytes) {}

  void add(ChangeKind kind, std::string_view path);

  void clear();

  bool empty() const noexcept { return changes_.empty(); }
  std::size_t size() const noexcept { return changes_.size(); }

  // Takes changes out, packed, in no order, until they are `maxBytes` and more. At least one, unless there is
  // none.
  std::string take(std::size_t maxBytes);

 private:
  // Folding goes down to this, so that its work is spread over many changes.
  std::size_t goalBytes() const noexcept { return limitBytes_ / 2; }
  void put(ChangeKind kind, std::string_view path);
  void fold();
  void foldInto(ChangeKind widest, ChangeKind into);

  const std::size_t limitBytes_;
  std::size_t bytes_ = 0;  // estimate of what changes_ takes
  std::unordered_map<std::string, ChangeKind> changes_;
};

}  // namespace imgsync
