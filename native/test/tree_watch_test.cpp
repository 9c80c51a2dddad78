// The watch driven step by step, with no time for more than one step at once.
#include "tree_watch.hpp"

#include <poll.h>

#include <thread>

#include "temp_tree.hpp"

using imgsync::BatchBuilder;
using imgsync::Clock;
using imgsync::LiveMessage;
using imgsync::TreeWatch;
using imgsync::TreeWatchOptions;
using imgsync::test::TempTree;

namespace {

std::size_t live(TreeWatch& watch) {
  std::size_t count = 0;
  for (const imgsync::WatchMessage& message : watch.takeMessages()) {
    count += std::holds_alternative<LiveMessage>(message) ? 1 : 0;
  }
  return count;
}

// As long as there is work: whoever has none sleeps until the next event.
void turnWhileBusy(TreeWatch& watch) {
  bool isDry = false;
  while (!isDry || watch.hasWork()) isDry = watch.turn(Clock::now(), Clock::duration::zero());
}

// The same at a given time, with some for each step: a search takes none of which there is no time.
void turnAt(TreeWatch& watch, imgsync::TimePoint now) {
  bool isDry = false;
  while (!isDry || watch.hasWork()) isDry = watch.turn(now, std::chrono::milliseconds(10));
}

// The end of a walk is not put off until something happens in the tree.
void comesToItsEnd() {
  for (int directories = 0; directories < 5; ++directories) {
    const TempTree tree;
    for (int i = 0; i < directories; ++i) tree.directory(std::to_string(i));
    BatchBuilder changes(SIZE_MAX);
    TreeWatchOptions options;
    options.tree.root = tree.path();
    TreeWatch watch(options, changes);
    watch.start();
    turnWhileBusy(watch);
    CHECK_EQUAL(live(watch), 1u);
    CHECK(watch.isCaughtUp());
    CHECK_EQUAL(watch.directories(), static_cast<std::size_t>(directories) + 1);

    tree.directory("new");
    tree.directory("new/below");
    turnWhileBusy(watch);
    CHECK(watch.isCaughtUp());
    CHECK_EQUAL(watch.directories(), static_cast<std::size_t>(directories) + 3);
    CHECK_EQUAL(live(watch), 0u);
  }
}

bool isReadable(const TreeWatch& watch) {
  pollfd polled{watch.fd(), POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;
}

// More than the kernel's queue holds while nothing is applied. The maker waits for the reader, so that a slow
// machine loses nothing either.
void losesNothingOfAFlood() {
  constexpr int kFiles = 40'000;
  constexpr int kAtOnce = 2000;
  const TempTree tree;
  BatchBuilder changes(SIZE_MAX);
  TreeWatchOptions options;
  options.tree.root = tree.path();
  TreeWatch watch(options, changes);
  watch.start();
  turnWhileBusy(watch);
  CHECK(watch.mayWait());
  for (int made = 0; made < kFiles; ++made) {
    if (made == kAtOnce) (void)watch.turn(Clock::now(), Clock::duration::zero());
    while (made > kAtOnce && made % kAtOnce == 0 && isReadable(watch)) std::this_thread::yield();
    tree.link(std::to_string(made), "nowhere");
  }
  while (!watch.mayWait()) turnWhileBusy(watch);
  CHECK_EQUAL(watch.overflows(), 0u);
  CHECK_EQUAL(watch.events(), static_cast<std::uint64_t>(kFiles));
  CHECK_EQUAL(changes.size(), static_cast<std::size_t>(kFiles));
  // From then on the descriptor tells of what is new.
  tree.file("last");
  CHECK(isReadable(watch));
}

// A file that was written to and is gone may have other names, and only a search through the tree finds them.
void searchesSoonWhenAwaited() {
  const TempTree tree;
  for (const char* name : {"a", "b", "c"}) {
    tree.directory(name);
    tree.file(std::string(name) + "/f", "1");
    CHECK_EQUAL(::link(tree.at(std::string(name) + "/f").c_str(), tree.at(std::string(name) + "/g").c_str()),
                0);
  }
  BatchBuilder changes(SIZE_MAX);
  TreeWatchOptions options;
  options.tree.root = tree.path();
  TreeWatch watch(options, changes);
  watch.start();
  auto now = Clock::now();
  turnAt(watch, now);
  const auto writeAndRemove = [&](const std::string& name) {
    changes.take(SIZE_MAX);
    tree.file(name, "2");
    tree.remove(name);
    turnAt(watch, now);
  };
  const auto isTold = [&](std::string_view name) {
    const std::string packed = changes.take(SIZE_MAX);
    return packed.find(name) != std::string::npos;
  };
  writeAndRemove("a/f");
  CHECK(watch.isCaughtUp());
  CHECK(isTold("a/g"));
  // Each search reads the whole tree, so there is a pause between two.
  writeAndRemove("b/f");
  now += std::chrono::milliseconds(900);
  turnAt(watch, now);
  CHECK(!watch.isCaughtUp());
  CHECK(watch.nextDeadline() > now);
  CHECK(!isTold("b/g"));
  // But nobody is kept waiting for it where a search is quick.
  watch.setAwaited(true);
  CHECK(watch.nextDeadline() <= now);
  turnAt(watch, now);
  CHECK(watch.isCaughtUp());
  CHECK(isTold("b/g"));
  watch.setAwaited(false);
  writeAndRemove("c/f");
  CHECK(!watch.isCaughtUp());
  now += std::chrono::seconds(2);
  turnAt(watch, now);
  CHECK(watch.isCaughtUp());
  CHECK(isTold("c/g"));
}

}  // namespace

int main() {
  comesToItsEnd();
  losesNothingOfAFlood();
  searchesSoonWhenAwaited();
}
