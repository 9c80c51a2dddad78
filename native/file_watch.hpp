// What becomes of events about files: when a file that is written to is told, and under which names. One
// thread.
#pragma once

#include <sys/stat.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "directory_reader.hpp"
#include "event_decoder.hpp"
#include "link_index.hpp"
#include "settle_clock.hpp"
#include "watched_tree.hpp"

namespace imgsync {

struct FileWatchOptions {
  bool attrib = true;   // whether changes of attributes alone are told
  bool modify = false;  // whether a file that stays open is told at every settle
  std::chrono::milliseconds settle{100};
};

class FileWatch {
 public:
  FileWatch(const FileWatchOptions& options, WatchedTree& tree)
      : options_(options), tree_(tree), settle_(options.settle, options.modify) {}

  // An event about anything but a directory.
  // `path`: empty while the directory has no place.
  void apply(NodeId directory, const WatchEvent& event, std::string_view path, TimePoint now);
  // The events that are applied next were read at this time or later, for those before them were.
  void appliesReadAt(TimePoint time) { readAt_ = time; }
  // Every event of what happened before this moment was applied; `CLOCK_REALTIME`.
  void appliedUntil(const timespec& time) { appliedUntil_ = time; }
  // A listing met the file; `isNew`: in a directory that was made a moment ago.
  void found(NodeId directory, int directoryFd, const DirectoryEntry& entry, bool isNew);
  // Events were lost: what is known of links is outdated. Every directory is going to be compared.
  void forgetLinks();

  // Looks at the files that had events, and at those that are due, until the time is over.
  void work(TimePoint until);
  // Looks for further names of files. Only while no directory waits to be listed.
  void searchLinks(TimePoint now, TimePoint until);
  // Whether somebody waits until all is marked: a search then comes sooner after the one before.
  void setAwaited(bool isAwaited) noexcept { isAwaited_ = isAwaited; }

  // Whether all that was applied is marked, but for settling().
  bool isCaughtUp() const noexcept { return touched_.empty() && !wantsSearch() && !search_; }
  bool hasWork() const noexcept { return search_.has_value(); }
  std::optional<TimePoint> nextDeadline() const;

  // Packed entries: files that changed and are not marked yet, for they may be half-written, under all names
  // that are known.
  std::string settling() const;
  std::size_t settlingFiles() const noexcept { return settle_.size(); }

 private:
  // A file that had events since the last turn. Most files are made, written and closed within one, and then
  // only one look at them is needed.
  struct Touched {
    NodeRef directory;
    std::string name;
    bool isCreated = false;
    bool isWritten = false;
    bool isChanged = false;  // and may be told
    KnownLinks links;        // of what was written
  };
  // One pass over the whole tree.
  struct Search {
    std::set<FileId> wanted;
    // Every file whose status changed since is told.
    std::optional<timespec> changedSince;
    bool looksAtEach;  // where directory entries don't tell the inode that stat does, as in overlays
    TimePoint since;   // of the clock, not of turns
    NodeId next = 0;
    bool isIncomplete = false;  // some directory had no place
  };
  enum class Look { done, later };

  Touched& touch(NodeRef directory, std::string_view name);
  void leave(NodeRef directory, std::string_view name, const WatchEvent& event);
  bool wasDoubtful(const std::string& key);
  void forgetDoubtful();
  void suspect();
  void lookAtTouched();
  Look lookAt(const Touched& file);
  void settleOne(const SettleClock::File& file, TimePoint now);

  void changedLinked(const struct stat& status, NodeRef directory, std::string_view name);
  void writtenLinked(const struct stat& status, NodeRef directory, std::string_view name);
  bool wantsSearch() const noexcept { return !wanted_.empty() || suspectSince_.has_value(); }
  void pruneNames(FileId id, LinkedFile& file, nlink_t& links);
  void markNames(const LinkedFile& file);
  void searchIn(NodeId directory);
  void finishSearch(TimePoint now);
  TimePoint searchDue() const;

  bool statOf(NodeRef directory, std::string_view name, struct stat& status);

  const FileWatchOptions options_;
  WatchedTree& tree_;
  SettleClock settle_;
  std::unordered_map<std::string, Touched> touched_;

  LinkIndex links_;
  std::set<FileId> wanted_;       // by the next search
  bool wantsLookAtEach_ = false;  // by the next search
  // A file was written to and went away before it was looked at: it may have further names. For the next
  // search.
  std::optional<timespec> suspectSince_;
  std::set<std::uint32_t> suspectMoves_;  // cookies of moves that would be such, unless they end in the tree
  // Files that were written to and had one name when they were looked at, but perhaps for the reason that
  // another was just going away: the kernel counts down first.
  std::unordered_map<std::string, TimePoint> doubtful_;
  TimePoint lastForget_;
  TimePoint readAt_;  // of the events that are applied
  timespec appliedUntil_{};
  std::optional<Search> search_;
  TimePoint lastSearch_;  // its end
  Clock::duration lastSearchTook_{0};
  bool isAwaited_ = false;
  DirectoryReader reader_;
};

}  // namespace imgsync
