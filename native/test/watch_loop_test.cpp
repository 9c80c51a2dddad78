// A real tree that changes at random while it is watched by the loop on its own thread: whoever repeats what
// is told has the same tree in the end, and every directory of it is watched. The same when it changes during
// the first walk, for those who compare what that has found with what they had.
#include "watch_loop.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "packed_changes.hpp"
#include "temp_tree.hpp"
#include "tree_scanner.hpp"

using imgsync::ChangeKind;
using imgsync::ChangesMessage;
using imgsync::DrainedMessage;
using imgsync::LiveMessage;
using imgsync::WatchLoop;
using imgsync::test::TempTree;

namespace {

struct Entry {
  mode_t mode = 0;
  off_t size = 0;
  std::int64_t mtimeNs = 0;
  bool operator==(const Entry& other) const {
    return mode == other.mode && size == other.size && mtimeNs == other.mtimeNs;
  }
};

bool entryAt(const std::string& path, Entry& entry) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return false;
  entry = {status.st_mode, 0, 0};
  // What a directory holds is told by its entries; rsync sets its times along with them.
  if (!S_ISDIR(status.st_mode)) {
    entry.size = status.st_size;
    entry.mtimeNs = status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec;
  }
  return true;
}

std::vector<std::string> namesIn(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(directory);
  return names;
}

std::string join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

// A copy of a tree that does what a target would for each kind of change.
class Mirror {
 public:
  explicit Mirror(std::string root) : root_(std::move(root)) {}

  void copy(ChangeKind kind, const std::string& path) {
    for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
      Entry above;
      const std::string directory = path.substr(0, end);
      if (!entryAt(at(directory), above)) return erase(directory);
      put(directory, above);
      if (!S_ISDIR(above.mode)) return;
    }
    Entry entry;
    if (!path.empty() && !entryAt(at(path), entry)) return erase(path);
    if (!path.empty()) put(path, entry);
    if (kind == ChangeKind::entry || (!path.empty() && !S_ISDIR(entry.mode))) return;
    const std::vector<std::string> names = namesIn(at(path));
    const std::set<std::string> wanted(names.begin(), names.end());
    for (const std::string& name : childrenOf(path)) {
      if (wanted.count(name) == 0) erase(join(path, name));
    }
    for (const std::string& name : names) {
      copy(kind == ChangeKind::tree ? ChangeKind::tree : ChangeKind::entry, join(path, name));
    }
  }

  void erase(const std::string& path) {
    entries_.erase(path);
    eraseBelow(path);
  }

  const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::string at(const std::string& path) const { return root_ + "/" + path; }
  void put(const std::string& path, const Entry& entry) {
    if (!S_ISDIR(entry.mode)) eraseBelow(path);
    entries_[path] = entry;
  }
  void eraseBelow(const std::string& path) {
    const std::string prefix = path + "/";
    auto at = entries_.lower_bound(prefix);
    while (at != entries_.end() && at->first.compare(0, prefix.size(), prefix) == 0) at = entries_.erase(at);
  }
  std::set<std::string> childrenOf(const std::string& path) const {
    const std::string prefix = path.empty() ? "" : path + "/";
    std::set<std::string> names;
    for (auto at = entries_.lower_bound(prefix);
         at != entries_.end() && at->first.compare(0, prefix.size(), prefix) == 0; ++at) {
      names.insert(at->first.substr(prefix.size(), at->first.find('/', prefix.size()) - prefix.size()));
    }
    return names;
  }

  const std::string root_;
  std::map<std::string, Entry> entries_;
};

// The owner of a loop: takes its deliveries one by one, as JS does.
class Listener {
 public:
  explicit Listener(const std::string& root, std::size_t pendingLimitBytes) {
    imgsync::WatchLoopOptions options;
    options.tree.tree.root = root;
    options.tree.digests = true;
    options.tree.files.settle = std::chrono::milliseconds(5);
    options.linger = std::chrono::milliseconds(1);
    options.pendingLimitBytes = pendingLimitBytes;
    WatchLoop::Owner owner;
    owner.deliver = [this](std::unique_ptr<WatchLoop::Delivery> delivery) {
      const std::lock_guard<std::mutex> lock(mutex_);
      deliveries_.push_back(std::move(delivery));
      arrived_.notify_one();
      return true;
    };
    owner.ended = [this] { hasEnded_ = true; };
    loop_ = std::make_unique<WatchLoop>(options, std::move(owner));
    CHECK(loop_->start());
  }
  ~Listener() {
    loop_->stop();
    loop_->join();
    CHECK(hasEnded_);
  }

  void waitUntilLive() {
    while (!live_) takeOne();
  }
  const LiveMessage& live() const { return *live_; }

  // All that was told until the tree stood still.
  std::map<std::string, ChangeKind> take() {
    do {
      const std::uint64_t number = loop_->drain();
      while (drained_ < number) takeOne();
    } while (isSettling_);
    return std::exchange(changes_, {});
  }

 private:
  void takeOne() {
    std::unique_ptr<WatchLoop::Delivery> delivery;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      arrived_.wait(lock, [this] { return !deliveries_.empty(); });
      delivery = std::move(deliveries_.front());
      deliveries_.pop_front();
    }
    for (const imgsync::WatchMessage& message : *delivery) {
      if (const auto* live = std::get_if<LiveMessage>(&message)) live_ = *live;
      CHECK(!std::holds_alternative<imgsync::OverflowMessage>(message));
      CHECK(!std::holds_alternative<imgsync::RootLostMessage>(message));
      CHECK(!std::holds_alternative<imgsync::SysError>(message));
      if (const auto* changes = std::get_if<ChangesMessage>(&message)) note(changes->packed);
      if (const auto* drained = std::get_if<DrainedMessage>(&message)) {
        drained_ = drained->number;
        isSettling_ = !drained->settling.empty();
      }
    }
    loop_->delivered();
  }

  void note(const std::string& packed) {
    const auto unpacked = imgsync::unpackChanges(packed);
    CHECK(unpacked);
    for (const imgsync::Change& change : *unpacked) {
      const auto [at, isNew] = changes_.try_emplace(std::string(change.path), change.kind);
      const auto rank = [](ChangeKind kind) { return std::string_view("edt").find(static_cast<char>(kind)); };
      if (!isNew && rank(change.kind) > rank(at->second)) at->second = change.kind;
    }
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::unique_ptr<WatchLoop::Delivery>> deliveries_;
  std::atomic<bool> hasEnded_{false};
  std::unique_ptr<WatchLoop> loop_;
  std::optional<LiveMessage> live_;
  bool isSettling_ = false;
  std::uint64_t drained_ = 0;
  std::map<std::string, ChangeKind> changes_;
};

// Changes the tree at random; several of these work in one tree and get into each other's way.
class Churn {
 public:
  Churn(std::string root, unsigned seed) : root_(std::move(root)), random_(seed) {}

  void run(int operations) {
    for (int i = 0; i < operations; ++i) step();
  }

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  std::string somePath() {
    std::string path = root_;
    const unsigned depth = 1 + below(4);
    for (unsigned i = 0; i < depth; ++i) path += std::string("/") + "abcdef"[below(6)];
    return path;
  }

  void step() {
    const std::string path = somePath();
    const std::string other = somePath();
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return write(path, O_CREAT | O_WRONLY | O_TRUNC);
      case 3:
        return write(path, O_WRONLY | O_APPEND);
      case 4:
      case 5:
        (void)::mkdir(path.c_str(), 0755);
        return write(path + "/" + "abcdef"[below(6)], O_CREAT | O_WRONLY);
      case 6:
      case 7:
        (void)::rename(path.c_str(), other.c_str());
        return;
      case 8:
        (void)!::symlink("nowhere", path.c_str());
        return;
      case 9:
        (void)!::link(path.c_str(), other.c_str());
        return;
      case 10:
        (void)::remove(path.c_str());
        if (below(4) == 0) ::nftw(path.c_str(), imgsync::test::removeEntry, 32, FTW_DEPTH | FTW_PHYS);
        return;
      case 11:
        if (below(2) == 0) {
          (void)!::truncate(path.c_str(), below(100));
        } else {
          struct stat status;
          const bool isLink = ::lstat(path.c_str(), &status) != 0 || S_ISLNK(status.st_mode);
          if (!isLink) (void)::chmod(path.c_str(), 0700 + below(0100));
        }
        return;
    }
  }

  void write(const std::string& path, int flags) {
    const imgsync::UniqueFd fd(::open(path.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (fd) (void)!::write(fd.get(), root_.data(), 1 + below(10));
  }

  const std::string root_;
  std::mt19937 random_;
};

std::string firstDifference(const std::map<std::string, Entry>& told,
                            const std::map<std::string, Entry>& tree) {
  for (const auto& [path, entry] : tree) {
    const auto at = told.find(path);
    if (at == told.end()) return path + " was not told";
    if (!(at->second == entry)) return path + " was told in an older state";
  }
  for (const auto& [path, entry] : told) {
    if (tree.count(path) == 0) return path + " was not told to be gone";
  }
  return "";
}

std::map<std::string, Entry> entriesOf(const std::string& root) {
  Mirror now(root);
  now.copy(ChangeKind::tree, "");
  return now.entries();
}

// Path -> digest.
std::map<std::string, std::string> digestsIn(const std::string& scan) {
  std::map<std::string, std::string> digests;
  for (std::size_t at = 0; at < scan.size();) {
    const std::string path = scan.c_str() + at;
    at += path.size() + 1;
    digests[path] = scan.substr(at, imgsync::DirectoryDigest::kBytes);
    at += imgsync::DirectoryDigest::kBytes + 4;
  }
  return digests;
}

std::map<std::string, std::string> digestsOf(const std::string& root) {
  const auto scan = imgsync::scanTree(root, {}, {true, true, 1});
  CHECK(scan);
  return digestsIn(scan.value());
}

// A directory that is not watched would keep this to itself.
void probe(const TempTree& tree, Listener& listener, Mirror& mirror) {
  std::set<std::string> probes{"probe"};
  for (const auto& [path, entry] : entriesOf(tree.path())) {
    if (S_ISDIR(entry.mode)) probes.insert(path + "/probe");
  }
  for (const std::string& path : probes) tree.file(path, "x");
  for (const auto& [path, kind] : listener.take()) mirror.copy(kind, path);
  CHECK_EQUAL(firstDifference(mirror.entries(), entriesOf(tree.path())), "");
}

void comparesWhileItChanges(unsigned seed) {
  const TempTree tree;
  Churn(tree.path(), seed).run(1000);
  for (int i = 0; i < 100; ++i) {
    const std::string path = "stays" + std::to_string(i);
    tree.directory(path);
    tree.directory(path + "/below");
  }
  Mirror mirror(tree.path());
  mirror.copy(ChangeKind::tree, "");
  const auto had = digestsOf(tree.path());
  std::vector<std::thread> threads;
  Listener listener(tree.path(), SIZE_MAX);
  for (unsigned i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] { Churn(tree.path(), seed + 1 + i).run(300); });
  }
  listener.waitUntilLive();
  for (std::thread& thread : threads) thread.join();
  const auto told = listener.take();
  CHECK(listener.live().scan);
  const auto found = digestsIn(*listener.live().scan);
  for (const auto& [path, digest] : had) {
    if (found.count(path) == 0) mirror.erase(path);
  }
  for (const auto& [path, digest] : found) {
    const auto known = had.find(path);
    if (known == had.end() || known->second != digest) mirror.copy(ChangeKind::directory, path);
  }
  for (const auto& [path, kind] : told) mirror.copy(kind, path);
  CHECK_EQUAL(firstDifference(mirror.entries(), entriesOf(tree.path())), "");
  probe(tree, listener, mirror);
}

// In a tree that stands still it is what a scan finds.
void findsWhatAScanFinds(unsigned seed) {
  const TempTree tree;
  Churn(tree.path(), seed).run(1000);
  Listener listener(tree.path(), SIZE_MAX);
  listener.waitUntilLive();
  const auto digests = digestsOf(tree.path());
  CHECK(listener.live().scan);
  CHECK(digestsIn(*listener.live().scan) == digests);
  CHECK_EQUAL(listener.live().directories, digests.size());
  CHECK(listener.take().empty());
}

// More directories one in the other than may be open, and on most levels some that wait: the rest is walked
// by one thread, without digests.
void goesDeep() {
  const TempTree tree;
  std::string deep;
  for (int i = 0; i < 400; ++i) {
    deep += i == 0 ? "d" : "/d";
    tree.directory(deep);
    for (const char* beside : {"-a", "-b", "-c"}) tree.directory(deep + beside);
  }
  Mirror mirror(tree.path());
  mirror.copy(ChangeKind::tree, "");
  Listener listener(tree.path(), SIZE_MAX);
  listener.waitUntilLive();
  CHECK_EQUAL(listener.live().directories, 1601u);
  if (listener.live().scan) CHECK(digestsIn(*listener.live().scan) == digestsOf(tree.path()));
  CHECK(listener.take().empty());
  probe(tree, listener, mirror);
}

void repeatsWhatIsTold(unsigned seed, std::size_t pendingLimitBytes) {
  const TempTree tree;
  Churn(tree.path(), seed).run(200);
  Mirror mirror(tree.path());
  mirror.copy(ChangeKind::tree, "");
  Listener listener(tree.path(), pendingLimitBytes);
  listener.waitUntilLive();
  for (unsigned round = 0; round < 4; ++round) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] { Churn(tree.path(), seed + 100 * round + i).run(400); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& [path, kind] : listener.take()) mirror.copy(kind, path);
    CHECK_EQUAL(firstDifference(mirror.entries(), entriesOf(tree.path())), "");
  }
  probe(tree, listener, mirror);
}

// Whatever a loop is doing: walking, applying, waiting for its owner.
void stopsAtAnyMoment(unsigned seed) {
  const TempTree tree;
  Churn(tree.path(), seed).run(300);
  for (unsigned i = 0; i < 20; ++i) {
    const Listener listener(tree.path(), SIZE_MAX);
    Churn(tree.path(), seed + i).run(static_cast<int>(i * 7));
  }
}

}  // namespace

int main() {
  const char* given = std::getenv("SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device()() % 1'000'000;
  std::cout << "SEED=" << seed << std::endl;
  repeatsWhatIsTold(seed, SIZE_MAX);
  repeatsWhatIsTold(seed + 1, 2'000);
  stopsAtAnyMoment(seed + 2);
  findsWhatAScanFinds(seed + 3);
  goesDeep();
  for (unsigned round = 0; round < 5; ++round) comparesWhileItChanges(seed + 10 + 10 * round);
}
