#include "batch_builder.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

namespace imgsync {

namespace {

// What a map entry takes beside the bytes of its path.
constexpr std::size_t kEntryBytes = 80;
// The same of a directory, with the table for its entries.
constexpr std::size_t kDirectoryBytes = 240;

std::size_t costOf(std::string_view path) { return kEntryBytes + path.size(); }

std::size_t directoryCost(std::string_view path) { return kDirectoryBytes + path.size(); }

// The path of what is called `name` in the directory.
std::string pathIn(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty()) path += '/';
  path += name;
  return path;
}

std::size_t pathBytes(std::string_view directory, std::string_view name) {
  return directory.empty() ? name.size() : directory.size() + 1 + name.size();
}

}  // namespace

void BatchBuilder::add(ChangeKind kind, std::string_view path) {
  put(kind, path);
  if (bytes_ > limitBytes_) fold();
}

void BatchBuilder::put(ChangeKind kind, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const bool isTop = slash == std::string_view::npos;
  Directory& parent = directory(isTop ? std::string_view() : path.substr(0, slash));
  const auto [at, isNew] =
      parent.changes.try_emplace(std::string(isTop ? path : path.substr(slash + 1)), kind);
  if (isNew) {
    ++size_;
    bytes_ += costOf(path);
  } else if (rankOf(kind) > rankOf(at->second)) {
    at->second = kind;
  }
}

BatchBuilder::Directory& BatchBuilder::directory(std::string_view path) {
  if (last_ != nullptr && last_->path == path) return *last_;
  const auto known = byPath_.find(path);
  if (known != byPath_.end()) return *(last_ = &*known->second);
  directories_.push_back({std::string(path), {}});
  const auto added = std::prev(directories_.end());
  byPath_.emplace(added->path, added);
  bytes_ += directoryCost(path);
  return *(last_ = &*added);
}

// Of one in which nothing is left.
BatchBuilder::Directories::iterator BatchBuilder::remove(Directories::iterator directory) {
  if (last_ == &*directory) last_ = nullptr;
  bytes_ -= directoryCost(directory->path);
  byPath_.erase(directory->path);
  return directories_.erase(directory);
}

void BatchBuilder::clear() {
  byPath_ = {};  // With its buckets: a burst may have made many.
  directories_.clear();
  last_ = nullptr;
  bytes_ = 0;
  size_ = 0;
}

std::string BatchBuilder::take(std::size_t maxBytes) {
  std::string packed;
  while (!directories_.empty() && packed.size() < maxBytes) {
    const auto first = directories_.begin();
    auto& changes = first->changes;
    auto at = changes.begin();
    for (; at != changes.end() && packed.size() < maxBytes; at = changes.erase(at)) {
      const std::string path = pathIn(first->path, at->first);
      packChange(packed, at->second, path);
      bytes_ -= costOf(path);
      --size_;
    }
    if (changes.empty()) remove(first);
  }
  if (empty()) clear();
  return packed;
}

void BatchBuilder::fold() {
  foldInto(ChangeKind::entry, ChangeKind::directory);
  while (bytes_ > goalBytes() && size_ > 1) foldInto(ChangeKind::tree, ChangeKind::tree);
}

// Replaces the changes of kind `widest` and narrower by one of kind `into` on their parent, the most crowded
// parents first, until the goal is reached.
void BatchBuilder::foldInto(ChangeKind widest, ChangeKind into) {
  const auto folds = [&](const auto& change) {
    return !change.first.empty() && rankOf(change.second) <= rankOf(widest);
  };
  std::vector<std::pair<std::size_t, Directories::iterator>> parents;
  for (auto parent = directories_.begin(); parent != directories_.end(); ++parent) {
    std::size_t bytes = 0;
    for (const auto& change : parent->changes) {
      if (folds(change)) bytes += kEntryBytes + pathBytes(parent->path, change.first);
    }
    if (bytes > 0) parents.emplace_back(bytes, parent);
  }
  std::sort(parents.begin(), parents.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second->path > b.second->path;
  });

  std::vector<std::string> chosen;
  const std::size_t goal = goalBytes();
  std::size_t left = bytes_;
  for (const auto& [bytes, parent] : parents) {
    // Less detail has to be worth it, as long as there is a choice.
    const bool isCrowded = bytes > 2 * costOf(parent->path);
    if (left <= goal || (into == ChangeKind::directory && !isCrowded)) break;
    left -= bytes - costOf(parent->path);
    chosen.push_back(parent->path);
    auto& changes = parent->changes;
    for (auto at = changes.begin(); at != changes.end();) {
      if (!folds(*at)) {
        ++at;
        continue;
      }
      bytes_ -= kEntryBytes + pathBytes(parent->path, at->first);
      --size_;
      at = changes.erase(at);
    }
    if (changes.empty()) remove(parent);
  }
  for (const std::string& path : chosen) put(into, path);
}

}  // namespace imgsync
