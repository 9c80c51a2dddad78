// What the lists must hold whatever happens to the tree meanwhile; the table of cases is
// test/native/build-lists.test.ts.
#include "list_builder.hpp"

#include <atomic>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "packed_changes.hpp"
#include "path_lookup.hpp"
#include "temp_tree.hpp"

using imgsync::buildLists;
using imgsync::BuiltLists;
using imgsync::ChangeKind;
using imgsync::DeleteMethod;
using imgsync::ListLimits;
using imgsync::packChange;
using imgsync::PathFilter;
using imgsync::UniqueFd;
using imgsync::test::TempTree;

namespace {

UniqueFd openRoot(const TempTree& tree) { return UniqueFd(::open(tree.path().c_str(), O_PATH | O_CLOEXEC)); }

BuiltLists build(const TempTree& tree, const std::string& packed, const PathFilter& filter = {},
                 const ListLimits& limits = {}) {
  const UniqueFd root = openRoot(tree);
  auto lists = buildLists(root.get(), filter, packed, limits);
  CHECK(lists.ok());
  return std::move(lists.value());
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> paths;
  for (std::size_t at = 0; at < list.size(); at += paths.back().size() + 1)
    paths.emplace_back(list.c_str() + at);
  return paths;
}

std::string entry(const std::string& path) {
  std::string packed;
  packChange(packed, ChangeKind::entry, path);
  return packed;
}

void treeOrder() {
  CHECK(imgsync::comesBeforeInTree("a", "a/b"));
  CHECK(imgsync::comesBeforeInTree("a/b", "a.b"));
  CHECK(imgsync::comesBeforeInTree("", "a"));
  CHECK(imgsync::comesBeforeInTree("a", "\xff"));
  CHECK(!imgsync::comesBeforeInTree("a", "a"));
}

void unreadablePathsAreListed() {
  const TempTree tree;
  tree.directory("locked");
  tree.file("locked/f");
  CHECK_EQUAL(::chmod(tree.path().c_str(), 0755), 0);
  CHECK_EQUAL(::chmod(tree.at("locked").c_str(), 0), 0);
  const bool isRoot = ::geteuid() == 0;
  if (isRoot) CHECK_EQUAL(::seteuid(65534), 0);
  const BuiltLists lists = build(tree, entry("locked/f") + entry("locked/d/x") + entry("locked"));
  const BuiltLists hidden = build(tree, entry("locked/f") + entry("locked/d/x"), PathFilter({"- f", "- d/"}));
  if (isRoot) CHECK_EQUAL(::seteuid(0), 0);
  CHECK_EQUAL(::chmod(tree.at("locked").c_str(), 0755), 0);
  CHECK(split(lists.list) == std::vector<std::string>({"./locked", "./locked/d/x", "./locked/f"}));
  CHECK_EQUAL(lists.gone, 0u);
  CHECK(hidden.list.empty());
}

void deletedRoot() {
  UniqueFd root;
  {
    const TempTree tree;
    root = openRoot(tree);
  }
  const auto lists = buildLists(root.get(), {}, entry("a"), {});
  CHECK(!lists.ok());
  CHECK_EQUAL(lists.error().code, ENOENT);
}

const std::vector<std::string> kNames = {"a", "b", "a.b", "\xff\n"};

std::string randomPath(std::mt19937& random) {
  std::string path;
  for (std::size_t names = 1 + random() % 4; names > 0; --names) {
    if (!path.empty()) path += '/';
    path += kNames[random() % kNames.size()];
  }
  return path;
}

// Makes and removes at random; what can't be done is not.
void disturb(const TempTree& tree, std::mt19937& random) {
  const std::string path = tree.at(randomPath(random));
  switch (random() % 6) {
    case 0:
      (void)!::symlink("a/b", path.c_str());
      break;
    case 1:
      (void)!::unlink(path.c_str());
      break;
    case 2:
      (void)!::rmdir(path.c_str());
      break;
    case 3:
      (void)UniqueFd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
      break;
    default:
      (void)!::mkdir(path.c_str(), 0755);
  }
}

void checkInvariants(const std::string& packed, const BuiltLists& lists, DeleteMethod method) {
  std::set<std::string> seen;
  for (const std::string* list : {&lists.list, &lists.trees}) {
    CHECK(list->empty() || list->back() == '\0');
    for (const std::string& path : split(*list)) {
      CHECK_EQUAL(path.substr(0, 2), std::string("./"));
      CHECK(path.size() < 4096);
      CHECK(path.find("//") == std::string::npos);
      CHECK((path + "/").find("/./", 2) == std::string::npos);
      CHECK((path + "/").find("/../") == std::string::npos);
      CHECK(list == &lists.list || path.back() != '/' || path == "./");
      CHECK(seen.insert(path).second);
    }
  }
  // Nothing is deferred or big without limits, and nothing is listed for a path that never changed.
  CHECK(lists.deferred.empty() && lists.big.empty() && lists.tooLong.empty());
  const auto changes = *imgsync::unpackChanges(packed);
  for (const std::string& path : seen) {
    const std::string bare = path.substr(2, path.size() - 2 - (path.back() == '/' ? 1 : 0));
    bool isWanted = method == DeleteMethod::parentDirectory;
    for (const auto& change : changes) {
      isWanted = isWanted || bare.empty() ||
                 (std::string(change.path) + "/").compare(0, bare.size() + 1, bare + "/") == 0;
    }
    CHECK(isWanted);
  }
}

void randomChangesInATreeThatChangesMeanwhile() {
  const unsigned seed = std::random_device()();
  std::cerr << "seed " << seed << '\n';
  std::mt19937 random(seed);
  const TempTree tree;
  for (int i = 0; i < 200; ++i) disturb(tree, random);
  std::atomic<bool> done{false};
  std::thread churn([&, mine = std::mt19937(seed + 1)]() mutable {
    while (!done) disturb(tree, mine);
  });
  for (int round = 0; round < 300; ++round) {
    std::string packed;
    for (int i = 0; i < 20; ++i) {
      const ChangeKind kinds[] = {ChangeKind::entry, ChangeKind::directory, ChangeKind::tree};
      packChange(packed, kinds[random() % 3], randomPath(random));
    }
    ListLimits limits;
    limits.deleteMethod = round % 2 == 0 ? DeleteMethod::missingArgs : DeleteMethod::parentDirectory;
    checkInvariants(packed, build(tree, packed, {}, limits), limits.deleteMethod);
  }
  done = true;
  churn.join();
}

}  // namespace

int main() {
  treeOrder();
  unreadablePathsAreListed();
  deletedRoot();
  randomChangesInATreeThatChangesMeanwhile();
}
