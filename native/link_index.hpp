// Names of files that have several. One thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "watch_table.hpp"

namespace imgsync {

struct FileId {
  ino_t inode;
  dev_t device;
  bool operator<(const FileId& other) const {
    return inode != other.inode ? inode < other.inode : device < other.device;
  }
};

struct FileName {
  NodeRef directory;
  std::string name;
};

struct LinkedFile {
  std::vector<FileName> names;  // those that are known; some may be outdated
  nlink_t hidden = 0;           // links that the last search did not find: they are not in the tree
  bool isFoundByInode = false;  // the search that is on met it
};

// Holds only files that were changed lately and have several links; whoever knows of a further name adds it.
class LinkIndex {
 public:
  bool empty() const noexcept { return files_.empty(); }
  std::size_t names() const noexcept { return names_; }

  // Whether a file with this inode is held, on whatever device.
  bool mayHold(ino_t inode) const {
    const auto at = files_.lower_bound({inode, 0});
    return at != files_.end() && at->first.inode == inode;
  }
  LinkedFile* find(FileId id) {
    const auto at = files_.find(id);
    return at == files_.end() ? nullptr : &at->second;
  }
  const LinkedFile* find(FileId id) const {
    const auto at = files_.find(id);
    return at == files_.end() ? nullptr : &at->second;
  }
  LinkedFile& at(FileId id) { return files_[id]; }
  // False: it was known.
  bool addName(LinkedFile& file, NodeRef directory, std::string_view name);
  // Keeps the names for which it is true.
  template <typename Keep>
  void prune(LinkedFile& file, Keep keep) {
    std::vector<FileName> kept;
    for (FileName& name : file.names) {
      if (keep(name)) kept.push_back(std::move(name));
    }
    names_ -= file.names.size() - kept.size();
    file.names = std::move(kept);
  }
  void erase(FileId id);
  // Keeps the files for which it is true.
  template <typename Keep>
  void eraseUnless(Keep keep) {
    for (auto at = files_.begin(); at != files_.end();) {
      const bool isKept = keep(at->first);
      if (!isKept) names_ -= at->second.names.size();
      at = isKept ? std::next(at) : files_.erase(at);
    }
  }

 private:
  std::map<FileId, LinkedFile> files_;
  std::size_t names_ = 0;
};

}  // namespace imgsync
