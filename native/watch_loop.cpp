#include "watch_loop.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

namespace imgsync {

namespace {

// Long work gives way to events, timers and deliveries after this.
constexpr auto kTurn = std::chrono::milliseconds(2);
// After so long without a change the next one is handed over early.
constexpr auto kQuiet = std::chrono::milliseconds(100);
constexpr auto kFirstLinger = std::chrono::milliseconds(1);
// The owner copies a delivery in one go.
constexpr std::size_t kDeliveryBytes = 1 << 20;

}  // namespace

WatchLoop::WatchLoop(WatchLoopOptions options, Owner owner)
    : options_(std::move(options)), owner_(std::move(owner)), changes_(options_.pendingLimitBytes) {}

WatchLoop::~WatchLoop() {
  stop();
  join();
}

bool WatchLoop::start() {
  wakeFd_ = UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wakeFd_) return false;
  // Signals are for the owner's threads.
  sigset_t all, old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  pthread_t thread;
  const int error = ::pthread_create(&thread, nullptr, &WatchLoop::runThread, this);
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  if (error != 0) {
    errno = error;
    return false;
  }
  thread_ = thread;
  return true;
}

std::uint64_t WatchLoop::drain() {
  const std::uint64_t number = ++drainsAsked_;
  wake();
  return number;
}

void WatchLoop::delivered() {
  isDelivering_ = false;
  wake();
}

void WatchLoop::stop() {
  isStopping_ = true;
  wake();
}

void WatchLoop::join() {
  if (thread_) ::pthread_join(*thread_, nullptr);
  thread_.reset();
  wakeFd_ = UniqueFd();
}

WatchStats WatchLoop::stats() const {
  const auto& from = published_;
  return {from.directories, from.watches,   from.pending, from.settling,
          from.events,      from.overflows, from.turns};
}

void WatchLoop::wake() const {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then the thread is woken anyway.
  if (wakeFd_) (void)!::write(wakeFd_.get(), &one, sizeof one);
}

void* WatchLoop::runThread(void* loop) {
  ::pthread_setname_np(::pthread_self(), "imgsync-watch");
  static_cast<WatchLoop*>(loop)->run();
  return nullptr;
}

void WatchLoop::run() {
  tree_.emplace(options_.tree, changes_);
  tree_->start();
  while (!isStopping_) {
    turn(Clock::now());
    ++published_.turns;
  }
  tree_.reset();
  changes_.clear();
  messages_.clear();
  owner_.ended();
}

void WatchLoop::turn(TimePoint now) {
  // Read before the queue is: what was in it when this drain was asked for is then applied below.
  const std::uint64_t drainsAsked = drainsAsked_;
  tree_->setAwaited(drainsAsked > drainsDone_);
  const bool isDry = tree_->turn(now, kTurn);
  auto messages = tree_->takeMessages();
  std::move(messages.begin(), messages.end(), std::back_inserter(messages_));

  const bool isDrained = drainsAsked > drainsDone_ && isDry && tree_->isCaughtUp();
  if (isDrained) tree_->flushDelayed();
  if (!pendingSince_ && !changes_.empty()) {
    pendingSince_ = now;
    // A change alone after a pause is what somebody waits for; in a stream of them a longer look is worth it.
    const bool isFirst = now - deliveredAt_ > kQuiet;
    linger_ = isFirst ? std::min(options_.linger, kFirstLinger) : options_.linger;
  }
  // Who is told that all is applied may look at once.
  publishStats();
  deliver(now, isDrained ? std::optional(drainsAsked) : std::nullopt);
  published_.pending = changes_.size();
  if (!isDry || !tree_->mayWait()) return waitUntil(now);
  std::optional<TimePoint> deadline = tree_->nextDeadline();
  if (pendingSince_ && !isDelivering_) {
    deadline = std::min(deadline.value_or(TimePoint::max()), *pendingSince_ + linger_);
  }
  waitUntil(deadline);
}

// Hands over what there is, unless the owner is still busy with the last delivery.
void WatchLoop::deliver(TimePoint now, std::optional<std::uint64_t> drained) {
  if (isDelivering_) return;
  auto delivery = std::make_unique<Delivery>(std::exchange(messages_, {}));
  const bool isDue = pendingSince_ && (drained || now - *pendingSince_ >= linger_);
  if (isDue) {
    delivery->push_back(ChangesMessage{changes_.take(drained ? SIZE_MAX : kDeliveryBytes)});
    // What did not fit has waited long enough.
    if (changes_.empty()) pendingSince_.reset();
    deliveredAt_ = now;
  }
  if (drained) {
    delivery->push_back(DrainedMessage{*drained, tree_->settling()});
    drainsDone_ = *drained;
  }
  if (delivery->empty()) return;
  isDelivering_ = true;
  if (!owner_.deliver(std::move(delivery))) isStopping_ = true;
}

// Sleeps until there are events, the owner wants something, or the deadline.
void WatchLoop::waitUntil(std::optional<TimePoint> deadline) {
  timespec timeout{};
  if (deadline) {
    const auto left = std::max(*deadline - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    timeout.tv_sec = seconds.count();
    timeout.tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count();
  }
  pollfd fds[] = {{wakeFd_.get(), POLLIN, 0}, {tree_->fd(), POLLIN, 0}};
  ::ppoll(fds, 2, deadline ? &timeout : nullptr, nullptr);
  if ((fds[0].revents & POLLIN) != 0) {
    std::uint64_t count;
    (void)!::read(wakeFd_.get(), &count, sizeof count);
  }
}

void WatchLoop::publishStats() {
  published_.directories = tree_->directories();
  published_.watches = tree_->watches();
  published_.pending = changes_.size();
  published_.settling = tree_->settlingFiles();
  published_.events = tree_->events();
  published_.overflows = tree_->overflows();
}

}  // namespace imgsync
