#include "tree_crawl.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "reachable_path.hpp"

namespace imgsync {

namespace {

std::string_view nameOf(const std::string& path) {
  return std::string_view(path).substr(path.rfind('/') + 1);  // npos + 1 is 0
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

}  // namespace

TreeCrawl::TreeCrawl(int rootFd, dev_t device, const PathFilter& filter, CrawlOptions options,
                     Observer* observer)
    : rootFd_(rootFd),
      device_(device),
      filter_(filter),
      options_(options),
      maxThreads_(std::clamp(options.threads > 0 ? options.threads : std::thread::hardware_concurrency(), 1u,
                             kMaxThreads)),
      observer_(observer) {}

TreeCrawl::~TreeCrawl() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    isCancelled_ = true;
    waiting_.clear();
    changed_.notify_all();
  }
  joinThreads();
}

void TreeCrawl::run(std::vector<std::string> directories) {
  --maxThreads_;
  put(std::move(directories));
  work();
}

void TreeCrawl::begin(std::vector<std::string> directories) {
  put(std::move(directories));
  std::unique_lock<std::mutex> lock(mutex_);
  if (startThread()) return;
  lock.unlock();
  work();
}

void TreeCrawl::put(std::vector<std::string> directories) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (std::string& path : directories) waiting_.push_back({nullptr, std::move(path)});
}

bool TreeCrawl::wait(std::chrono::steady_clock::time_point until) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_until(lock, until, [&] { return waiting_.empty() && working_ == 0; });
}

Result<std::string> TreeCrawl::finish() {
  joinThreads();
  if (error_) return *std::move(error_);
  return std::move(records_);
}

void* TreeCrawl::runThread(void* crawl) {
  ::pthread_setname_np(::pthread_self(), "imgsync-scan");
  static_cast<TreeCrawl*>(crawl)->work();
  return nullptr;
}

// With the lock. std::thread could only abort where no further thread can be had.
bool TreeCrawl::startThread() {
  pthread_t thread;
  if (::pthread_create(&thread, nullptr, &TreeCrawl::runThread, this) != 0) return false;
  threads_.push_back(thread);
  return true;
}

// When nothing is to be done any more, so that no thread starts another one.
void TreeCrawl::joinThreads() {
  for (const pthread_t thread : std::exchange(threads_, {})) ::pthread_join(thread, nullptr);
}

void TreeCrawl::work() {
  DirectorySummarizer summarizer(filter_, options_.digests, &isCancelled_);
  PathLookup lookup(rootFd_);
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !waiting_.empty() || working_ == 0; });
    if (waiting_.empty()) return;
    const Task task = std::move(waiting_.back());
    waiting_.pop_back();
    ++working_;
    lock.unlock();
    Listed listed;
    const int error = list(task, summarizer, lookup, listed);
    lock.lock();
    settle(task, error, listed);
    --working_;
    if (working_ == 0 || waiting_.size() > 1) changed_.notify_all();
  }
}

// Without the lock.
int TreeCrawl::list(const Task& task, DirectorySummarizer& summarizer, PathLookup& lookup, Listed& listed) {
  UniqueFd fd(open(task, lookup));
  if (!fd) return errno;
  if (!options_.crossMounts) {
    struct stat status;
    if (::fstat(fd.get(), &status) != 0) return errno;
    if (status.st_dev != device_) return EXDEV;
  }
  if (!options_.mounted && !task.path.empty() && isMounted(fd.get(), device_)) return EXDEV;
  DirectoryId id = 0;
  if (observer_ != nullptr) {
    listed.failed = "inotify_add_watch";
    const DirectoryId parent = task.parent ? task.parent->id : 0;
    if (const int error = observer_->open(parent, nameOf(task.path), fd.get(), id)) return error;
    listed.failed = "openat";
  }
  DirectorySummary& summary = listed.summary;
  const int error = summarizer.read(fd.get(), task.path, summary);
  if (error != 0 && !isVanished(error) && observer_ != nullptr) observer_->leave(id);
  if (error != 0 || summary.children.empty()) return error;
  if (parents_++ < kMaxParents) {
    listed.self = std::make_shared<const Parent>(std::move(fd), id, parents_);
  } else {
    --parents_;
    if (observer_ == nullptr) return 0;
    observer_->leave(id);
    summary.children.clear();
  }
  return 0;
}

int TreeCrawl::open(const Task& task, PathLookup& lookup) const {
  const std::string name = task.path.empty() ? "." : std::string(nameOf(task.path));
  const int parentFd = task.parent ? task.parent->fd.get() : lookup.directory(parentOf(task.path));
  return parentFd < 0 ? -1 : openDirectory(parentFd, name.c_str()).release();
}

// With the lock. A directory gets its record before its children can be taken: parents come first.
void TreeCrawl::settle(const Task& task, int error, Listed& listed) {
  if (isExhausted(error) && !error_) {
    error_ = SysError{error, listed.failed, task.path};
    waiting_.clear();
  }
  if (error_ || isCancelled_ || error == EXDEV || isVanished(error)) return;
  appendRecord(records_, task.path, listed.summary);
  entries_ += listed.summary.entries;
  for (std::string& child : listed.summary.children) waiting_.push_back({listed.self, std::move(child)});
  if (waiting_.size() >= kWorthAThread && threads_.size() < maxThreads_) (void)startThread();
}

}  // namespace imgsync
