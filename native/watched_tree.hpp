// The tree that is watched: its table of directories, the inotify instance behind it, and its root. One
// thread.
//
// The kernel's events tell what was, the tree what is. An event about a subdirectory is therefore only the
// reason to look at that name: the directory that is found there is told by its watch descriptor, and is
// taken from where it was, or is new. Whatever happens between an event and the look makes an event of its
// own, so the last look at every name sees its last state.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "batch_builder.hpp"
#include "event_backlog.hpp"
#include "inotify.hpp"
#include "path_filter.hpp"
#include "unique_fd.hpp"
#include "watch_messages.hpp"
#include "watch_table.hpp"

namespace imgsync {

struct WatchedTreeOptions {
  std::string root;  // absolute
  PathFilter filter;
  bool crossMounts = true;
};

// What a look at a name found.
struct Entered {
  enum class What {
    nothing,     // no directory
    unreadable,  // one that can't be watched or lies on another device
    known,       // the one that is known to be here
    moved,       // one that had left its place
    added,       // a new one
  };
  What what = What::nothing;
  NodeId node = kNoNode;
  UniqueFd fd = UniqueFd();
};

class WatchedTree {
 public:
  WatchedTree(WatchedTreeOptions options, BatchBuilder& changes)
      : options_(std::move(options)), changes_(changes) {}

  // False: it failed, and watching has ended.
  bool start();

  // To be polled for input; -1 when it has not started or has ended.
  int fd() const noexcept { return hasEnded_ || !inotify_ ? -1 : inotify_->fd(); }
  // The oldest events that wait; none: there are none, neither here nor in the kernel's queue.
  std::optional<EventBacklog::Portion> takeEvents() { return backlog_->take(); }
  bool hasEvents() const { return backlog_ && !backlog_->empty(); }
  // Long work calls this, so that the kernel's queue does not run over meanwhile.
  void pump() { backlog_->pump(); }
  // Whether a thread does that all the time.
  void keepReading(bool isWanted) {
    if (backlog_) backlog_->keepReading(isWanted);
  }

  // Watches the directory of this name and gives it its place in the table. The watch comes before any
  // listing, so that what the listing does not show makes an event.
  Entered enter(NodeId parent, int parentFd, const char* name);
  // The same in two steps: the first on any thread (-1 and errno on failure), between start() and the end of
  // this object.
  int watch(int directoryFd) { return inotify_->add(directoryFd, kMask); }
  Entered adopt(NodeId parent, std::string_view name, int wd) { return place(parent, name, wd); }
  // Between the two steps nobody knows whether a watch is needed. So from the first call on none is removed,
  // and nothing that has left its place is dropped; at the second one the watches without a directory go.
  void keepWatches() { keepsWatches_ = true; }
  void removeStrays();
  void removeLater(int wd) { strays_.push_back(wd); }
  // The directory of the node, opened by its path and known to be the same by its watch. None: it is not
  // where it was thought to be; what is wrong on the way to it is detached, and the node is to be listed when
  // it is found.
  UniqueFd openVerified(NodeId id);
  // Descriptor of the root until closeRoot(); -1: it is not there, and watching has ended.
  int root();
  // The kernel tells that the root was deleted when nothing holds it any more.
  void closeRoot() { rootFd_ = UniqueFd(); }

  const WatchTable& table() const noexcept { return table_; }
  void setUnseen(NodeId id, bool isUnseen) { table_.setUnseen(id, isUnseen); }
  // Takes the children that a listing has not shown from their places.
  void detachUnseen(NodeId parent);
  // Forgets the node and all below it.
  void drop(NodeId top);
  // Drops what has left its place and was not found elsewhere. Only when the kernel's queue was empty: what
  // tells of the new place may be in it.
  void dropDetached(TimePoint now);
  std::optional<TimePoint> nextDrop() const;
  // Something may have been missed in the directory; it is listed when it is in its place again.
  void relistLater(NodeId id) { relist_.insert_or_assign(id, table_.ref(id)); }
  std::unordered_map<NodeId, NodeRef> takeRelist() { return std::exchange(relist_, {}); }

  const PathFilter& filter() const noexcept { return options_.filter; }
  bool crossesMounts() const noexcept { return options_.crossMounts; }
  dev_t rootDevice() const noexcept { return rootDevice_; }
  bool excludes(std::string_view path, bool isDirectory) const {
    return !options_.filter.empty() && options_.filter.excludes(path, isDirectory);
  }
  // False: the directory has no place, so that nothing in it has a path.
  bool childPath(NodeId directory, std::string_view name, std::string& path) const;
  // Of what has no path nothing is marked: when it is found, it is marked with all below it.
  void mark(ChangeKind kind, NodeId node);
  void markChild(ChangeKind kind, NodeId directory, std::string_view name);
  void markPath(ChangeKind kind, std::string_view path) { changes_.add(kind, path); }

  // Tells the owner something.
  void tell(WatchMessage message) { messages_.push_back(std::move(message)); }
  std::vector<WatchMessage> takeMessages() { return std::exchange(messages_, {}); }
  // The last message.
  void end(WatchMessage message);
  bool hasEnded() const noexcept { return hasEnded_; }

 private:
  struct Detached {
    NodeRef node;
    TimePoint since;
  };

  static const std::uint32_t kMask;

  UniqueFd openRoot() const;
  UniqueFd openStepwise(NodeId id);
  bool isWatchedAs(int fd, int wd);
  Entered place(NodeId parent, std::string_view name, int wd);
  void unwatch(int wd);
  void detach(NodeId id);
  bool endIfExhausted(int error, const char* syscall, NodeId directory, std::string_view name);

  const WatchedTreeOptions options_;
  BatchBuilder& changes_;
  WatchTable table_;
  std::optional<Inotify> inotify_;
  std::optional<EventBacklog> backlog_;
  UniqueFd rootFd_;  // during a turn only
  dev_t rootDevice_ = 0;
  std::vector<Detached> detached_;
  bool keepsWatches_ = false;
  std::vector<int> strays_;
  std::unordered_map<NodeId, NodeRef> relist_;
  std::vector<WatchMessage> messages_;
  bool hasEnded_ = false;
};

}  // namespace imgsync
