#include "watched_tree.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <cerrno>

#include "reachable_path.hpp"

namespace imgsync {

namespace {

// The second half of a move comes right after the first, but not always with the same read.
constexpr auto kDetachedHold = std::chrono::milliseconds(50);

// Every removal puts an event into the queue.
constexpr std::size_t kRemovalsBetweenPumps = 256;

}  // namespace

const std::uint32_t WatchedTree::kMask =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB | IN_MODIFY;

bool WatchedTree::start() {
  rootFd_ = openRoot();
  struct stat status;
  if (!rootFd_ || ::fstat(rootFd_.get(), &status) != 0) {
    end(SysError::last("open", options_.root));
    return false;
  }
  rootDevice_ = status.st_dev;
  auto inotify = Inotify::create();
  if (!inotify) {
    end(inotify.error());
    return false;
  }
  inotify_ = std::move(inotify.value());
  backlog_.emplace(*inotify_);
  const int wd = inotify_->add(rootFd_.get(), kMask | IN_DELETE_SELF | IN_MOVE_SELF);
  if (wd < 0) {
    end(SysError::last("inotify_add_watch"));
    return false;
  }
  table_.setRootWatch(wd);
  return true;
}

// ---- directories

Entered WatchedTree::enter(NodeId parent, int parentFd, const char* name) {
  UniqueFd fd = openDirectory(parentFd, name);
  struct stat status;
  int wd = -1;
  int error = 0;
  const char* syscall = "openat";
  if (!fd) {
    error = errno;
  } else if (!options_.crossMounts && ::fstat(fd.get(), &status) == 0 && status.st_dev != rootDevice_) {
    error = EXDEV;
  } else {
    syscall = "inotify_add_watch";
    wd = inotify_->add(fd.get(), kMask);
    error = wd < 0 ? errno : 0;
  }
  if (error == 0) {
    Entered found = place(parent, name, wd);
    found.fd = std::move(fd);
    return found;
  }
  if (endIfExhausted(error, syscall, parent, name)) return {};
  const NodeId old = table_.child(parent, name);
  if (old != kNoNode) detach(old);
  return {isVanished(error) ? Entered::What::nothing : Entered::What::unreadable};
}

Entered WatchedTree::place(NodeId parent, std::string_view name, int wd) {
  const NodeId old = table_.child(parent, name);
  if (old != kNoNode) table_.setUnseen(old, false);
  if (old != kNoNode && table_.watch(old) == wd) return {Entered::What::known, old};
  if (old != kNoNode) detach(old);
  for (NodeId id = table_.firstWithWatch(wd); id != kNoNode; id = table_.nextWithWatch(id)) {
    const bool hasLeft = id != WatchTable::kRoot && table_.parent(id) == kNoNode;
    if (hasLeft && !table_.isBelow(parent, id)) {
      table_.attach(id, parent, name);
      return {Entered::What::moved, id};
    }
  }
  // The same directory may still be known in another place: it is bound there, or the event that takes it
  // away is yet to be read.
  return {Entered::What::added, table_.add(parent, name, wd)};
}

UniqueFd WatchedTree::openVerified(NodeId id) {
  std::string path;
  if (!table_.path(id, path)) {
    relistLater(id);
    return UniqueFd();
  }
  const int rootFd = root();
  if (rootFd < 0) return UniqueFd();
  const ReachablePath reached(rootFd, path);
  UniqueFd fd = reached.ok() ? openDirectory(reached.fd(), reached.path()) : UniqueFd();
  if (fd && isWatchedAs(fd.get(), table_.watch(id))) return fd;
  return openStepwise(id);
}

UniqueFd WatchedTree::openStepwise(NodeId id) {
  std::vector<NodeId> way;
  for (NodeId at = id; at != WatchTable::kRoot; at = table_.parent(at)) way.push_back(at);
  UniqueFd fd = openDirectory(root(), ".");
  for (; fd && !way.empty(); way.pop_back()) {
    const NodeId next = way.back();
    UniqueFd nextFd = openDirectory(fd.get(), table_.name(next).c_str());
    if (!nextFd && endIfExhausted(errno, "openat", table_.parent(next), table_.name(next))) return nextFd;
    if (!nextFd || !isWatchedAs(nextFd.get(), table_.watch(next))) {
      // What stands in its place may make no event: a mount, or what a mount has hidden.
      if (nextFd) relistLater(table_.parent(next));
      mark(ChangeKind::tree, next);
      detach(next);
      relistLater(id);
      return UniqueFd();
    }
    fd = std::move(nextFd);
  }
  if (!fd) endIfExhausted(errno, "openat", WatchTable::kRoot, {});
  return fd;
}

bool WatchedTree::isWatchedAs(int fd, int wd) {
  const int found = inotify_->add(fd, kMask);
  // A directory that is not known gets its watch when it is entered.
  if (found >= 0) unwatch(found);
  return found == wd;
}

UniqueFd WatchedTree::openRoot() const {
  return UniqueFd(::open(options_.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

int WatchedTree::root() {
  if (rootFd_) return rootFd_.get();
  rootFd_ = openRoot();
  if (!rootFd_ && endIfExhausted(errno, "open", WatchTable::kRoot, {})) return -1;
  if (!rootFd_) {
    end(RootLostMessage{"it is not there"});
  } else if (!isWatchedAs(rootFd_.get(), table_.watch(WatchTable::kRoot))) {
    end(RootLostMessage{"another directory stands in its place"});
    rootFd_ = UniqueFd();
  }
  return rootFd_.get();
}

void WatchedTree::detach(NodeId id) {
  table_.detach(id);
  table_.setUnseen(id, false);
  detached_.push_back({table_.ref(id), Clock::now()});
}

void WatchedTree::detachUnseen(NodeId parent) {
  for (NodeId id = table_.firstChild(parent); id != kNoNode;) {
    const NodeId next = table_.nextSibling(id);
    if (table_.isUnseen(id)) detach(id);
    id = next;
  }
}

void WatchedTree::drop(NodeId top) {
  const NodeId above = table_.parent(top);
  std::size_t removed = 0;
  for (NodeId id = top; id != above;) {
    const NodeId child = table_.firstChild(id);
    if (child != kNoNode) {
      id = child;
      continue;
    }
    const NodeId parent = table_.parent(id);
    const int wd = table_.watch(id);
    table_.remove(id);
    unwatch(wd);
    if (++removed % kRemovalsBetweenPumps == 0) pump();
    id = parent;
  }
}

// Unless there is a directory for it.
void WatchedTree::unwatch(int wd) {
  if (table_.firstWithWatch(wd) != kNoNode) return;
  if (keepsWatches_) return removeLater(wd);
  inotify_->remove(wd);
}

void WatchedTree::removeStrays() {
  keepsWatches_ = false;
  for (const int wd : std::exchange(strays_, {})) unwatch(wd);
}

void WatchedTree::dropDetached(TimePoint now) {
  if (keepsWatches_) return;
  for (const Detached& entry : std::exchange(detached_, {})) {
    if (!table_.isAlive(entry.node) || table_.parent(entry.node.id) != kNoNode) continue;
    if (entry.since + kDetachedHold > now) {
      detached_.push_back(entry);
    } else {
      drop(entry.node.id);
    }
  }
}

std::optional<TimePoint> WatchedTree::nextDrop() const {
  if (detached_.empty() || keepsWatches_) return std::nullopt;
  return detached_.front().since + kDetachedHold;
}

// ---- telling

bool WatchedTree::childPath(NodeId directory, std::string_view name, std::string& path) const {
  if (!table_.path(directory, path)) return false;
  if (!path.empty()) path += '/';
  path += name;
  return true;
}

void WatchedTree::mark(ChangeKind kind, NodeId node) {
  std::string path;
  if (table_.path(node, path)) changes_.add(kind, path);
}

void WatchedTree::markChild(ChangeKind kind, NodeId directory, std::string_view name) {
  std::string path;
  if (childPath(directory, name, path)) changes_.add(kind, path);
}

bool WatchedTree::endIfExhausted(int error, const char* syscall, NodeId directory, std::string_view name) {
  if (!isExhausted(error)) return false;
  std::string path;
  if (name.empty() || !childPath(directory, name, path)) path.clear();
  end(SysError{error, syscall, path});
  return true;
}

void WatchedTree::end(WatchMessage message) {
  if (hasEnded_) return;
  messages_.push_back(std::move(message));
  hasEnded_ = true;
}

}  // namespace imgsync
