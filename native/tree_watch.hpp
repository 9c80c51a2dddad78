// Watches a tree: reads the kernel's events, gives them to whom they concern, and sees to it that all that
// follows from them is done. Has no thread of its own, so that it can be driven step by step. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "event_decoder.hpp"
#include "file_watch.hpp"
#include "tree_walk.hpp"
#include "watched_tree.hpp"

namespace imgsync {

struct TreeWatchOptions {
  WatchedTreeOptions tree;
  bool filterLooksAtPaths = false;  // see TreeWalk
  FileWatchOptions files;
  bool digests = false;  // whether the directories of the first walk are told with their digests
};

class TreeWatch {
 public:
  TreeWatch(const TreeWatchOptions& options, BatchBuilder& changes)
      : attrib_(options.files.attrib),
        digests_(options.digests),
        tree_(options.tree, changes),
        files_(options.files, tree_),
        walk_(tree_, files_, options.filterLooksAtPaths) {}

  // Watches the root and begins the first walk. A failure is told as a message, as all later ones are.
  void start();

  // To be polled for input; -1 when it has not started or has ended.
  int fd() const noexcept { return tree_.fd(); }
  // Reads and applies events, and does what follows and what is due, for about this long at most.
  // True: the kernel's queue was empty after reading.
  bool turn(TimePoint now, Clock::duration atMost);
  // After a turn that found the kernel's queue empty, when nothing else is to be done. True: until the
  // descriptor is readable, or nextDeadline(), there is nothing to do, and nothing is read.
  bool mayWait();
  // Marks what otherwise waits for its time.
  void flushDelayed();
  // Whether somebody waits for isCaughtUp(): what it takes is then begun sooner.
  void setAwaited(bool isAwaited) noexcept { files_.setAwaited(isAwaited); }

  // Whether all that was read, up to the last turn that found the queue empty, is marked, but for settling().
  bool isCaughtUp() const noexcept { return !tree_.hasEnded() && walk_.isDone() && files_.isCaughtUp(); }
  // Whether there is something to do at once, although the descriptor may not be readable.
  bool hasWork() const {
    return !tree_.hasEnded() && (tree_.hasEvents() || walk_.hasWork() || files_.hasWork());
  }
  // When there is something to do without any event.
  std::optional<TimePoint> nextDeadline() const;

  std::vector<WatchMessage> takeMessages() { return tree_.takeMessages(); }

  // Packed entries: files that changed and are not marked yet, for they may be half-written.
  std::string settling() const { return files_.settling(); }
  std::size_t settlingFiles() const noexcept { return files_.settlingFiles(); }
  std::size_t directories() const noexcept { return tree_.table().size(); }
  std::size_t watches() const noexcept { return tree_.table().watches(); }
  std::uint64_t events() const noexcept { return events_; }
  std::uint64_t overflows() const noexcept { return overflows_; }

 private:
  bool readEvents();
  void apply(const WatchEvent& event);
  void applyAt(NodeId directory, const WatchEvent& event);
  void applyToDirectory(NodeId parent, const WatchEvent& event);
  bool endIfRootLost(std::uint32_t mask);
  void lostWatch(NodeId id);
  void overflow();

  const bool attrib_;
  const bool digests_;
  WatchedTree tree_;
  FileWatch files_;
  TreeWalk walk_;
  TimePoint now_;
  // Directories whose times changed by a name that is excluded.
  std::unordered_map<NodeId, NodeRef> touched_;
  TimePoint touchedSince_;
  std::uint64_t events_ = 0;
  std::uint64_t overflows_ = 0;
};

}  // namespace imgsync
