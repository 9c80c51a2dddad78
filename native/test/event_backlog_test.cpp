// The events of a real inotify instance, read by several threads: all come, once, in the kernel's order.
#include "event_backlog.hpp"

#include <sys/inotify.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "event_decoder.hpp"
#include "temp_tree.hpp"

using imgsync::EventBacklog;
using imgsync::EventBacklogLimits;
using imgsync::EventDecoder;
using imgsync::Inotify;
using imgsync::WatchEvent;
using imgsync::test::TempTree;

namespace {

// More than the kernel's queue holds by default.
constexpr int kFlood = 40'000;
constexpr std::uint32_t kMask = IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO;

struct Event {
  std::uint32_t mask;
  std::uint32_t cookie;
  std::string name;
};

// A tree with one watch on its root.
class WatchedDirectory {
 public:
  explicit WatchedDirectory(EventBacklogLimits limits = {}) : inotify_(create()), backlog_(inotify_, limits) {
    const imgsync::UniqueFd root(::open(tree_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(inotify_.add(root.get(), kMask) >= 0);
  }

  EventBacklog& backlog() { return backlog_; }
  void make(int from, int until) const {
    for (int i = from; i < until; ++i) tree_.link(nameOf(i), "x");
  }
  void move(const std::string& from, const std::string& to) const {
    CHECK_EQUAL(::rename(tree_.at(from).c_str(), tree_.at(to).c_str()), 0);
  }
  static std::string nameOf(int number) { return std::to_string(1'000'000 + number); }

  // The oldest portion, or nothing.
  std::vector<Event> takePortion() {
    const auto portion = backlog_.take();
    std::vector<Event> events;
    if (!portion) return events;
    CHECK(portion->readAt <= imgsync::Clock::now());
    EventDecoder decoder(portion->bytes);
    for (WatchEvent event; decoder.next(event);) {
      events.push_back({event.mask, event.cookie, std::string(event.name)});
    }
    CHECK(!events.empty());
    return events;
  }
  std::vector<Event> takeAll() {
    std::vector<Event> events;
    for (;;) {
      const std::vector<Event> portion = takePortion();
      if (portion.empty()) return events;
      events.insert(events.end(), portion.begin(), portion.end());
    }
  }

 private:
  static Inotify create() {
    auto inotify = Inotify::create();
    CHECK(inotify);
    return std::move(inotify.value());
  }

  const TempTree tree_;
  Inotify inotify_;
  EventBacklog backlog_;
};

// Whether these are the creations of the numbers from `from` on.
void checkCreated(const std::vector<Event>& events, int from, int until) {
  CHECK_EQUAL(events.size(), static_cast<std::size_t>(until - from));
  for (int i = from; i < until; ++i) {
    const Event& event = events[static_cast<std::size_t>(i - from)];
    CHECK_EQUAL(event.mask, static_cast<std::uint32_t>(IN_CREATE));
    CHECK_EQUAL(event.name, WatchedDirectory::nameOf(i));
  }
}

// While nobody takes anything. The maker waits for the reader, so that a slow machine loses nothing either.
void aThreadReadsAFlood() {
  WatchedDirectory directory;
  EventBacklog& backlog = directory.backlog();
  CHECK(directory.takeAll().empty());
  for (int round = 0; round < 2; ++round) {
    backlog.keepReading(true);
    for (int made = 0; made < kFlood; made += 1000) {
      const std::size_t before = backlog.bytes();
      directory.make(round * kFlood + made, round * kFlood + made + 1000);
      while (backlog.bytes() < before + 1000 * sizeof(inotify_event)) std::this_thread::yield();
    }
    backlog.keepReading(false);
    checkCreated(directory.takeAll(), round * kFlood, (round + 1) * kFlood);
    CHECK(backlog.empty());
    CHECK_EQUAL(backlog.bytes(), 0u);
  }
}

// Afterwards the descriptor tells of what is new.
void nothingIsReadWithoutNeed() {
  WatchedDirectory directory;
  EventBacklog& backlog = directory.backlog();
  backlog.keepReading(true);
  directory.make(0, 100);
  while (backlog.empty()) std::this_thread::yield();
  backlog.keepReading(false);
  checkCreated(directory.takeAll(), 0, 100);
  directory.make(100, 200);
  CHECK(backlog.empty());
  checkCreated(directory.takeAll(), 100, 200);
}

void manyReadAndOneTakes() {
  WatchedDirectory directory({SIZE_MAX, 4096});
  EventBacklog& backlog = directory.backlog();
  backlog.keepReading(true);
  std::atomic<bool> isDone{false};
  std::thread pumper([&] {
    while (!isDone) backlog.pump();
  });
  std::thread maker([&] {
    directory.make(0, 10'000);
    isDone = true;
  });
  std::vector<Event> events;
  while (!isDone) {
    for (Event& event : directory.takePortion()) events.push_back(std::move(event));
  }
  maker.join();
  pumper.join();
  for (Event& event : directory.takeAll()) events.push_back(std::move(event));
  checkCreated(events, 0, 10'000);
}

// Each half of a move in a portion of its own.
void movesKeepTheirCookies() {
  const EventBacklogLimits limits{SIZE_MAX, Inotify::kMaxEventBytes};
  WatchedDirectory directory(limits);
  directory.make(0, 1);
  checkCreated(directory.takeAll(), 0, 1);
  const std::string names[] = {std::string(250, 'a'), std::string(250, 'b')};
  directory.move(WatchedDirectory::nameOf(0), names[0]);
  CHECK_EQUAL(directory.takeAll().size(), 2u);
  for (int i = 0; i < 100; ++i) {
    directory.move(names[i % 2], names[(i + 1) % 2]);
    if (i % 7 == 0) directory.backlog().pump();
  }
  for (int i = 0; i < 100; ++i) {
    const std::vector<Event> from = directory.takePortion();
    const std::vector<Event> to = directory.takePortion();
    CHECK_EQUAL(from.size(), 1u);
    CHECK_EQUAL(to.size(), 1u);
    CHECK_EQUAL(from[0].mask, static_cast<std::uint32_t>(IN_MOVED_FROM));
    CHECK_EQUAL(to[0].mask, static_cast<std::uint32_t>(IN_MOVED_TO));
    CHECK_EQUAL(from[0].cookie, to[0].cookie);
    CHECK_EQUAL(from[0].name, names[i % 2]);
    CHECK_EQUAL(to[0].name, names[(i + 1) % 2]);
  }
  CHECK(directory.takeAll().empty());
}

int kernelQueueLength() {
  int length = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> length;
  CHECK(length > 0);
  return length;
}

// Past the limit the kernel's queue runs over, and says so between what came before and what comes after.
void theLimitIsKept() {
  const EventBacklogLimits limits{100'000, 10'000};
  // An event has 32 bytes.
  const int flood = kernelQueueLength() + 5000;
  WatchedDirectory directory(limits);
  EventBacklog& backlog = directory.backlog();
  backlog.keepReading(true);
  directory.make(0, flood);
  while (backlog.bytes() < limits.bytes) std::this_thread::yield();
  CHECK(backlog.bytes() < limits.bytes + limits.portionBytes);
  backlog.keepReading(false);
  std::vector<Event> events = directory.takeAll();
  CHECK_EQUAL(backlog.bytes(), 0u);
  directory.make(flood, flood + 100);
  const std::vector<Event> later = directory.takeAll();
  checkCreated(later, flood, flood + 100);
  std::size_t at = 0;
  while (at < events.size() && (events[at].mask & IN_Q_OVERFLOW) == 0) ++at;
  CHECK_EQUAL(at, events.size() - 1);
  events.pop_back();
  CHECK(events.size() < static_cast<std::size_t>(flood));
  checkCreated(events, 0, static_cast<int>(events.size()));
}

}  // namespace

int main() {
  aThreadReadsAFlood();
  nothingIsReadWithoutNeed();
  manyReadAndOneTakes();
  movesKeepTheirCookies();
  theLimitIsKept();
}
