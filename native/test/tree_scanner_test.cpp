#include "tree_scanner.hpp"

#include <sys/resource.h>

#include <atomic>
#include <cstring>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "path_lookup.hpp"
#include "temp_tree.hpp"

using imgsync::digestDirectories;
using imgsync::PathFilter;
using imgsync::ScanOptions;
using imgsync::scanTree;
using imgsync::UniqueFd;
using imgsync::test::TempTree;

namespace {

struct Record {
  std::string digest;
  std::uint32_t entries;
  bool operator==(const Record& other) const { return digest == other.digest && entries == other.entries; }
};
using Records = std::map<std::string, Record>;

const std::string kUnknown(16, '\0');

// Checks on the way that parents come before their children and nothing comes twice.
Records parse(const std::string& bytes) {
  Records records;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string path = bytes.c_str() + at;
    at += path.size() + 1;
    Record record{bytes.substr(at, 16), 0};
    std::memcpy(&record.entries, bytes.data() + at + 16, sizeof record.entries);
    at += 20;
    CHECK(path.empty() || records.count(std::string(imgsync::parentOf(path))) == 1);
    CHECK(records.emplace(path, record).second);
  }
  return records;
}

Records scan(const std::string& root, unsigned threads, bool digests = true, const PathFilter& filter = {}) {
  const auto result = scanTree(root, filter, {digests, true, threads});
  CHECK(result.ok());
  return parse(result.value());
}

// `width` directories in each directory, and as many files.
void fill(const TempTree& tree, const std::string& directory, int width, int depth) {
  for (int i = 0; i < width; ++i) {
    const std::string path = directory + std::to_string(i);
    tree.file(path + ".file", path);
    if (depth == 0) continue;
    tree.directory(path);
    fill(tree, path + "/", width, depth - 1);
  }
}

void threadsAgree() {
  const TempTree tree;
  fill(tree, "", 4, 4);
  const Records alone = scan(tree.path(), 1);
  CHECK_EQUAL(alone.size(), std::size_t{1 + 4 + 16 + 64 + 256});
  CHECK_EQUAL(alone.at("").entries, 8u);
  CHECK_EQUAL(alone.at("0/1/2/3").entries, 4u);
  for (const unsigned threads : {2u, 8u}) CHECK(scan(tree.path(), threads) == alone);
  for (const auto& [path, record] : scan(tree.path(), 4, false)) {
    CHECK(record.digest == kUnknown);
    CHECK_EQUAL(record.entries, alone.at(path).entries);
  }
  std::string paths;
  for (const auto& [path, record] : alone) paths += path + '\0';
  const auto digests = digestDirectories(tree.path(), {}, paths + std::string("gone\0000.file\0", 12));
  CHECK(digests.ok());
  CHECK(parse(digests.value()) == alone);
}

void filterPrunes() {
  const TempTree tree;
  fill(tree, "", 3, 3);
  const PathFilter filter({"- /0", "- 1.file", "- 2/"});
  const Records records = scan(tree.path(), 2, true, filter);
  CHECK_EQUAL(records.size(), std::size_t{1 + 1 + 2 + 4});
  CHECK_EQUAL(records.at("").entries, 3u);  // 0.file, 1, 2.file
  CHECK_EQUAL(records.at("1/0").entries, 4u);
}

// A comb: at each level a further directory waits, so that more wait than descriptors may be kept for them,
// and the innermost paths are longer than the kernel takes.
void deeperThanPathMax() {
  constexpr int kLevels = 700;
  const TempTree tree;
  const std::string name(20, 'd');
  UniqueFd at(::open(tree.path().c_str(), O_RDONLY | O_DIRECTORY));
  for (int level = 0; level < kLevels; ++level) {
    CHECK_EQUAL(::mkdirat(at.get(), name.c_str(), 0755), 0);
    CHECK_EQUAL(::mkdirat(at.get(), "x", 0755), 0);
    at = UniqueFd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
  }
  for (const unsigned threads : {1u, 3u}) {
    const Records records = scan(tree.path(), threads);
    CHECK_EQUAL(records.size(), std::size_t{1 + 2 * kLevels});
  }
  for (int level = 0; level < kLevels; ++level) {
    at = UniqueFd(::openat(at.get(), "..", O_RDONLY | O_DIRECTORY));
    CHECK_EQUAL(::unlinkat(at.get(), "x", AT_REMOVEDIR), 0);
    CHECK_EQUAL(::unlinkat(at.get(), name.c_str(), AT_REMOVEDIR), 0);
  }
}

void treeThatChangesMeanwhile() {
  const TempTree tree;
  tree.directory("stays");
  fill(tree, "stays/", 3, 3);
  std::atomic<bool> done{false};
  std::thread churn([&] {
    while (!done) {
      for (const char* path : {"a", "a/b", "a/b/c"}) tree.directory(path);
      tree.file("a/b/f");
      tree.remove("a/b/f");
      for (const char* path : {"a/b/c", "a/b", "a"}) tree.remove(path);
      tree.link("a", "stays");
      tree.remove("a");
    }
  });
  const Records wanted = scan(tree.at("stays"), 1);
  for (int i = 0; i < 50; ++i) {
    const Records records = scan(tree.path(), 4);
    CHECK(records.size() >= 1 + wanted.size());
    for (const auto& [path, record] : wanted) {
      CHECK(records.at(path.empty() ? "stays" : "stays/" + path) == record);
    }
    for (const auto& [path, record] : records) CHECK(path.find("a/0") == std::string::npos);
  }
  done = true;
  churn.join();
}

void unreadableDirectories() {
  const TempTree tree;
  tree.directory("locked");
  tree.directory("locked/in");
  tree.directory("open");
  CHECK_EQUAL(::chmod(tree.path().c_str(), 0755), 0);
  CHECK_EQUAL(::chmod(tree.at("locked").c_str(), 0), 0);
  const bool isRoot = ::geteuid() == 0;
  if (isRoot) CHECK_EQUAL(::seteuid(65534), 0);
  const Records records = scan(tree.path(), 2);
  const auto digests = digestDirectories(tree.path(), {}, std::string("locked\0locked/in\0", 17));
  if (isRoot) CHECK_EQUAL(::seteuid(0), 0);
  CHECK_EQUAL(::chmod(tree.at("locked").c_str(), 0755), 0);
  CHECK_EQUAL(records.size(), std::size_t{3});
  CHECK_EQUAL(records.at("").entries, 2u);
  CHECK(records.at("locked").digest == kUnknown);
  CHECK_EQUAL(records.at("locked").entries, 0u);
  CHECK(records.at("open").digest != kUnknown);
  CHECK(digests.ok());
}

// In /dev some directories usually are file systems of their own; what lies deeper comes and goes.
void otherDevices() {
  const auto deviceOf = [](const std::string& path) {
    struct stat status;
    CHECK_EQUAL(::lstat(path.c_str(), &status), 0);
    return status.st_dev;
  };
  const auto result = scanTree("/dev", {}, {false, false, 2});
  CHECK(result.ok());
  const Records within = parse(result.value());
  const auto isDeep = [](const std::string& path) { return path.find('/') != std::string::npos; };
  for (const auto& [path, record] : within) {
    if (!isDeep(path)) CHECK(deviceOf("/dev/" + path) == deviceOf("/dev"));
  }
  for (const auto& [path, record] : scan("/dev", 2, false)) {
    if (isDeep(path)) continue;
    CHECK_EQUAL(within.count(path) == 1, deviceOf("/dev/" + path) == deviceOf("/dev"));
  }
}

void failures() {
  const TempTree tree;
  const auto missing = scanTree(tree.at("none"), {}, {});
  CHECK(!missing.ok());
  CHECK_EQUAL(missing.error().code, ENOENT);
  CHECK(!digestDirectories(tree.at("none"), {}, "").ok());

  // Half a scan must not look like a whole one.
  fill(tree, "", 2, 3);
  std::vector<UniqueFd> all;
  struct rlimit limit;
  CHECK_EQUAL(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const struct rlimit low = {64, limit.rlim_max};
  CHECK_EQUAL(::setrlimit(RLIMIT_NOFILE, &low), 0);
  for (;;) {
    UniqueFd fd(::open("/dev/null", O_RDONLY));
    if (!fd) break;
    all.push_back(std::move(fd));
  }
  all.resize(all.size() - 2);
  const auto exhausted = scanTree(tree.path(), {}, {true, true, 1});
  all.clear();
  CHECK_EQUAL(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  CHECK(!exhausted.ok());
  CHECK_EQUAL(exhausted.error().code, EMFILE);
}

}  // namespace

int main() {
  threadsAgree();
  filterPrunes();
  deeperThanPathMax();
  treeThatChangesMeanwhile();
  unreadableDirectories();
  otherDevices();
  failures();
}
