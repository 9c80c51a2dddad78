// What is handed over covers all that was added, whatever was folded, and comes directory by directory.
#include "batch_builder.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "check.hpp"
#include "seed.hpp"

using imgsync::BatchBuilder;
using imgsync::Change;
using imgsync::ChangeKind;
using imgsync::rankOf;
using imgsync::test::below;

namespace {

struct Taken {
  ChangeKind kind;
  std::string path;
};

std::vector<Taken> unpack(const std::string& packed) {
  const auto changes = imgsync::unpackChanges(packed);
  CHECK(changes.has_value());
  std::vector<Taken> taken;
  for (const Change& change : *changes) taken.push_back({change.kind, std::string(change.path)});
  return taken;
}

std::string parentOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string pathsOf(const std::vector<Taken>& taken) {
  std::string text;
  for (const Taken& change : taken) text += static_cast<char>(change.kind) + (":" + change.path + " ");
  return text;
}

void oneChangeForEachPath() {
  BatchBuilder builder(SIZE_MAX);
  CHECK(builder.empty());
  builder.add(ChangeKind::attributes, "a/x");
  builder.add(ChangeKind::directory, "a/x");
  builder.add(ChangeKind::entry, "a/x");
  builder.add(ChangeKind::entry, "");
  CHECK_EQUAL(builder.size(), 2U);
  CHECK_EQUAL(pathsOf(unpack(builder.take(SIZE_MAX))), "d:a/x e: ");
  CHECK(builder.empty());
  CHECK_EQUAL(builder.take(SIZE_MAX), "");
}

void directoriesStayTogether() {
  BatchBuilder builder(SIZE_MAX);
  for (int file = 0; file < 50; ++file) {
    for (const char* directory : {"b/", "a/c/", ""}) {
      builder.add(ChangeKind::entry, directory + std::to_string(file));
    }
  }
  std::vector<std::string> order;
  std::size_t count = 0;
  while (!builder.empty()) {
    const auto part = unpack(builder.take(40));
    CHECK(!part.empty());
    count += part.size();
    for (const Taken& change : part) {
      const std::string parent = parentOf(change.path);
      if (order.empty() || order.back() != parent) order.push_back(parent);
    }
  }
  CHECK_EQUAL(count, 150U);
  CHECK_EQUAL(order.size(), 3U);
  CHECK(order == (std::vector<std::string>{"b", "a/c", ""}));
}

// Whether the changes tell of this one too.
bool isCovered(const std::map<std::string, ChangeKind>& taken, const std::string& path, ChangeKind kind) {
  const auto own = taken.find(path);
  if (own != taken.end() && rankOf(own->second) >= rankOf(kind)) return true;
  const auto parent = taken.find(parentOf(path));
  const bool isNarrow = rankOf(kind) <= rankOf(ChangeKind::entry);
  if (isNarrow && !path.empty() && parent != taken.end() && parent->second == ChangeKind::directory)
    return true;
  for (std::string above = path;; above = parentOf(above)) {
    const auto at = taken.find(above);
    if (at != taken.end() && at->second == ChangeKind::tree) return true;
    if (above.empty()) return false;
  }
}

void nothingIsDropped() {
  std::mt19937_64 random(imgsync::test::chooseSeed("batch_builder"));
  constexpr ChangeKind kinds[] = {ChangeKind::attributes, ChangeKind::entry, ChangeKind::entry,
                                  ChangeKind::directory, ChangeKind::tree};
  imgsync::test::forAWhile([&] {
    const std::size_t limit = below(random, 4) == 0 ? SIZE_MAX : 500 + below(random, 60'000);
    BatchBuilder builder(limit);
    std::map<std::string, ChangeKind> added;
    std::map<std::string, ChangeKind> taken;
    const auto take = [&](std::size_t maxBytes) {
      const std::size_t before = builder.size();
      const auto part = unpack(builder.take(maxBytes));
      CHECK_EQUAL(builder.size(), before - part.size());
      for (const Taken& change : part) {
        auto& kind = taken.try_emplace(change.path, change.kind).first->second;
        if (rankOf(change.kind) > rankOf(kind)) kind = change.kind;
      }
    };
    const std::size_t width = 1 + below(random, 40);
    for (std::size_t changes = below(random, 800); changes > 0; --changes) {
      std::string path;
      for (std::size_t depth = below(random, 5); depth > 0; --depth) {
        path += (path.empty() ? "" : "/") + std::to_string(below(random, width));
      }
      const ChangeKind kind = kinds[below(random, 5)];
      builder.add(kind, path);
      auto& known = added.try_emplace(path, kind).first->second;
      if (rankOf(kind) > rankOf(known)) known = kind;
      if (below(random, 100) == 0) take(1 + below(random, 400));
      if (below(random, 500) == 0) builder.clear(), added.clear(), taken.clear();
    }
    // Each takes 80 bytes and more.
    if (limit != SIZE_MAX) CHECK(builder.size() <= std::max<std::size_t>(1, limit / 80));
    while (!builder.empty()) take(1 + below(random, 4000));
    for (const auto& [path, kind] : added) CHECK(isCovered(taken, path, kind));
    if (limit == SIZE_MAX) CHECK(taken == added);
  });
}

void crowdedDirectoriesFoldFirst() {
  BatchBuilder builder(20'000);
  for (int file = 0; file < 300; ++file) builder.add(ChangeKind::entry, "crowded/" + std::to_string(file));
  builder.add(ChangeKind::entry, "quiet/file");
  std::set<std::string> paths;
  for (const Taken& change : unpack(builder.take(SIZE_MAX))) {
    paths.insert(change.path);
    if (change.path == "crowded") CHECK(change.kind == ChangeKind::directory);
  }
  CHECK_EQUAL(paths.count("crowded"), 1U);
  CHECK_EQUAL(paths.count("quiet/file"), 1U);
}

}  // namespace

int main() {
  oneChangeForEachPath();
  directoriesStayTogether();
  crowdedDirectoriesFoldFirst();
  nothingIsDropped();
  return 0;
}
