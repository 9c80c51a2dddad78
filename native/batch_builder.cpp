#include "batch_builder.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <unordered_set>
#include <utility>
#include <vector>

namespace imgsync {

namespace {

// What a map entry takes beside the bytes of its path.
constexpr std::size_t kEntryBytes = 80;

std::size_t costOf(std::string_view path) { return kEntryBytes + path.size(); }

std::string_view parentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace

void BatchBuilder::add(ChangeKind kind, std::string_view path) {
  put(kind, path);
  if (bytes_ > limitBytes_) fold();
}

void BatchBuilder::put(ChangeKind kind, std::string_view path) {
  const auto [at, isNew] = changes_.try_emplace(std::string(path), kind);
  if (isNew) {
    bytes_ += costOf(path);
  } else if (rankOf(kind) > rankOf(at->second)) {
    at->second = kind;
  }
}

void BatchBuilder::clear() {
  changes_ = {};  // With its buckets: a burst may have made many.
  bytes_ = 0;
}

std::string BatchBuilder::take(std::size_t maxBytes) {
  std::string packed;
  auto at = changes_.begin();
  for (; at != changes_.end() && packed.size() < maxBytes; at = changes_.erase(at)) {
    packChange(packed, at->second, at->first);
    bytes_ -= costOf(at->first);
  }
  if (changes_.empty()) clear();
  return packed;
}

void BatchBuilder::fold() {
  foldInto(ChangeKind::entry, ChangeKind::directory);
  while (bytes_ > goalBytes() && changes_.size() > 1) foldInto(ChangeKind::tree, ChangeKind::tree);
}

// Replaces the changes of kind `widest` and narrower by one of kind `into` on their parent, the most crowded
// parents first, until the goal is reached.
void BatchBuilder::foldInto(ChangeKind widest, ChangeKind into) {
  const auto folds = [&](const auto& change) {
    return !change.first.empty() && rankOf(change.second) <= rankOf(widest);
  };
  std::unordered_map<std::string_view, std::size_t> crowds;
  for (const auto& change : changes_) {
    if (folds(change)) crowds[parentOf(change.first)] += costOf(change.first);
  }
  std::vector<std::pair<std::size_t, std::string>> parents;
  for (const auto& [path, bytes] : crowds) parents.emplace_back(bytes, path);
  std::sort(parents.begin(), parents.end(), std::greater<>());

  std::unordered_set<std::string_view> chosen;
  std::size_t left = bytes_;
  for (const auto& [bytes, path] : parents) {
    // Less detail has to be worth it, as long as there is a choice.
    const bool isCrowded = bytes > 2 * costOf(path);
    if (left <= goalBytes() || (into == ChangeKind::directory && !isCrowded)) break;
    left -= bytes - costOf(path);
    chosen.insert(path);
  }
  for (auto at = changes_.begin(); at != changes_.end();) {
    const bool isFolded = folds(*at) && chosen.count(parentOf(at->first)) > 0;
    if (isFolded) bytes_ -= costOf(at->first);
    at = isFolded ? changes_.erase(at) : std::next(at);
  }
  for (const std::string_view path : chosen) put(into, path);
}

}  // namespace imgsync
