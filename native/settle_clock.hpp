// Files that were made or written to and whose end of writing was not seen yet. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "link_index.hpp"
#include "watch_table.hpp"

namespace imgsync {

// What a look at a file told of its further names.
struct KnownLinks {
  bool isKnown = false;
  bool isCreated = false;        // it was made while it was watched
  std::optional<FileId> linked;  // the file, if it has several names
};

// One key for a name in a directory.
inline std::string fileKeyOf(NodeRef directory, std::string_view name) {
  std::string key(sizeof directory, '\0');
  std::memcpy(key.data(), &directory, sizeof directory);
  return key.append(name);
}

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

// Says when a file has been quiet long enough to be asked for a writer. While one holds it, the pauses grow:
// the writer's close makes an event of its own.
class SettleClock {
 public:
  struct File {
    NodeRef directory;
    std::string_view name;  // valid until the file is settled
    std::optional<FileId> linked;
  };

  // `isEager`: a file that is written to all the time is due all the same, once in `quiet`.
  SettleClock(std::chrono::milliseconds quiet, bool isEager) : quiet_(quiet), isEager_(isEager) {}

  // The file was made or written to. True: it did not wait yet.
  bool touch(NodeRef directory, std::string_view name, TimePoint now);
  bool contains(NodeRef directory, std::string_view name) const;
  void settle(NodeRef directory, std::string_view name);
  // Of a file that waits; none: it does not.
  KnownLinks* linksOf(NodeRef directory, std::string_view name);

  // A file to be asked now; settle() or postpone() has to follow.
  std::optional<File> due(TimePoint now);
  // A writer holds the file.
  void postpone(const File& file, TimePoint now);
  std::optional<TimePoint> nextDeadline() const;

  std::size_t size() const noexcept { return files_.size(); }
  template <typename Visit>
  void forEach(Visit visit) const {
    for (const auto& [key, entry] : files_) visit(fileOf(key, entry));
  }

 private:
  using Key = std::string;  // fileKeyOf()
  using Order = std::multimap<TimePoint, const Key*>;
  struct Entry {
    TimePoint first;  // touch since it was asked last
    TimePoint last;
    bool isTouched = true;  // since it was asked last
    std::chrono::milliseconds pause;
    Order::iterator place;
    KnownLinks links;
  };
  using Files = std::unordered_map<Key, Entry>;

  static File fileOf(const Key& key, const Entry& entry);
  TimePoint dueTime(const Entry& entry) const;
  void reorder(Entry& entry, TimePoint due);

  const std::chrono::milliseconds quiet_;
  const bool isEager_;
  Files files_;
  Order order_;  // by the time when a file may be due
};

}  // namespace imgsync
