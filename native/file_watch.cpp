#include "file_watch.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "reachable_path.hpp"
#include "write_lease.hpp"

namespace imgsync {

namespace {

constexpr std::size_t kWorkBetweenPumps = 64;
constexpr std::size_t kEntriesBetweenPumps = 1024;
// Names of linked files that are kept; beyond it, those of files that are looked for.
constexpr std::size_t kMaxNames = 100'000;
// Pause between two searches, and at least as long as the last one took.
constexpr auto kSearchPause = std::chrono::seconds(1);
// While somebody waits for it the pause is no longer than so many times what the last one took: in a small
// tree next to nothing.
constexpr int kAwaitedPauses = 4;
// Times of files are those of the kernel's last tick, or of a server.
constexpr time_t kClockSlackSeconds = 2;
// An event is read this long after what it tells at most, unless the kernel's queue is not read.
constexpr auto kDoubt = std::chrono::milliseconds(50);

FileId idOf(const struct stat& status) { return {status.st_ino, status.st_dev}; }

bool isSince(const timespec& time, const timespec& since) {
  return time.tv_sec != since.tv_sec ? time.tv_sec > since.tv_sec : time.tv_nsec >= since.tv_nsec;
}

bool hasLinks(const struct stat& status) { return !S_ISDIR(status.st_mode) && status.st_nlink > 1; }

}  // namespace

// ---- events

void FileWatch::apply(NodeId directory, const WatchEvent& event, std::string_view path, TimePoint now) {
  const std::string_view name = event.name;
  const std::uint32_t mask = event.mask;
  const NodeRef ref = tree_.table().ref(directory);
  const auto mark = [&](ChangeKind kind = ChangeKind::entry) {
    if (!path.empty()) tree_.markPath(kind, path);
  };
  if ((mask & (IN_MOVED_FROM | IN_DELETE)) != 0) {
    leave(ref, name, event);
    mark();
  } else if ((mask & IN_MOVED_TO) != 0) {
    // What had the name before is gone.
    leave(ref, name, event);
    suspectMoves_.erase(event.cookie);
    mark();
    // It may have been written to under the name before.
    touch(ref, name).isChanged = true;
  } else if ((mask & IN_CLOSE_WRITE) != 0) {
    Touched& file = touch(ref, name);
    if (const KnownLinks* links = settle_.linksOf(ref, name)) file.links = *links;
    file.isWritten = true;
    file.isChanged = true;
    settle_.settle(ref, name);
    mark();
  } else if ((mask & (IN_CREATE | IN_MODIFY)) != 0) {
    const bool isNew = settle_.touch(ref, name, now);
    if ((mask & IN_MODIFY) != 0) touch(ref, name).isWritten = true;
    if (isNew && (mask & IN_CREATE) != 0) touch(ref, name).isCreated = true;
  } else if ((mask & IN_ATTRIB) != 0 && options_.attrib && !settle_.contains(ref, name)) {
    Touched& file = touch(ref, name);
    file.isWritten = true;
    file.isChanged = true;
    mark(ChangeKind::attributes);
  }
}

// What had this name has it no more. If it was written to, that has to be told under its further names.
void FileWatch::leave(NodeRef directory, std::string_view name, const WatchEvent& event) {
  if (touched_.empty() && settle_.size() == 0 && doubtful_.empty()) return;
  const std::string key = fileKeyOf(directory, name);
  bool isSuspect = wasDoubtful(key);
  KnownLinks links;
  if (const KnownLinks* known = settle_.linksOf(directory, name)) links = *known;
  if (const auto at = touched_.find(key); at != touched_.end()) {
    Touched& file = at->second;
    if (!links.isKnown) links = file.links;
    // One that was made a moment ago: where it got further names, those were made as well.
    isSuspect |= file.isWritten && !file.isCreated && !links.isKnown;
    file.isCreated = false;
    file.isWritten = false;
    file.links = {};
  }
  if (links.linked) {
    wanted_.insert(*links.linked);
  } else if (isSuspect && (event.mask & IN_MOVED_FROM) != 0) {
    suspectMoves_.insert(event.cookie);
  } else if (isSuspect) {
    suspect();
  }
  settle_.settle(directory, name);
}

bool FileWatch::wasDoubtful(const std::string& key) {
  const auto at = doubtful_.find(key);
  if (at == doubtful_.end()) return false;
  const bool isFresh = readAt_ - at->second < kDoubt;
  doubtful_.erase(at);
  return isFresh;
}

void FileWatch::forgetDoubtful() {
  if (doubtful_.empty() || readAt_ - lastForget_ < kDoubt) return;
  lastForget_ = readAt_;
  for (auto at = doubtful_.begin(); at != doubtful_.end();) {
    at = readAt_ - at->second < kDoubt ? std::next(at) : doubtful_.erase(at);
  }
}

// Whatever lost a name, or got another one, bears the time of that as the time of its last change of status.
void FileWatch::suspect() {
  if (suspectSince_) return;
  suspectSince_ = appliedUntil_;
  suspectSince_->tv_sec -= kClockSlackSeconds;
}

void FileWatch::found(NodeId directory, int directoryFd, const DirectoryEntry& entry, bool isNew) {
  const bool mayBeLinked = !links_.empty() && links_.mayHold(entry.inode);
  if (!isNew && !mayBeLinked) return;
  const NodeRef ref = tree_.table().ref(directory);
  struct stat status;
  if (!statAt(directoryFd, entry.name.data(), status)) return;
  if (!isNew) {
    LinkedFile* file = links_.find(idOf(status));
    if (file != nullptr) links_.addName(*file, ref, entry.name);
    return;
  }
  const Writer writer = askForWriter(directoryFd, entry.name.data(), status);
  if (writer == Writer::present || writer == Writer::noneYet) {
    // The writer's close comes as an event, for the directory is watched.
    settle_.touch(ref, entry.name, Clock::now());
  } else {
    tree_.markChild(ChangeKind::entry, directory, entry.name);
    if (hasLinks(status)) changedLinked(status, ref, entry.name);
  }
}

FileWatch::Touched& FileWatch::touch(NodeRef directory, std::string_view name) {
  Touched& file = touched_[fileKeyOf(directory, name)];
  if (file.name.empty()) {
    file.directory = directory;
    file.name = name;
  }
  return file;
}

// ---- looking

bool FileWatch::statOf(NodeRef directory, std::string_view name, struct stat& status) {
  std::string path;
  if (!tree_.table().isAlive(directory) || !tree_.childPath(directory.id, name, path)) return false;
  const int rootFd = tree_.root();
  if (rootFd < 0) return false;
  const ReachablePath reached(rootFd, path);
  return reached.ok() && statAt(reached.fd(), reached.path(), status);
}

void FileWatch::work(TimePoint until) {
  lookAtTouched();
  for (std::size_t asked = 0; !tree_.hasEnded(); ++asked) {
    const TimePoint now = Clock::now();
    if (asked > 0 && now >= until) return;
    const auto file = settle_.due(now);
    if (!file) return;
    settleOne(*file, now);
    if (asked % kWorkBetweenPumps == kWorkBetweenPumps - 1) tree_.pump();
  }
}

void FileWatch::lookAtTouched() {
  forgetDoubtful();
  std::size_t looked = 0;
  for (auto& [key, file] : std::exchange(touched_, {})) {
    if (lookAt(file) == Look::later) touched_.emplace(key, std::move(file));
    if (++looked % kWorkBetweenPumps == 0) tree_.pump();
  }
  if (!suspectMoves_.empty()) suspect();
  suspectMoves_.clear();
  if (links_.names() > kMaxNames) {
    links_.eraseUnless(
        [&](FileId id) { return wanted_.count(id) > 0 || (search_ && search_->wanted.count(id) > 0); });
  }
}

FileWatch::Look FileWatch::lookAt(const Touched& file) {
  const bool waits = file.isCreated && settle_.contains(file.directory, file.name);
  const auto suspectIfWritten = [&] {
    if (file.links.linked) {
      wanted_.insert(*file.links.linked);
    } else if (file.isWritten && !file.isCreated && !file.links.isKnown) {
      suspect();
    }
  };
  if (tree_.hasEnded()) return Look::done;
  if (!tree_.table().isAlive(file.directory)) {
    suspectIfWritten();
    return Look::done;
  }
  // Made, and gone or settled since.
  if (!waits && !file.isChanged && !file.isWritten) return Look::done;
  struct stat status;
  if (!statOf(file.directory, file.name, status)) {
    // It may be elsewhere together with its directory, which is then found by the next events.
    if (!tree_.openVerified(file.directory.id)) return Look::later;
    suspectIfWritten();
    if (waits) settle_.settle(file.directory, file.name);
    tree_.markChild(ChangeKind::entry, file.directory.id, file.name);
    return Look::done;
  }
  // Only a regular file may be half-written, and one with several links may have been written under another
  // name.
  if (waits && (!S_ISREG(status.st_mode) || hasLinks(status))) {
    settle_.settle(file.directory, file.name);
    tree_.markChild(ChangeKind::entry, file.directory.id, file.name);
  }
  if (!hasLinks(status)) {
    links_.erase(idOf(status));
  } else if (file.isChanged) {
    changedLinked(status, file.directory, file.name);
  } else if (file.isWritten) {
    writtenLinked(status, file.directory, file.name);
  } else if (LinkedFile* linked = links_.find(idOf(status))) {
    links_.addName(*linked, file.directory, file.name);
  }
  bool isCreated = file.isCreated || file.links.isCreated;
  if (KnownLinks* links = settle_.linksOf(file.directory, file.name)) {
    links->isKnown = true;
    isCreated |= links->isCreated;
    links->isCreated = isCreated;
    links->linked = hasLinks(status) ? std::optional(idOf(status)) : std::nullopt;
  }
  if (file.isWritten && !isCreated && !hasLinks(status)) {
    doubtful_.insert_or_assign(fileKeyOf(file.directory, file.name), Clock::now());
  }
  return Look::done;
}

void FileWatch::settleOne(const SettleClock::File& file, TimePoint now) {
  std::string path;
  const bool isAlive = tree_.table().isAlive(file.directory);
  if (isAlive && !tree_.childPath(file.directory.id, file.name, path)) return settle_.postpone(file, now);
  const int rootFd = isAlive ? tree_.root() : -1;
  if (isAlive && rootFd < 0) return;
  const std::optional<ReachablePath> reached =
      isAlive ? std::optional<ReachablePath>(std::in_place, rootFd, path) : std::nullopt;
  struct stat status;
  const bool isThere = reached && reached->ok() && statAt(reached->fd(), reached->path(), status);
  const bool hasWriter = isThere && askForWriter(reached->fd(), reached->path(), status) == Writer::present;
  if (isAlive && (!hasWriter || options_.modify)) {
    tree_.markPath(ChangeKind::entry, path);
    if (isThere && hasLinks(status)) changedLinked(status, file.directory, file.name);
  }
  if (hasWriter) {
    settle_.postpone(file, now);
    return;
  }
  if (!isThere && file.linked) wanted_.insert(*file.linked);
  settle_.settle(file.directory, file.name);
}

std::optional<TimePoint> FileWatch::nextDeadline() const {
  std::optional<TimePoint> next = settle_.nextDeadline();
  if (wantsSearch() && !search_) next = std::min(next.value_or(TimePoint::max()), searchDue());
  return next;
}

std::string FileWatch::settling() const {
  std::string packed;
  const auto pack = [&](NodeRef directory, std::string_view name) {
    std::string path;
    if (tree_.table().isAlive(directory) && tree_.childPath(directory.id, name, path)) {
      packChange(packed, ChangeKind::entry, path);
    }
  };
  settle_.forEach([&](const SettleClock::File& file) {
    const LinkedFile* linked = file.linked ? links_.find(*file.linked) : nullptr;
    if (linked != nullptr) {
      for (const FileName& other : linked->names) pack(other.directory, other.name);
    }
    pack(file.directory, file.name);
  });
  return packed;
}

// ---- links

// The event named one of its names.
void FileWatch::changedLinked(const struct stat& status, NodeRef directory, std::string_view name) {
  const FileId id = idOf(status);
  LinkedFile& file = links_.at(id);
  nlink_t links = status.st_nlink;
  pruneNames(id, file, links);
  // The inode may be that of another file by now.
  if (file.names.empty()) file.hidden = 0;
  links_.addName(file, directory, name);
  if (file.names.size() + file.hidden < links) wanted_.insert(id);
  markNames(file);
}

// It is told later, and then under all names.
void FileWatch::writtenLinked(const struct stat& status, NodeRef directory, std::string_view name) {
  LinkedFile& file = links_.at(idOf(status));
  links_.addName(file, directory, name);
  if (file.names.size() + file.hidden < status.st_nlink) wanted_.insert(idOf(status));
}

// Drops the names under which the file is not found any more, and gives the number of its links.
void FileWatch::pruneNames(FileId id, LinkedFile& file, nlink_t& links) {
  links_.prune(file, [&](const FileName& name) {
    const WatchTable& table = tree_.table();
    // Its directory is on its way from one place to another.
    if (table.isAlive(name.directory) && !table.isAttached(name.directory.id)) return true;
    struct stat status;
    if (!statOf(name.directory, name.name, status)) return false;
    if (status.st_ino != id.inode || status.st_dev != id.device) return false;
    links = status.st_nlink;
    return true;
  });
}

void FileWatch::markNames(const LinkedFile& file) {
  for (const FileName& name : file.names) {
    std::string path;
    const bool hasPath = tree_.childPath(name.directory.id, name.name, path);
    if (hasPath && !tree_.excludes(path, false)) tree_.markPath(ChangeKind::entry, path);
  }
}

void FileWatch::forgetLinks() {
  links_.eraseUnless([](FileId) { return false; });
  wanted_.clear();
  suspectSince_.reset();
  search_.reset();
  // These are told later.
  settle_.forEach([&](const SettleClock::File& file) {
    if (file.linked) wanted_.insert(*file.linked);
  });
}

TimePoint FileWatch::searchDue() const {
  if (lastSearch_ == TimePoint()) return lastSearch_;  // There was none.
  const auto pause = std::max<Clock::duration>(kSearchPause, lastSearchTook_);
  return lastSearch_ + (isAwaited_ ? std::min(pause, kAwaitedPauses * lastSearchTook_) : pause);
}

void FileWatch::searchLinks(TimePoint now, TimePoint until) {
  const WatchTable& table = tree_.table();
  if (!search_) {
    if (!wantsSearch() || now < searchDue()) return;
    search_ = Search{std::exchange(wanted_, {}), std::exchange(suspectSince_, std::nullopt),
                     std::exchange(wantsLookAtEach_, false), Clock::now()};
    for (const FileId id : search_->wanted) links_.at(id).isFoundByInode = false;
  }
  for (; search_->next < table.endId(); ++search_->next) {
    if (tree_.hasEnded() || Clock::now() >= until) return;
    const NodeId id = search_->next;
    if (!table.isInUse(id)) continue;
    if (table.isAttached(id)) {
      searchIn(id);
    } else {
      search_->isIncomplete = true;
    }
    tree_.pump();
  }
  finishSearch(now);
}

void FileWatch::searchIn(NodeId directory) {
  const UniqueFd fd = tree_.openVerified(directory);
  if (!fd) return;  // It is listed when it is found, and found() is told then.
  const NodeRef ref = tree_.table().ref(directory);
  reader_.start(fd.get());
  DirectoryEntry entry;
  for (std::size_t read = 1; reader_.next(entry); ++read) {
    if (read % kEntriesBetweenPumps == 0) tree_.pump();
    const bool looks = search_->looksAtEach || search_->changedSince || links_.mayHold(entry.inode);
    if (entry.type == DT_DIR || !looks) continue;
    struct stat status;
    if (!statAt(fd.get(), entry.name.data(), status)) continue;
    if (search_->changedSince && !S_ISDIR(status.st_mode) &&
        isSince(status.st_ctim, *search_->changedSince)) {
      tree_.markChild(ChangeKind::entry, directory, entry.name);
    }
    LinkedFile* file = links_.find(idOf(status));
    if (file == nullptr) continue;
    links_.addName(*file, ref, entry.name);
    file->isFoundByInode = true;
  }
}

void FileWatch::finishSearch(TimePoint now) {
  for (const FileId id : search_->wanted) {
    LinkedFile* file = links_.find(id);
    if (file == nullptr) continue;
    nlink_t links = 0;
    pruneNames(id, *file, links);
    markNames(*file);
    if (file->names.empty()) {
      links_.erase(id);
    } else if (!file->isFoundByInode && !search_->looksAtEach) {
      wantsLookAtEach_ = true;
      wanted_.insert(id);
    } else if (search_->isIncomplete && file->names.size() < links) {
      wanted_.insert(id);
    } else {
      file->hidden = links - std::min<nlink_t>(links, file->names.size());
    }
  }
  if (search_->isIncomplete && search_->changedSince) suspectSince_ = search_->changedSince;
  lastSearchTook_ = Clock::now() - search_->since;
  lastSearch_ = now;
  search_.reset();
}

}  // namespace imgsync
