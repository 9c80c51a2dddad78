// Changes that wait to be handed over, coalesced and bounded. One thread.
#pragma once

#include <cstddef>
#include <list>
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

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  // Takes changes out, packed, until they are `maxBytes` and more. At least one, unless there is none. Those
  // of one directory follow one another, the directory that changed first comes first: whoever cuts the row
  // into batches gets nearly whole directories.
  std::string take(std::size_t maxBytes);

 private:
  // What changed directly in one directory; the root's own change stands under an empty name in the root.
  struct Directory {
    std::string path;
    std::unordered_map<std::string, ChangeKind> changes;
  };
  using Directories = std::list<Directory>;

  // Folding goes down to this, so that its work is spread over many changes.
  std::size_t goalBytes() const noexcept { return limitBytes_ / 2; }
  void put(ChangeKind kind, std::string_view path);
  Directory& directory(std::string_view path);
  Directories::iterator remove(Directories::iterator directory);
  void fold();
  void foldInto(ChangeKind widest, ChangeKind into);

  const std::size_t limitBytes_;
  std::size_t bytes_ = 0;  // estimate of what all this takes
  std::size_t size_ = 0;
  Directories directories_;  // in the order of their first change; none is empty
  std::unordered_map<std::string_view, Directories::iterator> byPath_;
  Directory* last_ = nullptr;  // the one that was changed last: the next change is mostly there too
};

}  // namespace imgsync
