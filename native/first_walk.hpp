// The walk through the whole tree at the start: several threads watch each directory, list it, and take its
// digest if asked, in one go.
//
// The thread that owns the tree gives the directories their places in the table, and applies events
// meanwhile. A watch and the note of it are made under one lock: whoever first reads events and then adopts
// what is noted knows every directory that the events are about.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result.hpp"
#include "tree_crawl.hpp"
#include "unique_fd.hpp"
#include "watched_tree.hpp"

namespace imgsync {

// The thread that owns the tree, but for what it overrides.
class FirstWalk final : private TreeCrawl::Observer {
 public:
  // While it lives, no watch is removed: it may have been made for another place that was not adopted yet.
  // `rootFd`: the root of the tree, which is watched.
  FirstWalk(WatchedTree& tree, UniqueFd rootFd, bool digests);
  ~FirstWalk();
  FirstWalk(const FirstWalk&) = delete;
  FirstWalk& operator=(const FirstWalk&) = delete;

  // Puts into the table what is watched by now.
  void adopt();
  // Adopts until all is done (true), or the time is over.
  bool advance(TimePoint until);

  // After that. Why it was given up, or the records of all directories, parents before children; see
  // scanTree. Of what changes after its directory was watched there are events.
  Result<std::string> finish() { return crawl_->finish(); }
  std::size_t entries() const noexcept { return crawl_->entries(); }
  // Directories that had left their place and were found in another one.
  std::vector<NodeRef> takeMoved() { return std::exchange(moved_, {}); }
  // Directories whose subdirectories are still to be walked.
  std::vector<NodeRef> takeLeft();

 private:
  struct Watched {
    TreeCrawl::DirectoryId parent;
    int wd;
    std::string name;
  };

  int open(TreeCrawl::DirectoryId parent, std::string_view name, int fd, TreeCrawl::DirectoryId& id) override;
  void leave(TreeCrawl::DirectoryId id) override;

  WatchedTree& tree_;
  const UniqueFd rootFd_;
  std::vector<NodeRef> nodes_;  // by id
  std::vector<NodeRef> moved_;
  std::mutex mutex_;  // guards what follows
  std::vector<Watched> watched_;
  TreeCrawl::DirectoryId nextId_ = 0;
  std::vector<TreeCrawl::DirectoryId> left_;
  std::optional<TreeCrawl> crawl_;
};

}  // namespace imgsync
