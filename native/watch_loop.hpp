// The thread that watches one tree.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "batch_builder.hpp"
#include "tree_watch.hpp"
#include "unique_fd.hpp"
#include "watch_messages.hpp"

namespace imgsync {

struct WatchLoopOptions {
  TreeWatchOptions tree;
  // How long a first change waits for more; shorter where it comes after a pause.
  std::chrono::milliseconds linger{3};
  std::size_t pendingLimitBytes = std::size_t{64} << 20;
};

struct WatchStats {
  std::uint64_t directories = 0;
  std::uint64_t watches = 0;
  std::uint64_t pending = 0;
  std::uint64_t settling = 0;
  std::uint64_t events = 0;
  std::uint64_t overflows = 0;
  std::uint64_t turns = 0;
};

// The owner's thread: constructor, destructor, start(), drain(), delivered(), ping(), stop(), join(),
// stats(). The loop's own thread: all else. At most one delivery is with the owner at a time; until it says
// delivered(), changes gather and coalesce here, and the thread goes on reading. After join() nothing is
// delivered any more.
class WatchLoop {
 public:
  // In the order in which they are to be seen.
  using Delivery = std::vector<WatchMessage>;
  struct Owner {
    // Both are called on the loop's thread. False: the owner takes nothing any more.
    std::function<bool(std::unique_ptr<Delivery>)> deliver;
    // The last call.
    std::function<void()> ended;
  };

  WatchLoop(WatchLoopOptions options, Owner owner);
  ~WatchLoop();
  WatchLoop(const WatchLoop&) = delete;
  WatchLoop& operator=(const WatchLoop&) = delete;

  // Once. False and errno: there is no thread or no descriptor to be had.
  bool start();
  // Asks for a DrainedMessage with the returned number or a higher one.
  std::uint64_t drain();
  void delivered();
  // Makes the thread turn at least once more, as `turns` of stats() then shows.
  void ping() { wake(); }
  // Asks the thread to end. It frees its watches first.
  void stop();
  // Waits for that.
  void join();
  WatchStats stats() const;

 private:
  static void* runThread(void* loop);
  void run();
  void turn(TimePoint now);
  void deliver(TimePoint now, std::optional<std::uint64_t> drained);
  void waitUntil(std::optional<TimePoint> deadline);
  void wake() const;
  void publishStats();

  const WatchLoopOptions options_;
  const Owner owner_;

  // Between the threads.
  UniqueFd wakeFd_;
  std::atomic<bool> isStopping_{false};
  std::atomic<bool> isDelivering_{false};
  std::atomic<std::uint64_t> drainsAsked_{0};
  struct {
    std::atomic<std::uint64_t> directories{0}, watches{0}, pending{0}, settling{0}, events{0}, overflows{0},
        turns{0};
  } published_;
  std::optional<pthread_t> thread_;

  // The loop's thread.
  BatchBuilder changes_;
  std::optional<TreeWatch> tree_;
  Delivery messages_;  // that wait beside the changes
  std::uint64_t drainsDone_ = 0;
  std::optional<TimePoint> pendingSince_;
  std::chrono::milliseconds linger_{0};  // of the changes that are pending
  TimePoint deliveredAt_{};              // when changes were handed over last
};

}  // namespace imgsync
