// Events that were read from the kernel's queue and wait to be applied, in its order.
//
// The kernel holds 16384 events by default, a few hundredths of a second of a flood, and loses all that come
// when it is full. So they are kept here: read by whoever takes them, by long work between its steps, and
// during a flood by a thread of its own, for applying them may have to wait for the disk.
#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "inotify.hpp"

namespace imgsync {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

struct EventBacklogLimits {
  // Beyond it nothing is read: the kernel's queue fills, overflows, and says so in its place.
  std::size_t bytes = std::size_t{256} << 20;
  // What is taken at once.
  std::size_t portionBytes = std::size_t{256} << 10;
};

// The thread that applies events: constructor, destructor, take(), keepReading(). Any thread: all else.
class EventBacklog {
 public:
  struct Portion {
    std::string bytes;  // whole events in the kernel's form
    TimePoint readAt;   // of the first of them
  };

  // `inotify` has to outlive it; nobody else reads from it.
  explicit EventBacklog(Inotify& inotify, EventBacklogLimits limits = {})
      : inotify_(inotify), limits_(limits) {}
  ~EventBacklog();
  EventBacklog(const EventBacklog&) = delete;
  EventBacklog& operator=(const EventBacklog&) = delete;

  // Reads what the kernel's queue holds.
  void pump();
  // The oldest events, after a look into the kernel's queue. None: that was empty, and so is this.
  std::optional<Portion> take();
  // Whether a thread pumps all the time. After `false` it reads nothing more: what comes then can be polled
  // for, what came before may be here.
  void keepReading(bool isWanted);

  bool empty() const;
  std::size_t bytes() const;

 private:
  static void* runThread(void* backlog);
  void run();
  void read();
  void append(std::string_view events);

  Inotify& inotify_;
  const EventBacklogLimits limits_;
  std::optional<pthread_t> thread_;  // from the first flood on
  bool keepsReading_ = false;        // as it was said last, for the thread that says it

  mutable std::mutex mutex_;  // guards what follows, and reading: the order is that of the kernel
  std::condition_variable changed_;
  std::deque<Portion> portions_;
  std::size_t bytes_ = 0;
  bool isWanted_ = false;
  bool isStopping_ = false;
};

}  // namespace imgsync
