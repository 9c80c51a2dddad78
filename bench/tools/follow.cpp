// Follows how copies of a tree become equal to it, and says when each was.
//
//   follow SOURCE PATIENCE_MS loose|exact TARGET …
//
// SOURCE stands still meanwhile. Names, types, modes, owners, sizes and times to the nanosecond have to be
// equal; the times of directories and the bytes of files only if `exact`, since a plain rsync leaves the time
// of a directory alone when it differs by less than a second. A copy that only ever comes closer is walked
// once: the walk waits at each entry until it is as in SOURCE, so that looking takes next to nothing from
// those that work. What is not equal after PATIENCE_MS counts as different; after a few of those nothing is
// waited for any more. Prints for each target one line: `EPOCH_MS DIFFERENCES FIRST`, when the last entry
// that had to be waited for was equal, and the first path that differs or `-`.

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <unordered_set>
#include <vector>

#include "tree.hpp"

namespace {

struct Entry {
  std::string name;
  struct stat status;
};
struct Directory {
  std::string path;  // below the root, with a slash in front; the root is empty
  struct stat status;
  std::vector<Entry> entries;
};
using Tree = std::vector<Directory>;

bool readNames(const std::string& path, std::vector<std::string>& names) {
  names.clear();
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return false;
  while (const dirent* entry = ::readdir(directory)) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      names.emplace_back(entry->d_name);
  }
  ::closedir(directory);
  return true;
}

Tree readTree(const std::string& root) {
  Tree tree(1);
  if (::lstat(root.c_str(), &tree[0].status) != 0) bench::fail(root);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const std::string path = tree[i].path;
    if (!readNames(root + path, names)) bench::fail(root + path);
    // rsync's order, so that the walk comes behind it.
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      Entry entry{name, {}};
      if (::lstat((root + path + '/' + name).c_str(), &entry.status) != 0)
        bench::fail(root + path + '/' + name);
      if (S_ISDIR(entry.status.st_mode)) {
        tree.push_back({path + '/' + name, entry.status, {}});
      } else {
        tree[i].entries.push_back(std::move(entry));
      }
    }
  }
  std::sort(tree.begin() + 1, tree.end(),
            [](const Directory& a, const Directory& b) { return a.path < b.path; });
  return tree;
}

bool isSame(const struct stat& a, const struct stat& b, bool isExact) {
  if (a.st_mode != b.st_mode || a.st_uid != b.st_uid || a.st_gid != b.st_gid) return false;
  if (S_ISDIR(a.st_mode) && !isExact) return true;
  return a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         (S_ISDIR(a.st_mode) || a.st_size == b.st_size);
}

bool hasSameContent(const std::string& a, const std::string& b) {
  const int here = ::open(a.c_str(), O_RDONLY);
  const int there = ::open(b.c_str(), O_RDONLY);
  static thread_local std::vector<char> x(1 << 18), y(1 << 18);
  bool isEqual = here >= 0 && there >= 0;
  while (isEqual) {
    const ssize_t length = ::read(here, x.data(), x.size());
    isEqual = length >= 0 && ::read(there, y.data(), y.size()) == length &&
              std::memcmp(x.data(), y.data(), static_cast<std::size_t>(length)) == 0;
    if (length <= 0) break;
  }
  ::close(here);
  ::close(there);
  return isEqual;
}

struct Follower {
  const Tree& tree;
  const std::string source, target;
  const double patienceMs;
  const bool isExact;
  double equalAt = 0;
  unsigned long differences = 0;
  std::string first = "-";

  void run() {
    for (const Directory& directory : tree) {
      for (const Entry& entry : directory.entries) {
        const std::string path = directory.path + '/' + entry.name;
        await(path, [&] { return isEqual(path, entry.status); });
      }
    }
    // Now that every file is in its place: extras, and the times that files alter.
    for (const Directory& directory : tree) {
      await(directory.path,
            [&] { return isEqual(directory.path, directory.status) && !hasExtras(directory); });
    }
    if (equalAt == 0) equalAt = bench::epochMs();
    if (!isExact) return;
    for (const Directory& directory : tree) {
      for (const Entry& entry : directory.entries) {
        const std::string path = directory.path + '/' + entry.name;
        if (S_ISREG(entry.status.st_mode) && !hasSameContent(source + path, target + path)) differ(path);
      }
    }
  }

 private:
  static constexpr unsigned long kWaitedFor = 3;

  template <typename Condition>
  void await(const std::string& path, Condition condition) {
    if (condition()) return;
    const double until = bench::epochMs() + (differences < kWaitedFor ? patienceMs : 0);
    do {
      if (bench::epochMs() >= until) return differ(path);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    } while (!condition());
    equalAt = bench::epochMs();
  }

  void differ(const std::string& path) {
    if (differences++ == 0) first = path.empty() ? "/" : path;
  }

  bool isEqual(const std::string& path, const struct stat& wanted) const {
    struct stat status;
    return ::lstat((target + path).c_str(), &status) == 0 && isSame(wanted, status, isExact);
  }

  bool hasExtras(const Directory& directory) const {
    std::vector<std::string> names;
    if (!readNames(target + directory.path, names)) return true;
    std::unordered_set<std::string> wanted;
    for (const Entry& entry : directory.entries) wanted.insert(entry.name);
    for (const std::string& name : names) {
      if (wanted.count(name) > 0) continue;
      struct stat status;
      const std::string path = directory.path + '/' + name;
      // Directories are found by their own place in the tree.
      if (::lstat((source + path).c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return true;
    }
    return false;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const double patienceMs = std::strtod(argv[2], nullptr);
  const bool isExact = std::strcmp(argv[3], "exact") == 0;
  const Tree tree = readTree(argv[1]);
  std::vector<Follower> followers;
  for (int i = 4; i < argc; ++i) followers.push_back({tree, argv[1], argv[i], patienceMs, isExact});
  std::vector<std::thread> threads;
  for (Follower& follower : followers) threads.emplace_back([&] { follower.run(); });
  for (std::thread& thread : threads) thread.join();
  for (const Follower& follower : followers) {
    std::printf("%.3f %lu %s\n", follower.equalAt, follower.differences, follower.first.c_str());
  }
}
