#include "tree_scanner.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "digest.hpp"
#include "directory_reader.hpp"
#include "path_lookup.hpp"
#include "unique_fd.hpp"

namespace imgsync {

namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

bool isVanished(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

// The process lacks something, so that going on would leave out directories that could be read.
bool isExhausted(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

Result<UniqueFd> openRoot(const std::string& root) {
  UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return SysError::last("open", root);
  return fd;
}

// Whether something is mounted here, also from the same file system. Kernels before 5.8 do not tell: there,
// only what is not on the root's device counts.
bool isMounted(int fd, dev_t rootDevice) {
  constexpr std::uint64_t kMountRoot = 0x2000;  // STATX_ATTR_MOUNT_ROOT
  struct statx more = {};
  if (::statx(fd, "", AT_EMPTY_PATH, 0, &more) == 0 && (more.stx_attributes_mask & kMountRoot) != 0) {
    return (more.stx_attributes & kMountRoot) != 0;
  }
  struct stat status;
  return ::fstat(fd, &status) != 0 || status.st_dev != rootDevice;
}

struct Summary {
  std::optional<DirectoryDigest> digest;  // none: not asked for, or the directory can't be read
  std::uint32_t entries = 0;
  std::vector<std::string> children;  // paths of the directories in it
};

void appendRecord(std::string& records, std::string_view path, const Summary& summary) {
  records.append(path);
  records += '\0';
  if (summary.digest) {
    summary.digest->appendTo(records);
  } else {
    records.append(DirectoryDigest::kBytes, '\0');
  }
  for (int shift = 0; shift < 32; shift += 8) records += static_cast<char>(summary.entries >> shift);
}

std::vector<std::string_view> splitPaths(std::string_view paths) {
  std::vector<std::string_view> split;
  for (std::size_t end; (end = paths.find('\0')) != std::string_view::npos; paths.remove_prefix(end + 1)) {
    split.push_back(paths.substr(0, end));
  }
  std::sort(split.begin(), split.end(), comesBeforeInTree);
  split.erase(std::unique(split.begin(), split.end()), split.end());
  return split;
}

// Reads single directories. One thread per instance.
class Summarizer {
 public:
  Summarizer(const PathFilter& filter, bool digests) : filter_(filter), digests_(digests) {}

  // Nothing but an errno when the directory can't be read to its end.
  int read(int fd, std::string_view directory, Summary& summary) {
    path_.assign(directory);
    if (!directory.empty()) path_ += '/';
    const std::size_t prefix = path_.size();
    DirectoryDigest digest;
    if (digests_) {
      // Before its entries are read: what is added meanwhile makes the digest differ from the next one.
      struct stat self;
      if (::fstat(fd, &self) != 0) return errno;
      digest.addSelf(self);
    }
    DirectoryEntry entry;
    reader_.start(fd);
    while (reader_.next(entry)) {
      path_.resize(prefix);
      path_.append(entry.name);
      struct stat status;
      bool isKnown = false;
      if (entry.type == DT_UNKNOWN) {
        if (const int error = stat(fd, entry, status)) {
          if (isVanished(error)) continue;
          return error;
        }
        isKnown = true;
        entry.type = IFTODT(status.st_mode);
      }
      if (filter_.excludes(path_, entry.type == DT_DIR)) continue;
      if (digests_) {
        if (const int error = isKnown ? 0 : stat(fd, entry, status)) {
          if (isVanished(error)) continue;
          return error;
        }
        digest.add(entry.name, status);
      }
      ++summary.entries;
      if (entry.type == DT_DIR) summary.children.push_back(path_);
    }
    if (digests_ && reader_.error() == 0) summary.digest = digest;
    return reader_.error();
  }

 private:
  static int stat(int fd, const DirectoryEntry& entry, struct stat& status) {
    return ::fstatat(fd, entry.name.data(), &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 ? 0 : errno;
  }

  const PathFilter& filter_;
  const bool digests_;
  DirectoryReader reader_;
  std::string path_;
};

// Threads that take directories from a common stack and put back what they find in them. The stack, not a
// queue, keeps the number of directories that wait, and of descriptors that are open for them, small.
class TreeScanner {
 public:
  TreeScanner(int rootFd, dev_t device, const PathFilter& filter, const ScanOptions& options)
      : rootFd_(rootFd), device_(device), filter_(filter), options_(options) {
    for (const std::string_view path : splitPaths(options.from)) {
      if (!filter.hides(path, true)) waiting_.push_back({nullptr, std::string(path)});
    }
  }

  // Calling thread; returns when every thread has ended.
  Result<std::string> run() {
    const unsigned wanted = options_.threads > 0 ? options_.threads : std::thread::hardware_concurrency();
    std::vector<pthread_t> threads;
    for (unsigned more = 1; more < std::min(wanted, kMaxThreads); ++more) {
      pthread_t thread;
      // std::thread could only abort where no further thread can be had.
      if (::pthread_create(&thread, nullptr, &TreeScanner::runThread, this) != 0) break;
      threads.push_back(thread);
    }
    work();
    for (const pthread_t thread : threads) ::pthread_join(thread, nullptr);
    if (error_) return *std::move(error_);
    return std::move(records_);
  }

 private:
  static constexpr unsigned kMaxThreads = 16;
  static constexpr int kMaxParents = 256;

  // A directory whose children wait to be opened by name.
  struct Parent {
    Parent(UniqueFd directory, std::atomic<int>& parents) : fd(std::move(directory)), count(parents) {}
    ~Parent() { --count; }
    UniqueFd fd;
    std::atomic<int>& count;
  };
  struct Task {
    std::shared_ptr<const Parent> parent;  // none: it is found from the root on
    std::string path;
  };

  static void* runThread(void* scanner) {
    static_cast<TreeScanner*>(scanner)->work();
    return nullptr;
  }

  void work() {
    Summarizer summarizer(filter_, options_.digests);
    PathLookup lookup(rootFd_);
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return !waiting_.empty() || working_ == 0; });
      if (waiting_.empty()) return;
      const Task task = std::move(waiting_.back());
      waiting_.pop_back();
      ++working_;
      lock.unlock();
      Summary summary;
      std::shared_ptr<const Parent> self;
      const int error = scan(task, summarizer, lookup, summary, self);
      lock.lock();
      finish(task, error, summary, self);
      --working_;
      if (working_ == 0 || waiting_.size() > 1) changed_.notify_all();
    }
  }

  // Any thread, without the lock. `self`: the directory itself, for its children, while few are open.
  int scan(const Task& task, Summarizer& summarizer, PathLookup& lookup, Summary& summary,
           std::shared_ptr<const Parent>& self) {
    UniqueFd fd(open(task, lookup));
    if (!fd) return errno;
    if (!options_.crossMounts) {
      struct stat status;
      if (::fstat(fd.get(), &status) != 0) return errno;
      if (status.st_dev != device_) return EXDEV;
    }
    if (!options_.mounted && !task.path.empty() && isMounted(fd.get(), device_)) return EXDEV;
    if (const int error = summarizer.read(fd.get(), task.path, summary)) {
      summary = Summary();
      return error;
    }
    if (!summary.children.empty() && parents_++ < kMaxParents) {
      self = std::make_shared<const Parent>(std::move(fd), parents_);
    } else if (!summary.children.empty()) {
      --parents_;
    }
    return 0;
  }

  int open(const Task& task, PathLookup& lookup) const {
    const std::string_view parent = parentOf(task.path);
    const std::string name =
        task.path.empty() ? "." : task.path.substr(parent.empty() ? 0 : parent.size() + 1);
    const int parentFd = task.parent ? task.parent->fd.get() : lookup.directory(parent);
    return parentFd < 0 ? -1 : ::openat(parentFd, name.c_str(), kOpenDirectory);
  }

  // With the lock. A directory gets its record before its children can be taken: parents come first.
  void finish(const Task& task, int error, Summary& summary, const std::shared_ptr<const Parent>& self) {
    if (isExhausted(error)) {
      error_ = SysError{error, "openat", task.path};
      waiting_.clear();
    }
    if (error_ || error == EXDEV || isVanished(error)) return;
    appendRecord(records_, task.path, summary);
    for (std::string& child : summary.children) waiting_.push_back({self, std::move(child)});
  }

  const int rootFd_;
  const dev_t device_;
  const PathFilter& filter_;
  const ScanOptions& options_;
  std::atomic<int> parents_{0};
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Task> waiting_;
  std::size_t working_ = 0;
  std::string records_;
  std::optional<SysError> error_;
};

}  // namespace

Result<std::string> scanTree(const std::string& root, const PathFilter& filter, const ScanOptions& options) {
  const auto fd = openRoot(root);
  if (!fd) return fd.error();
  struct stat status;
  if (::fstat(fd.value().get(), &status) != 0) return SysError::last("fstat", root);
  return TreeScanner(fd.value().get(), status.st_dev, filter, options).run();
}

Result<std::string> digestDirectories(const std::string& root, const PathFilter& filter,
                                      std::string_view directories) {
  const auto rootFd = openRoot(root);
  if (!rootFd) return rootFd.error();
  PathLookup lookup(rootFd.value().get());
  Summarizer summarizer(filter, true);
  std::string records;
  for (const std::string_view path : splitPaths(directories)) {
    if (filter.hides(path, true)) continue;
    const int found = lookup.directory(path);
    const UniqueFd fd(found < 0 ? -1 : ::openat(found, ".", kOpenDirectory));
    Summary summary;
    const int error = fd ? summarizer.read(fd.get(), path, summary) : errno;
    if (isVanished(error)) continue;
    if (isExhausted(error)) return SysError{error, "openat", std::string(path)};
    appendRecord(records, path, error == 0 ? summary : Summary());
  }
  return records;
}

}  // namespace imgsync
