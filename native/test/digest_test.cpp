#include "digest.hpp"

#include <functional>
#include <set>
#include <string>

#include "check.hpp"

using imgsync::DirectoryDigest;

namespace {

struct stat regularFile() {
  struct stat status = {};
  status.st_ino = 42;
  status.st_mode = S_IFREG | 0644;
  status.st_uid = 1000;
  status.st_gid = 1000;
  status.st_size = 10;
  status.st_mtim = {1'600'000'000, 1};
  status.st_ctim = {1'600'000'000, 2};
  return status;
}

std::string digestOf(const std::string& name, const struct stat& status) {
  DirectoryDigest digest;
  digest.add(name, status);
  std::string bytes;
  digest.appendTo(bytes);
  return bytes;
}

void orderDoesNotMatter() {
  struct stat a = regularFile(), b = regularFile();
  b.st_ino = 43;
  DirectoryDigest one, other;
  one.add("a", a);
  one.add("b", b);
  other.add("b", b);
  other.add("a", a);
  CHECK(one == other);
  DirectoryDigest swapped;
  swapped.add("a", b);
  swapped.add("b", a);
  CHECK(!(one == swapped));
}

void everyFactCounts() {
  const std::function<void(struct stat&)> changes[] = {
      [](auto& s) { ++s.st_ino; },
      [](auto& s) { s.st_mode = S_IFREG | 0600; },
      [](auto& s) { s.st_mode = S_IFIFO | 0644; },
      [](auto& s) { ++s.st_uid; },
      [](auto& s) { ++s.st_gid; },
      [](auto& s) { ++s.st_size; },
      [](auto& s) { ++s.st_mtim.tv_sec; },
      [](auto& s) { ++s.st_mtim.tv_nsec; },
      [](auto& s) { ++s.st_ctim.tv_sec; },
      [](auto& s) { ++s.st_ctim.tv_nsec; },
  };
  std::set<std::string> seen = {digestOf("name", regularFile()), digestOf("nam", regularFile()),
                                digestOf(std::string("name\0", 5), regularFile())};
  std::size_t expected = seen.size();
  CHECK_EQUAL(expected, std::size_t{3});
  for (const auto& change : changes) {
    struct stat status = regularFile();
    change(status);
    seen.insert(digestOf("name", status));
    CHECK_EQUAL(seen.size(), ++expected);
  }
}

void factsThatOnlySomeTypesHave() {
  struct stat directory = regularFile();
  directory.st_mode = S_IFDIR | 0755;
  const std::string before = digestOf("d", directory);
  directory.st_size = 4096;
  directory.st_mtim = {1, 1};
  directory.st_ctim = {2, 2};
  directory.st_nlink = 9;
  CHECK(digestOf("d", directory) == before);

  struct stat device = regularFile();
  device.st_mode = S_IFCHR | 0600;
  const std::string one = digestOf("tty", device);
  device.st_rdev = 5;
  CHECK(digestOf("tty", device) != one);
}

void theDirectoryItself() {
  const auto selfOf = [](const struct stat& status) {
    DirectoryDigest digest;
    digest.addSelf(status);
    std::string bytes;
    digest.appendTo(bytes);
    return bytes;
  };
  struct stat directory = regularFile();
  directory.st_mode = S_IFDIR | 0755;
  std::set<std::string> seen = {selfOf(directory)};
  const auto differs = [&](auto change) {
    struct stat other = directory;
    change(other);
    return seen.insert(selfOf(other)).second;
  };
  CHECK(differs([](struct stat& self) { self.st_mode = S_IFDIR | 0700; }));
  CHECK(differs([](struct stat& self) { self.st_uid++; }));
  CHECK(differs([](struct stat& self) { self.st_gid++; }));
  CHECK(differs([](struct stat& self) { self.st_mtim.tv_sec++; }));
  CHECK(differs([](struct stat& self) { self.st_mtim.tv_nsec++; }));
  CHECK(!differs([](struct stat& self) { self.st_ctim.tv_sec++; }));
}

void emptyIsNotUnknown() {
  std::string bytes;
  DirectoryDigest().appendTo(bytes);
  CHECK_EQUAL(bytes.size(), DirectoryDigest::kBytes);
  CHECK(bytes != std::string(DirectoryDigest::kBytes, '\0'));
}

// Entries that differ in one low bit each, as inodes and times do: no two of the digests meet, not even in
// one half.
void neighboursDiffer() {
  std::set<std::string> low, high;
  struct stat status = regularFile();
  std::size_t count = 0;
  for (int inode = 0; inode < 100; ++inode) {
    for (int nanoseconds = 0; nanoseconds < 100; ++nanoseconds) {
      status.st_ino = static_cast<ino_t>(inode);
      status.st_mtim.tv_nsec = nanoseconds;
      const std::string bytes = digestOf("f" + std::to_string(inode % 10), status);
      low.insert(bytes.substr(0, 8));
      high.insert(bytes.substr(8));
      ++count;
    }
  }
  CHECK_EQUAL(low.size(), count);
  CHECK_EQUAL(high.size(), count);
}

}  // namespace

int main() {
  orderDoesNotMatter();
  everyFactCounts();
  factsThatOnlySomeTypesHave();
  theDirectoryItself();
  emptyIsNotUnknown();
  neighboursDiffer();
}
