#include "tree_walk.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <utility>

#include "reachable_path.hpp"

namespace imgsync {

namespace {

// Directories on the way that are kept open.
constexpr std::size_t kOpenWalks = 128;
constexpr std::size_t kListedAtOnce = 512;

}  // namespace

void TreeWalk::look(NodeId parent, std::string_view name, Purpose purpose) {
  const UniqueFd parentFd = tree_.openVerified(parent);
  if (!parentFd) return;
  Entered found = tree_.enter(parent, parentFd.get(), std::string(name).c_str());
  switch (found.what) {
    case Entered::What::added:
      if (purpose == Purpose::appeared) tree_.mark(ChangeKind::entry, found.node);
      return push(std::move(found), purpose, true);
    case Entered::What::moved:
      return takeMoved(std::move(found));
    case Entered::What::known:
      if (purpose == Purpose::appeared) return tree_.mark(ChangeKind::entry, found.node);
      return takeMoved(std::move(found));
    case Entered::What::unreadable:
    case Entered::What::nothing:
      tree_.markChild(ChangeKind::entry, parent, name);
  }
}

// A directory that has come here with all below it, which is watched already; but not for certain after lost
// events, and the walk that heals may have passed this place.
void TreeWalk::takeMoved(Entered found) {
  if (filterLooksAtPaths_ || isHealing_) return push(std::move(found), Purpose::moved, true);
  tree_.mark(ChangeKind::tree, found.node);
  if (isWalking()) movedMeanwhile_.push_back(tree_.table().ref(found.node));
}

void TreeWalk::start(bool digests) {
  wantsScan_ = digests;
  const int rootFd = tree_.root();
  if (rootFd < 0) return;
  UniqueFd fd = openDirectory(rootFd, ".");
  if (!fd) return tree_.end(SysError::last("openat"));
  first_ = std::make_unique<FirstWalk>(tree_, std::move(fd), digests);
}

// Whether it is done.
bool TreeWalk::advanceFirst(TimePoint until) {
  if (!first_->advance(until)) return false;
  isApplied_ = false;
  auto scan = first_->finish();
  entries_ = first_->entries();
  const std::vector<NodeRef> left = first_->takeLeft();
  for (const NodeRef node : first_->takeMoved()) movedMeanwhile_.push_back(node);
  first_.reset();
  if (!scan) {
    tree_.end(scan.error());
    return true;
  }
  if (wantsScan_ && left.empty()) scan_ = std::move(scan.value());
  for (const NodeRef node : left) {
    UniqueFd fd = tree_.table().isAlive(node) ? tree_.openVerified(node.id) : UniqueFd();
    if (fd) push({Entered::What::known, node.id, std::move(fd)}, Purpose::initial, true);
  }
  return true;
}

void TreeWalk::walkEverything(Purpose purpose) {
  scan_.reset();
  walks_.clear();
  mustWalkAgain_ = false;
  isHealing_ = purpose == Purpose::heal;
  entries_ = 0;
  const int rootFd = tree_.root();
  if (rootFd < 0) return;
  UniqueFd fd = openDirectory(rootFd, ".");
  if (!fd) return tree_.end(SysError::last("openat"));
  push({Entered::What::known, WatchTable::kRoot, std::move(fd)}, purpose, true);
}

void TreeWalk::push(Entered found, Purpose purpose, bool isTop) {
  if (walks_.size() >= kOpenWalks) walks_[walks_.size() - kOpenWalks].fd = UniqueFd();
  walks_.push_back({tree_.table().ref(found.node), std::move(found.fd), purpose, isTop});
}

void TreeWalk::advance(TimePoint until) {
  while (!tree_.hasEnded()) {
    // Also after the last step: what it put into its place may have to be listed.
    if (!isWalking()) relistFound();
    if (!isWalking()) return endWalks();
    if (walks_.empty()) {
      if (advanceFirst(until)) continue;
      return;
    }
    step();
    tree_.pump();
    // After the last step the end is due, whatever the time: nobody would ask for it.
    if (!walks_.empty() && Clock::now() >= until) return;
  }
}

void TreeWalk::step() {
  Walk& walk = walks_.back();
  const WatchTable& table = tree_.table();
  if (!table.isAlive(walk.node)) return walks_.pop_back();
  if (!table.isAttached(walk.node.id)) {
    tree_.relistLater(walk.node.id);
    return walks_.pop_back();
  }
  if (!walk.fd && !reopen(walk)) return walks_.pop_back();
  if (!walk.isListed) return list(walk);
  if (walk.at < walk.names.size()) return descend(walk);
  const Walk done = std::move(walk);
  walks_.pop_back();
  finish(done);
}

bool TreeWalk::reopen(Walk& walk) {
  walk.fd = tree_.openVerified(walk.node.id);
  if (!walk.isListed) {
    walk.reader.reset();
    walk.names.clear();
  }
  return static_cast<bool>(walk.fd);
}

// Reads a part of the directory: it may be a very big one.
void TreeWalk::list(Walk& walk) {
  const WatchTable& table = tree_.table();
  const NodeId id = walk.node.id;
  if (!walk.reader) {
    walk.reader = spareReader_ ? std::move(spareReader_) : std::make_unique<DirectoryReader>();
    walk.reader->start(walk.fd.get());
    for (NodeId child = table.firstChild(id); child != kNoNode; child = table.nextSibling(child)) {
      tree_.setUnseen(child, true);
    }
  }
  std::string path;
  table.path(id, path);
  if (!path.empty()) path += '/';
  const std::size_t prefix = path.size();
  DirectoryEntry entry;
  for (std::size_t read = 0; read < kListedAtOnce; ++read) {
    if (!walk.reader->next(entry)) return finishList(walk);
    path.resize(prefix);
    path += entry.name;
    listEntry(walk, entry, path);
  }
}

void TreeWalk::listEntry(Walk& walk, const DirectoryEntry& listed, std::string_view path) {
  DirectoryEntry entry = listed;
  if (entry.type == DT_UNKNOWN) {
    struct stat status;
    if (!statAt(walk.fd.get(), entry.name.data(), status)) return;
    entry.type = IFTODT(status.st_mode);
  }
  const NodeId id = walk.node.id;
  if (tree_.excludes(path, entry.type == DT_DIR)) return;
  ++entries_;
  if (entry.type == DT_DIR) {
    walk.names.append(entry.name).push_back('\0');
    const NodeId child = tree_.table().child(id, entry.name);
    if (child != kNoNode) tree_.setUnseen(child, false);
  } else {
    files_.found(id, walk.fd.get(), entry, walk.purpose == Purpose::appeared);
  }
}

void TreeWalk::finishList(Walk& walk) {
  const int error = walk.reader->error();
  spareReader_ = std::move(walk.reader);
  walk.isListed = true;
  if (error == 0) tree_.detachUnseen(walk.node.id);
  const bool mayDiffer = walk.purpose == Purpose::relist || error != 0;
  if (mayDiffer && walk.purpose != Purpose::initial) tree_.mark(ChangeKind::directory, walk.node.id);
}

void TreeWalk::descend(Walk& walk) {
  const NodeId id = walk.node.id;
  const Purpose purpose = walk.purpose;
  const bool looksBelow = purpose != Purpose::appeared && purpose != Purpose::relist;
  const std::string name(walk.names.c_str() + walk.at);
  walk.at += name.size() + 1;
  Entered found = tree_.enter(id, walk.fd.get(), name.c_str());
  switch (found.what) {
    case Entered::What::nothing:
      return;  // The event that tells more is on its way.
    case Entered::What::unreadable:
      if (purpose != Purpose::initial) tree_.markChild(ChangeKind::entry, id, name);
      return;
    case Entered::What::known:
      if (looksBelow) push(std::move(found), purpose, false);
      return;
    case Entered::What::moved:
      if (purpose == Purpose::heal) return push(std::move(found), Purpose::moved, true);
      if (looksBelow) return push(std::move(found), purpose, false);
      return takeMoved(std::move(found));
    case Entered::What::added:
      if (purpose == Purpose::relist || purpose == Purpose::heal)
        return push(std::move(found), Purpose::moved, true);
      if (purpose == Purpose::appeared) tree_.mark(ChangeKind::entry, found.node);
      return push(std::move(found), purpose, false);
  }
}

void TreeWalk::finish(const Walk& walk) {
  if (walk.isTop && walk.purpose == Purpose::moved && tree_.table().isAlive(walk.node)) {
    tree_.mark(ChangeKind::tree, walk.node.id);
  }
}

// Directories that could not be found when an event asked for them.
void TreeWalk::relistFound() {
  for (const auto& [id, node] : tree_.takeRelist()) {
    if (!tree_.table().isAlive(node)) continue;
    UniqueFd fd = tree_.openVerified(id);
    if (tree_.hasEnded()) return;
    if (fd) push({Entered::What::known, id, std::move(fd)}, Purpose::relist, true);
  }
}

void TreeWalk::endWalks() {
  for (const NodeRef node : std::exchange(movedMeanwhile_, {})) {
    if (tree_.table().isAlive(node)) tree_.mark(ChangeKind::tree, node.id);
  }
  if (mustWalkAgain_) return walkEverything(isLive_ ? Purpose::heal : Purpose::initial);
  isHealing_ = false;
  // What happened until here counts as part of the first walk.
  if (isLive_ || !isApplied_) return;
  isLive_ = true;
  tree_.tell(LiveMessage{tree_.table().size(), entries_, std::exchange(scan_, std::nullopt)});
}

}  // namespace imgsync
