#include "first_walk.hpp"

#include <cerrno>
#include <utility>

namespace imgsync {

FirstWalk::FirstWalk(WatchedTree& tree, UniqueFd rootFd, bool digests)
    : tree_(tree), rootFd_(std::move(rootFd)) {
  tree_.keepWatches();
  crawl_.emplace(rootFd_.get(), tree.rootDevice(), tree.filter(), CrawlOptions{digests, tree.crossesMounts()},
                 static_cast<TreeCrawl::Observer*>(this));
  crawl_->begin({std::string()});
}

FirstWalk::~FirstWalk() {
  crawl_.reset();
  tree_.removeStrays();
}

void FirstWalk::adopt() {
  std::vector<Watched> watched;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    watched.swap(watched_);
  }
  for (const Watched& directory : watched) {
    if (directory.name.empty()) {
      nodes_.push_back(tree_.table().ref(WatchTable::kRoot));
      continue;
    }
    const NodeRef parent = nodes_[directory.parent];
    if (!tree_.table().isAlive(parent)) {
      nodes_.emplace_back();
      tree_.removeLater(directory.wd);
      continue;
    }
    const Entered found = tree_.adopt(parent.id, directory.name, directory.wd);
    nodes_.push_back(tree_.table().ref(found.node));
    // What changed in it while it had no place was not told, and its digest may be older.
    if (found.what != Entered::What::moved) continue;
    tree_.mark(ChangeKind::tree, found.node);
    moved_.push_back(nodes_.back());
  }
}

bool FirstWalk::advance(TimePoint until) {
  const bool isDone = crawl_->wait(until);
  adopt();
  return isDone;
}

std::vector<NodeRef> FirstWalk::takeLeft() {
  std::vector<NodeRef> left;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const TreeCrawl::DirectoryId id : std::exchange(left_, {})) left.push_back(nodes_[id]);
  return left;
}

int FirstWalk::open(TreeCrawl::DirectoryId parent, std::string_view name, int fd,
                    TreeCrawl::DirectoryId& id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const int wd = name.empty() ? 0 : tree_.watch(fd);
  if (wd < 0) return errno;
  watched_.push_back({parent, wd, std::string(name)});
  id = nextId_++;
  return 0;
}

void FirstWalk::leave(TreeCrawl::DirectoryId id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  left_.push_back(id);
}

}  // namespace imgsync
