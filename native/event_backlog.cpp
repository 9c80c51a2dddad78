#include "event_backlog.hpp"

#include <utility>

namespace imgsync {

namespace {

// Between two looks of the thread. To be woken for each event would cost more than to apply it, and the
// kernel's queue lasts for a multiple of this.
constexpr auto kPause = std::chrono::milliseconds(2);

}  // namespace

EventBacklog::~EventBacklog() {
  if (!thread_) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    isStopping_ = true;
  }
  changed_.notify_one();
  ::pthread_join(*thread_, nullptr);
}

void EventBacklog::pump() {
  const std::lock_guard<std::mutex> lock(mutex_);
  read();
}

std::optional<EventBacklog::Portion> EventBacklog::take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  read();
  if (portions_.empty()) return std::nullopt;
  Portion portion = std::move(portions_.front());
  portions_.pop_front();
  bytes_ -= portion.bytes.size();
  return portion;
}

void EventBacklog::keepReading(bool isWanted) {
  if (isWanted == std::exchange(keepsReading_, isWanted)) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    isWanted_ = isWanted;
  }
  // None to be had: then it is read between the steps of the work only.
  pthread_t thread;
  if (isWanted && !thread_ && ::pthread_create(&thread, nullptr, &EventBacklog::runThread, this) == 0) {
    thread_ = thread;
  }
  changed_.notify_one();
}

bool EventBacklog::empty() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return portions_.empty();
}

std::size_t EventBacklog::bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

void* EventBacklog::runThread(void* backlog) {
  ::pthread_setname_np(::pthread_self(), "imgsync-events");
  static_cast<EventBacklog*>(backlog)->run();
  return nullptr;
}

void EventBacklog::run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!isStopping_) {
    if (isWanted_) {
      read();
      changed_.wait_for(lock, kPause, [this] { return isStopping_ || !isWanted_; });
    } else {
      changed_.wait(lock, [this] { return isStopping_ || isWanted_; });
    }
  }
}

// With the lock.
void EventBacklog::read() {
  while (bytes_ < limits_.bytes) {
    const std::string_view events = inotify_.read(limits_.portionBytes);
    if (!events.empty()) append(events);
    // Any event would have fit into what was left: there was none.
    if (events.size() + Inotify::kMaxEventBytes <= limits_.portionBytes) return;
  }
}

void EventBacklog::append(std::string_view events) {
  bytes_ += events.size();
  if (!portions_.empty() && portions_.back().bytes.size() + events.size() <= limits_.portionBytes) {
    portions_.back().bytes.append(events);
    return;
  }
  portions_.push_back({std::string(), Clock::now()});
  // Where others wait already, it is going to be filled.
  if (portions_.size() > 1) portions_.back().bytes.reserve(limits_.portionBytes);
  portions_.back().bytes.append(events);
}

}  // namespace imgsync
