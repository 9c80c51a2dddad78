#include "tree_watch.hpp"

#include <sys/inotify.h>
#include <time.h>

#include <algorithm>
#include <utility>

namespace imgsync {

namespace {

constexpr std::uint32_t kNameChanges = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
// Events that are applied before other work gets its turn.
constexpr std::size_t kTurnBytes = 1 << 20;
// So many at once are the beginning of a flood: about a thousand.
constexpr std::size_t kFloodBytes = 32 << 10;
// What is excluded may change often, and only the times of its directory are told.
constexpr auto kTouchedDelay = std::chrono::seconds(1);

}  // namespace

void TreeWatch::start() {
  if (tree_.start()) walk_.start(digests_);
}

bool TreeWatch::turn(TimePoint now, Clock::duration atMost) {
  if (tree_.hasEnded()) return true;
  now_ = now;
  timespec startedAt;
  ::clock_gettime(CLOCK_REALTIME, &startedAt);
  const bool isDry = readEvents();
  // Before the files: some of them may wait for what becomes of their directory.
  if (isDry) walk_.applied();
  if (isDry) tree_.dropDetached(now);
  files_.work(Clock::now() + atMost);
  if (isDry) files_.appliedUntil(startedAt);
  if (!touched_.empty() && touchedSince_ + kTouchedDelay <= now) flushDelayed();
  walk_.advance(Clock::now() + atMost);
  if (walk_.isDone()) files_.searchLinks(now, Clock::now() + atMost);
  tree_.closeRoot();
  // What is left to do may take any time.
  if (!isDry || walk_.hasWork() || files_.hasWork()) tree_.keepReading(true);
  return isDry;
}

bool TreeWatch::mayWait() {
  if (hasWork()) return false;
  tree_.keepReading(false);
  return tree_.hasEnded() || !tree_.hasEvents();
}

std::optional<TimePoint> TreeWatch::nextDeadline() const {
  if (tree_.hasEnded()) return std::nullopt;
  std::optional<TimePoint> next = tree_.nextDrop();
  const auto atLatest = [&](TimePoint time) { next = std::min(next.value_or(time), time); };
  if (const auto due = files_.nextDeadline()) atLatest(*due);
  if (!touched_.empty()) atLatest(touchedSince_ + kTouchedDelay);
  return next;
}

void TreeWatch::flushDelayed() {
  for (const auto& [id, node] : std::exchange(touched_, {})) {
    if (tree_.table().isAlive(node)) tree_.mark(ChangeKind::entry, id);
  }
}

bool TreeWatch::readEvents() {
  for (std::size_t applied = 0; !tree_.hasEnded() && applied < kTurnBytes;) {
    const auto portion = tree_.takeEvents();
    if (!portion) {
      files_.appliesReadAt(now_);
      return true;
    }
    if (portion->bytes.size() >= kFloodBytes) tree_.keepReading(true);
    walk_.adopt();
    files_.appliesReadAt(portion->readAt);
    EventDecoder decoder(portion->bytes);
    for (WatchEvent event; !tree_.hasEnded() && decoder.next(event);) apply(event);
    applied += portion->bytes.size();
  }
  return tree_.hasEnded();
}

void TreeWatch::apply(const WatchEvent& event) {
  ++events_;
  // Before any look into the table: its wd is -1.
  if ((event.mask & IN_Q_OVERFLOW) != 0) return overflow();
  const WatchTable& table = tree_.table();
  const NodeId first = table.firstWithWatch(event.wd);
  if (first == kNoNode) return;  // It was removed after the kernel queued this.
  if (table.nextWithWatch(first) == kNoNode) return applyAt(first, event);
  std::vector<NodeRef> nodes;
  for (NodeId id = first; id != kNoNode; id = table.nextWithWatch(id)) nodes.push_back(table.ref(id));
  for (const NodeRef node : nodes) {
    if (!tree_.hasEnded() && table.isAlive(node)) applyAt(node.id, event);
  }
}

void TreeWatch::applyAt(NodeId directory, const WatchEvent& event) {
  const std::uint32_t mask = event.mask;
  if (directory == WatchTable::kRoot && endIfRootLost(mask)) return;
  if ((mask & IN_IGNORED) != 0) return lostWatch(directory);
  if (event.name.empty()) {
    if ((mask & IN_ATTRIB) != 0 && attrib_) tree_.mark(ChangeKind::entry, directory);
    return;
  }
  const bool isDirectory = (mask & IN_ISDIR) != 0;
  std::string path;
  if (!tree_.childPath(directory, event.name, path)) path.clear();
  if (!path.empty() && tree_.excludes(path, isDirectory)) {
    if ((mask & kNameChanges) == 0) return;
    if (touched_.empty()) touchedSince_ = now_;
    touched_.insert_or_assign(directory, tree_.table().ref(directory));
  } else if (isDirectory) {
    applyToDirectory(directory, event);
  } else {
    files_.apply(directory, event, path, now_);
  }
}

void TreeWatch::applyToDirectory(NodeId parent, const WatchEvent& event) {
  const bool isKnown = tree_.table().child(parent, event.name) != kNoNode;
  if ((event.mask & (IN_MOVED_FROM | IN_DELETE)) != 0) {
    // Another directory may have the name by the time this is sent, and then the old content has to go.
    tree_.markChild(ChangeKind::tree, parent, event.name);
    // That other one may be the one that is known here: two directories can change places in one step.
    if (isKnown) walk_.lookForMoved(parent, event.name);
  } else if ((event.mask & IN_MOVED_TO) != 0) {
    walk_.lookForMoved(parent, event.name);
  } else if ((event.mask & IN_CREATE) != 0) {
    walk_.lookForAppeared(parent, event.name);
  } else if ((event.mask & IN_ATTRIB) != 0) {
    if (attrib_) tree_.markChild(ChangeKind::entry, parent, event.name);
    // Perhaps it can be read now.
    if (!isKnown) walk_.lookForMoved(parent, event.name);
  }
}

bool TreeWatch::endIfRootLost(std::uint32_t mask) {
  const char* reason = nullptr;
  if ((mask & IN_UNMOUNT) != 0) {
    reason = "it was unmounted";
  } else if ((mask & IN_MOVE_SELF) != 0) {
    reason = "it was moved";
  } else if ((mask & (IN_DELETE_SELF | IN_IGNORED)) != 0) {
    reason = "it was deleted";
  }
  if (reason != nullptr) tree_.end(RootLostMessage{reason});
  return reason != nullptr;
}

// The directory is gone, or what was mounted there.
void TreeWatch::lostWatch(NodeId id) {
  const NodeId parent = tree_.table().parent(id);
  const std::string name = tree_.table().name(id);
  tree_.mark(ChangeKind::tree, id);
  tree_.drop(id);
  if (parent != kNoNode) walk_.lookForMoved(parent, name);
}

void TreeWatch::overflow() {
  ++overflows_;
  tree_.tell(OverflowMessage{});
  files_.forgetLinks();
  // What is walked now is walked to its end: one more walk then covers this overflow and all until it begins.
  walk_.startAgain();
}

}  // namespace imgsync
