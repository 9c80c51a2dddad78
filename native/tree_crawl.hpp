// Several threads that list the directories of a tree.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "directory_summary.hpp"
#include "path_filter.hpp"
#include "path_lookup.hpp"
#include "result.hpp"
#include "unique_fd.hpp"

namespace imgsync {

struct CrawlOptions {
  bool digests = false;
  bool crossMounts = true;  // whether directories on another device than the root's are entered
  unsigned threads = 0;     // at most; 0: one per core
  bool mounted = true;      // whether directories below the root that something is mounted on are entered
};

// The threads take directories from a common stack and put back what they find in them. The stack, not a
// queue, keeps the number of directories that wait, and of descriptors that are open for them, small.
//
// The owner's thread: constructor, destructor, run() or begin() and wait(), finish(). The destructor ends the
// threads.
class TreeCrawl {
 public:
  using DirectoryId = std::uint32_t;

  // Is told of directories before they are listed.
  class Observer {
   public:
    // Any thread. `name` is empty for the root, whose parent is 0. An errno: the directory is passed over.
    virtual int open(DirectoryId parent, std::string_view name, int fd, DirectoryId& id) = 0;
    // Any thread. What the directory holds can't be entered here: it could not be listed, or too many are
    // open.
    virtual void leave(DirectoryId id) = 0;

   protected:
    ~Observer() = default;
  };

  // All that is given has to outlive the crawl.
  TreeCrawl(int rootFd, dev_t device, const PathFilter& filter, CrawlOptions options,
            Observer* observer = nullptr);
  ~TreeCrawl();
  TreeCrawl(const TreeCrawl&) = delete;
  TreeCrawl& operator=(const TreeCrawl&) = delete;

  // Once, one of both: lists these directories with all beneath. The first returns when all is done, for the
  // calling thread is one of those that do it; the second at once.
  void run(std::vector<std::string> directories);
  void begin(std::vector<std::string> directories);
  // Waits until all is done (true), or the time is over.
  bool wait(std::chrono::steady_clock::time_point until);
  // After that: the records of all that was listed (see scanTree), or why it was given up.
  Result<std::string> finish();
  // The same: entries that were found.
  std::size_t entries() const noexcept { return entries_; }

 private:
  static constexpr unsigned kMaxThreads = 16;
  static constexpr int kMaxParents = 256;
  // With fewer directories that wait, a further thread costs more than it brings.
  static constexpr std::size_t kWorthAThread = 8;

  // A directory whose children wait to be opened by name.
  struct Parent {
    Parent(UniqueFd directory, DirectoryId itsId, std::atomic<int>& parents)
        : fd(std::move(directory)), id(itsId), count(parents) {}
    ~Parent() { --count; }
    UniqueFd fd;
    DirectoryId id;
    std::atomic<int>& count;
  };
  struct Task {
    std::shared_ptr<const Parent> parent;  // none: it is found from the root on
    std::string path;
  };
  struct Listed {
    DirectorySummary summary;
    std::shared_ptr<const Parent> self;  // for its children, while few are open
    const char* failed = "openat";       // the system call
  };

  static void* runThread(void* crawl);
  void put(std::vector<std::string> directories);
  bool startThread();
  void joinThreads();
  void work();
  int list(const Task& task, DirectorySummarizer& summarizer, PathLookup& lookup, Listed& listed);
  int open(const Task& task, PathLookup& lookup) const;
  void settle(const Task& task, int error, Listed& listed);

  const int rootFd_;
  const dev_t device_;
  const PathFilter& filter_;
  const CrawlOptions options_;
  unsigned maxThreads_;  // beside the caller's
  Observer* const observer_;
  std::atomic<int> parents_{0};
  std::atomic<bool> isCancelled_{false};
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<pthread_t> threads_;
  std::vector<Task> waiting_;
  std::size_t working_ = 0;
  std::string records_;
  std::size_t entries_ = 0;
  std::optional<SysError> error_;
};

}  // namespace imgsync
