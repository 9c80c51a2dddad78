// A temporary directory for the native tests. Failures of the set-up end the test program.
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "check.hpp"
#include "unique_fd.hpp"

namespace imgsync::test {

inline int removeEntry(const char* path, const struct stat*, int, FTW*) { return ::remove(path); }

// Removed with all in it at the end. Paths are relative to it.
class TempTree {
 public:
  TempTree() {
    char path[] = "/tmp/imgsync-native-XXXXXX";
    CHECK(::mkdtemp(path) != nullptr);
    path_ = path;
  }
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;
  ~TempTree() { ::nftw(path_.c_str(), removeEntry, 32, FTW_DEPTH | FTW_PHYS); }

  const std::string& path() const { return path_; }
  std::string at(const std::string& path) const { return path_ + "/" + path; }

  void directory(const std::string& path, mode_t mode = 0755) const {
    CHECK_EQUAL(::mkdir(at(path).c_str(), mode), 0);
  }
  void file(const std::string& path, const std::string& content = "") const {
    const UniqueFd fd(::open(at(path).c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644));
    CHECK_EQUAL(::write(fd.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  }
  void link(const std::string& path, const std::string& target) const {
    CHECK_EQUAL(::symlink(target.c_str(), at(path).c_str()), 0);
  }
  void remove(const std::string& path) const { CHECK_EQUAL(::remove(at(path).c_str()), 0); }

 private:
  std::string path_;
};

}  // namespace imgsync::test
