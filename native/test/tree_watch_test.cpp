// The watch driven step by step, with no time for more than one step at once.
#include "tree_watch.hpp"

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

}  // namespace

int main() { comesToItsEnd(); }
