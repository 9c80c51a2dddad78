// The walk through directories that were not listed yet: the whole tree at the start and after lost events,
// and what appears later. One thread, but for the first walk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "directory_reader.hpp"
#include "file_watch.hpp"
#include "first_walk.hpp"
#include "unique_fd.hpp"
#include "watched_tree.hpp"

namespace imgsync {

class TreeWalk {
 public:
  // `filterLooksAtPaths`: some rule looks at more than the last name of a path, so that a directory that is
  // moved may show or hide what lies below it.
  TreeWalk(WatchedTree& tree, FileWatch& files, bool filterLooksAtPaths)
      : tree_(tree), files_(files), filterLooksAtPaths_(filterLooksAtPaths) {}

  // The walk at the start, which marks nothing, for the first sync comes after it. `digests`: the owner is to
  // be told all directories with their digests.
  void start(bool digests);
  // To be called when all events that were in the kernel's queue are applied.
  void applied() { isApplied_ = true; }
  // To be called after events were read and before they are applied.
  void adopt() {
    if (first_) first_->adopt();
  }
  // Events were lost: when the walk that is on is done, the whole tree is walked. Every directory gets its
  // watch; those that were not known in their place are marked, the others are for the owner to compare.
  void startAgain() { mustWalkAgain_ = true; }

  // An event tells that the directory may have appeared under this name, or was moved here or away from here.
  void lookForAppeared(NodeId parent, std::string_view name) {
    // Before the first walk is over: another directory of this name may have gone before the one above was
    // watched, and whoever had that one would keep what was in it.
    look(parent, name, isLive_ ? Purpose::appeared : Purpose::moved);
  }
  void lookForMoved(NodeId parent, std::string_view name) { look(parent, name, Purpose::moved); }

  // Goes on until all is done or the time is over.
  void advance(TimePoint until);
  bool isDone() const noexcept { return !hasWork(); }
  bool hasWork() const noexcept { return !isLive_ || isWalking() || mustWalkAgain_; }

 private:
  // Why a directory is walked, which says what is marked.
  enum class Purpose : std::uint8_t {
    initial,   // nothing
    appeared,  // every entry: it was made a moment ago
    moved,     // the top as `tree`, when everything below is watched
    heal,      // new directories, and those that were moved, as `tree`
    relist,    // the directory as `directory`; new ones below it as `tree`
  };
  // A directory on the way of the walk.
  struct Walk {
    NodeRef node;
    UniqueFd fd;  // none: too many are open, it is opened again when its turn comes
    Purpose purpose;
    bool isTop;
    std::unique_ptr<DirectoryReader> reader = {};  // while it is listed
    bool isListed = false;
    std::string names = {};  // of the subdirectories, each with a NUL
    std::size_t at = 0;      // the next one
  };

  bool isWalking() const noexcept { return first_ || !walks_.empty(); }
  void look(NodeId parent, std::string_view name, Purpose purpose);
  void takeMoved(Entered found);
  void walkEverything(Purpose purpose);
  void push(Entered found, Purpose purpose, bool isTop);
  bool advanceFirst(TimePoint until);
  void step();
  bool reopen(Walk& walk);
  void list(Walk& walk);
  void listEntry(Walk& walk, const DirectoryEntry& entry, std::string_view path);
  void finishList(Walk& walk);
  void descend(Walk& walk);
  void finish(const Walk& walk);
  void relistFound();
  void endWalks();

  WatchedTree& tree_;
  FileWatch& files_;
  const bool filterLooksAtPaths_;
  std::unique_ptr<FirstWalk> first_;
  bool wantsScan_ = false;
  std::optional<std::string> scan_;               // what the first walk has found
  std::vector<Walk> walks_;                       // the last one is on
  std::unique_ptr<DirectoryReader> spareReader_;  // its buffer is worth keeping
  std::vector<NodeRef> movedMeanwhile_;  // to be marked once more when everything below them is watched
  bool isLive_ = false;
  bool isApplied_ = false;  // since the first walk
  bool isHealing_ = false;
  bool mustWalkAgain_ = false;
  std::size_t entries_ = 0;  // that the first walk found
};

}  // namespace imgsync
