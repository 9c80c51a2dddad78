// The floor for setting up a watcher: a plain walk in one thread.
//
//   walk ROOT [watch] [stat]
//
// `watch` adds an inotify watch for each directory, `stat` looks at each file. Prints `MS DIRECTORIES
// ENTRIES`.

#include <dirent.h>
#include <sys/inotify.h>

#include <cstring>
#include <vector>

#include "tree.hpp"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  bool watches = false;
  bool stats = false;
  for (int i = 2; i < argc; ++i) {
    watches |= std::strcmp(argv[i], "watch") == 0;
    stats |= std::strcmp(argv[i], "stat") == 0;
  }
  constexpr std::uint32_t kMask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE |
                                  IN_ATTRIB | IN_MODIFY | IN_ONLYDIR | IN_EXCL_UNLINK;
  const double startedAt = bench::epochMs();
  const int inotify = ::inotify_init1(IN_CLOEXEC);
  std::vector<std::string> waiting{argv[1]};
  unsigned long directories = 0;
  unsigned long entries = 0;
  while (!waiting.empty()) {
    const std::string path = std::move(waiting.back());
    waiting.pop_back();
    ++directories;
    if (watches && ::inotify_add_watch(inotify, path.c_str(), kMask) < 0) bench::fail(path);
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) bench::fail(path);
    while (const dirent* entry = ::readdir(directory)) {
      if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
      ++entries;
      struct stat status;
      if (stats && ::fstatat(::dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        bench::fail(path);
      if (entry->d_type == DT_DIR) waiting.push_back(path + '/' + entry->d_name);
    }
    ::closedir(directory);
  }
  std::printf("%.3f %lu %lu\n", bench::epochMs() - startedAt, directories, entries);
}
