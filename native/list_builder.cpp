#include "list_builder.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "directory_reader.hpp"
#include "packed_changes.hpp"
#include "path_lookup.hpp"
#include "whole_directory.hpp"

namespace imgsync {

namespace {

// rsync cuts a listed path of 4096 bytes and more and takes what is left for another path.
constexpr std::size_t kListedPathBytes = 4095;

// One path as rsync is told of it.
struct Listing {
  std::string_view path;
  ChangeKind kind = ChangeKind::entry;  // other than entry only for a directory
  enum class Content { gone, directory, regularFile, other } content = Content::other;
  std::uint64_t sizeBytes = 0;  // of a regular file
  // rsync takes a file of the same size and time for the same, which it need not be.
  bool isChecked = false;
};

// What became of one change.
struct Decision {
  enum class Place { nowhere, list, big, tooLong } place = Place::nowhere;
  Listing listing;
  std::string_view gone;  // the topmost path that is gone; empty: none is
};

bool isRelativePath(std::string_view path) {
  if (path.empty()) return true;  // the root
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, end - start);
    if (name.empty() || name == "." || name == "..") return false;
    start = end + 1;
  }
  return true;
}

// A file's own writes leave its two times alike. Where they differ, the time of its content may have been
// set: then other content can have borne it before, and so can another file that had the name.
bool hasSetTime(const struct stat& status) {
  return S_ISREG(status.st_mode) &&
         (status.st_mtim.tv_sec != status.st_ctim.tv_sec || status.st_mtim.tv_nsec != status.st_ctim.tv_nsec);
}

// Looks at paths in tree order and says how each is to be listed.
class Judge {
 public:
  Judge(int rootFd, const PathFilter& filter, const ListLimits& limits)
      : lookup_(rootFd), filter_(filter), limits_(limits) {}

  Decision decide(const Change& change) {
    const Found found = lookup_.find(change.path);
    if (found.state == Found::State::failed) return unreadable(found);
    if (!found.path.empty() && isHidden(parentOf(found.path))) return {};
    return found.state == Found::State::gone ? gone(found.path) : present(change.kind, found);
  }

  // Tells of the files in a directory that are to be checked; those for the big lane left out.
  template <typename Visit>
  void eachSetTime(std::string_view directory, Visit visit) {
    const int at = lookup_.directory(directory);
    if (at < 0) return;
    const UniqueFd fd(::openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return;
    reader_.start(fd.get());
    DirectoryEntry entry;
    while (reader_.next(entry)) {
      struct stat status;
      if (entry.type != DT_REG && entry.type != DT_UNKNOWN) continue;
      if (::fstatat(fd.get(), entry.name.data(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !hasSetTime(status))
        continue;
      std::string path(directory);
      if (!path.empty()) path += '/';
      path += entry.name;
      if (filter_.excludes(path, false) || !fits(path.size())) continue;
      visit(std::move(path), static_cast<std::uint64_t>(status.st_size));
    }
  }

  // The listing of a directory as a whole, if it may be sent so.
  std::optional<Listing> whole(const CrowdedDirectory& directory) {
    const Found found = lookup_.find(directory.path);
    if (found.state != Found::State::present || found.path != directory.path) return std::nullopt;
    const Decision decision = present(ChangeKind::directory, found);
    if (decision.place != Decision::Place::list || decision.listing.kind != ChangeKind::directory)
      return std::nullopt;
    if (!found.path.empty() && isHidden(parentOf(found.path))) return std::nullopt;
    const int fd = lookup_.directory(directory.path);
    const WholeLimits limits{limits_.bigFileBytes, kListedPathBytes - 2};
    if (fd < 0 || !maySendWhole(fd, directory, filter_, limits)) return std::nullopt;
    return decision.listing;
  }

 private:
  Decision present(ChangeKind kind, const Found& found) const {
    const bool isDirectory = S_ISDIR(found.status.st_mode);
    if (filter_.excludes(found.path, isDirectory)) {
      // The directory that was there went to the targets, and has to go again.
      const bool wasSent = kind == ChangeKind::tree && !isDirectory && !filter_.excludes(found.path, true);
      return wasSent ? gone(found.path) : Decision{};
    }
    Listing listing;
    listing.path = found.path;
    if (isDirectory) {
      listing.content = Listing::Content::directory;
      // rsync knows no way to name the root but with its contents.
      listing.kind = rankOf(kind) > rankOf(ChangeKind::entry) ? kind
                     : found.path.empty()                     ? ChangeKind::directory
                                                              : ChangeKind::entry;
    } else if (S_ISREG(found.status.st_mode)) {
      listing.content = Listing::Content::regularFile;
      listing.sizeBytes = static_cast<std::uint64_t>(found.status.st_size);
      listing.isChecked = kind != ChangeKind::attributes && hasSetTime(found.status);
    }
    return place(listing);
  }

  Decision gone(std::string_view path) const {
    const bool fileExcluded = filter_.excludes(path, false);
    const bool directoryExcluded = filter_.excludes(path, true);
    if (fileExcluded && directoryExcluded) return {};
    Decision decision;
    if (limits_.deleteMethod != DeleteMethod::none) {
      // Where the rules differ for a file and a directory only the target knows which of them it has: syncing
      // the parent leaves the choice to it, a missing arg would be taken for a file. A path that is too long
      // to be listed may be there all the same, sent along with its parent.
      const bool byParent = limits_.deleteMethod == DeleteMethod::parentDirectory ||
                            fileExcluded != directoryExcluded ||
                            (!fits(path.size()) && fits(parentOf(path).size() + 1));
      Listing listing;
      listing.path = byParent ? parentOf(path) : path;
      listing.kind = byParent ? ChangeKind::directory : ChangeKind::entry;
      listing.content = byParent ? Listing::Content::directory : Listing::Content::gone;
      decision = place(listing);
    }
    decision.gone = path;
    return decision;
  }

  // It is listed all the same, so that rsync reports it, unless the rules hide it whatever it is.
  Decision unreadable(const Found& found) const {
    if (filter_.hides(found.path, false) && filter_.hides(found.path, true)) return {};
    Listing listing;
    listing.path = found.path;
    Decision decision = place(listing);
    // A name that is too long for the kernel.
    if (found.error == ENAMETOOLONG) decision.place = Decision::Place::tooLong;
    return decision;
  }

  // Whether rsync takes a path of so many bytes from a list, behind its `./`.
  static bool fits(std::size_t bytes) { return 2 + bytes <= kListedPathBytes; }

  Decision place(const Listing& listing) const {
    Decision decision;
    decision.listing = listing;
    if (!fits(listing.path.size() + (listing.kind == ChangeKind::directory ? 1 : 0))) {
      decision.place = Decision::Place::tooLong;
    } else if (listing.content == Listing::Content::regularFile &&
               listing.sizeBytes >= limits_.bigFileBytes) {
      decision.place = Decision::Place::big;
    } else {
      decision.place = Decision::Place::list;
    }
    return decision;
  }

  // Whether a directory is excluded or lies in one that is. Neighbours in tree order mostly share it.
  bool isHidden(std::string_view directory) {
    if (!isKnown_ || directory != known_) {
      isKnown_ = true;
      known_ = directory;
      isKnownHidden_ = filter_.hides(directory, true);
    }
    return isKnownHidden_;
  }

  PathLookup lookup_;
  DirectoryReader reader_;
  const PathFilter& filter_;
  const ListLimits& limits_;
  bool isKnown_ = false;
  bool isKnownHidden_ = false;
  std::string_view known_;
};

std::vector<Decision> decideAll(const std::vector<Change>& changes, Judge& judge) {
  std::vector<std::size_t> order(changes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return comesBeforeInTree(changes[a].path, changes[b].path);
  });
  std::vector<Decision> decisions(changes.size());
  for (const std::size_t i : order) decisions[i] = judge.decide(changes[i]);
  return decisions;
}

// Gathers listings, each path once in its widest kind, and writes them without those that another one covers.
class Lists {
 public:
  bool empty() const { return listings_.empty(); }
  std::uint64_t sizeBytes() const { return sizeBytes_; }
  bool has(const Listing& listing) const {
    const auto known = byPath_.find(listing.path);
    return known != byPath_.end() && rankOf(listings_[known->second].kind) >= rankOf(listing.kind);
  }

  void add(const Listing& listing) {
    const auto [known, isNew] = byPath_.try_emplace(listing.path, listings_.size());
    if (isNew) {
      listings_.push_back(listing);
      sizeBytes_ += listing.sizeBytes;
    } else if (rankOf(listing.kind) > rankOf(listings_[known->second].kind)) {
      listings_[known->second] = listing;
    }
  }

  // Lists the directories as a whole where that is better; what it covers is then left out.
  void fold(std::string_view crowded, Judge& judge) {
    std::unordered_map<std::string_view, std::size_t> listed;
    for (; !crowded.empty(); crowded.remove_prefix(std::min(crowded.find('\0'), crowded.size() - 1) + 1)) {
      listed.emplace(crowded.substr(0, crowded.find('\0')), 0);
    }
    for (const Listing& listing : listings_) {
      if (listing.kind != ChangeKind::entry || listing.path.empty()) continue;
      const auto parent = listed.find(parentOf(listing.path));
      if (parent != listed.end()) ++parent->second;
    }
    for (const auto& [path, count] : listed) {
      if (count < kCrowd) continue;
      const CrowdedDirectory directory{path, count,
                                       [this](std::string_view name) { return byPath_.count(name) > 0; }};
      if (const auto whole = judge.whole(directory)) add(*whole);
    }
  }

  // Whether rsync gets to know of all that a directory holds.
  template <typename Visit>
  void eachWhole(Visit visit) const {
    for (const Listing& listing : listings_) {
      if (listing.kind == ChangeKind::directory && listing.content == Listing::Content::directory)
        visit(listing.path);
    }
  }

  void writeTo(BuiltLists& lists, std::string BuiltLists::*into) const {
    std::vector<const Listing*> inTreeOrder;
    inTreeOrder.reserve(listings_.size());
    for (const Listing& listing : listings_) inTreeOrder.push_back(&listing);
    std::sort(inTreeOrder.begin(), inTreeOrder.end(),
              [](const Listing* a, const Listing* b) { return comesBeforeInTree(a->path, b->path); });
    const Listing* tree = nullptr;  // the last one written; all that is below it follows it
    for (const Listing* listing : inTreeOrder) {
      if ((tree != nullptr && isBelow(listing->path, tree->path)) || isCovered(*listing)) continue;
      if (listing->kind == ChangeKind::tree) tree = listing;
      write(*listing, lists, into);
    }
  }

 private:
  // Fewer entries are not worth the look.
  static constexpr std::size_t kCrowd = 16;

  static bool isBelow(std::string_view path, std::string_view directory) {
    return directory.empty() || (path.size() > directory.size() && path[directory.size()] == '/' &&
                                 path.substr(0, directory.size()) == directory);
  }

  // A directory that is synced takes its immediate entries with it, those that are gone too.
  bool isCovered(const Listing& listing) const {
    if (listing.kind != ChangeKind::entry || listing.path.empty()) return false;
    const auto parent = byPath_.find(parentOf(listing.path));
    return parent != byPath_.end() && listings_[parent->second].kind == ChangeKind::directory;
  }

  static void write(const Listing& listing, BuiltLists& lists, std::string BuiltLists::*into) {
    std::string& list = listing.kind == ChangeKind::tree ? lists.trees : lists.*into;
    list += "./";
    list += listing.path;
    // A slash after anything but a real directory would make rsync follow it.
    if (listing.kind == ChangeKind::directory) {
      ++lists.whole;
      if (!listing.path.empty()) list += '/';
    }
    list += '\0';
    if (listing.content == Listing::Content::directory) {
      ++lists.directories;
    } else if (listing.content != Listing::Content::gone) {
      ++lists.files;
    }
    lists.sizeBytes += listing.sizeBytes;
  }

  std::vector<Listing> listings_;
  std::unordered_map<std::string_view, std::size_t> byPath_;
  std::uint64_t sizeBytes_ = 0;
};

void sortOut(std::vector<std::string_view>& paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
}

bool isNarrower(ChangeKind a, ChangeKind b) { return rankOf(a) < rankOf(b); }

std::string packEntries(std::vector<std::string_view>& paths) {
  sortOut(paths);
  std::string packed;
  for (const std::string_view path : paths) packChange(packed, ChangeKind::entry, path);
  return packed;
}

// A root that was deleted looks like one whose entries are all gone.
std::optional<SysError> rootError(int rootFd) {
  struct stat status = {};
  if (::fstat(rootFd, &status) != 0) return SysError::last("fstat");
  if (!S_ISDIR(status.st_mode)) return SysError{ENOTDIR, "fstat", {}};
  if (status.st_nlink == 0) return SysError{ENOENT, "fstat", {}};
  return std::nullopt;
}

}  // namespace

Result<BuiltLists> buildLists(int rootFd, const PathFilter& filter, std::string_view packed,
                              const ListLimits& limits) {
  const auto changes = unpackChanges(packed);
  if (!changes) return SysError{EINVAL, "unpackChanges", {}};
  for (const Change& change : *changes) {
    if (!isRelativePath(change.path)) return SysError{EINVAL, "unpackChanges", std::string(change.path)};
  }
  Judge judge(rootFd, filter, limits);
  const std::vector<Decision> decisions = decideAll(*changes, judge);
  if (auto error = rootError(rootFd)) return *std::move(error);

  BuiltLists lists;
  Lists taken, checked;
  std::vector<std::string_view> tooLong, gone, replacedTrees, entryDirectories;
  std::unordered_set<std::string_view> big;
  // In the order they came in, so that none is put off for ever by others that sort before it.
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    const auto& [place, listing, gonePath] = decisions[i];
    const ChangeKind kind = (*changes)[i].kind;
    const bool isTree = kind == ChangeKind::tree;
    if (place == Decision::Place::list) {
      const bool isFull =
          !(taken.empty() && checked.empty()) && taken.sizeBytes() + checked.sizeBytes() >= limits.batchBytes;
      if (isFull && !taken.has(listing) && !checked.has(listing)) {
        packChange(lists.deferred, kind, (*changes)[i].path);
        continue;
      }
      (listing.isChecked ? checked : taken).add(listing);
      // The root is never one of them: it is listed with its contents.
      if (listing.kind == ChangeKind::entry && listing.content == Listing::Content::directory)
        entryDirectories.push_back(listing.path);
    } else if (place == Decision::Place::big) {
      // Its kind says how it is to be compared, and what is due should a directory stand there by then.
      if (big.insert(listing.path).second || isTree)
        packChange(lists.big, isTree ? ChangeKind::tree : std::min(kind, ChangeKind::entry, isNarrower),
                   listing.path);
    } else if (place == Decision::Place::tooLong) {
      tooLong.push_back(listing.path);
    }
    if (!gonePath.empty()) {
      gone.push_back(gonePath);
    } else if (isTree && place != Decision::Place::nowhere &&
               listing.content != Listing::Content::directory) {
      replacedTrees.push_back(listing.path);
    }
  }
  // What was put off must not come along after all.
  if (lists.deferred.empty()) {
    taken.fold(limits.crowded, judge);
    checked.fold(limits.crowded, judge);
  }
  std::deque<std::string> paths;  // they stay where they are
  if (limits.checks) {
    taken.eachWhole([&](std::string_view directory) {
      judge.eachSetTime(directory, [&](std::string path, std::uint64_t sizeBytes) {
        Listing listing;
        listing.path = paths.emplace_back(std::move(path));
        listing.content = Listing::Content::regularFile;
        listing.sizeBytes = sizeBytes;
        checked.add(listing);
      });
    });
  }
  taken.writeTo(lists, &BuiltLists::list);
  checked.writeTo(lists, &BuiltLists::checked);
  lists.tooLong = packEntries(tooLong);
  lists.gonePaths = packEntries(gone);
  lists.replacedTrees = packEntries(replacedTrees);
  lists.entryDirectories = packEntries(entryDirectories);
  lists.gone = gone.size();
  return lists;
}

}  // namespace imgsync
