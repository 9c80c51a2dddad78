#include "tree_scanner.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "directory_summary.hpp"
#include "path_lookup.hpp"
#include "reachable_path.hpp"
#include "tree_crawl.hpp"
#include "unique_fd.hpp"

namespace imgsync {

namespace {

Result<UniqueFd> openRoot(const std::string& root) {
  UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return SysError::last("open", root);
  return fd;
}

std::vector<std::string_view> splitPaths(std::string_view paths) {
  std::vector<std::string_view> split;
  for (std::size_t end; (end = paths.find('\0')) != std::string_view::npos; paths.remove_prefix(end + 1)) {
    split.push_back(paths.substr(0, end));
  }
  std::sort(split.begin(), split.end(), comesBeforeInTree);
  split.erase(std::unique(split.begin(), split.end()), split.end());
  return split;
}

}  // namespace

Result<std::string> scanTree(const std::string& root, const PathFilter& filter, const ScanOptions& options) {
  const auto fd = openRoot(root);
  if (!fd) return fd.error();
  struct stat status;
  if (::fstat(fd.value().get(), &status) != 0) return SysError::last("fstat", root);
  std::vector<std::string> from;
  for (const std::string_view path : splitPaths(options.from)) {
    if (!filter.hides(path, true)) from.emplace_back(path);
  }
  TreeCrawl crawl(fd.value().get(), status.st_dev, filter,
                  {options.digests, options.crossMounts, options.threads, options.mounted});
  crawl.run(std::move(from));
  return crawl.finish();
}

Result<std::string> digestDirectories(const std::string& root, const PathFilter& filter,
                                      std::string_view directories) {
  const auto rootFd = openRoot(root);
  if (!rootFd) return rootFd.error();
  PathLookup lookup(rootFd.value().get());
  DirectorySummarizer summarizer(filter, true);
  std::string records;
  for (const std::string_view path : splitPaths(directories)) {
    if (filter.hides(path, true)) continue;
    const int found = lookup.directory(path);
    const UniqueFd fd = found < 0 ? UniqueFd() : openDirectory(found, ".");
    DirectorySummary summary;
    const int error = fd ? summarizer.read(fd.get(), path, summary) : errno;
    if (isVanished(error)) continue;
    if (isExhausted(error)) return SysError{error, "openat", std::string(path)};
    appendRecord(records, path, summary);
  }
  return records;
}

}  // namespace imgsync
