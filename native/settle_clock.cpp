#include "settle_clock.hpp"

#include <algorithm>

namespace imgsync {

namespace {

// A file that is truncated again and again is never quiet, and nobody closes it.
constexpr int kMaxQuietTimes = 10;
constexpr std::chrono::milliseconds kMaxPause{5000};

}  // namespace

SettleClock::File SettleClock::fileOf(const Key& key, const Entry& entry) {
  File file;
  std::memcpy(&file.directory, key.data(), sizeof file.directory);
  file.name = std::string_view(key).substr(sizeof file.directory);
  file.linked = entry.links.linked;
  return file;
}

TimePoint SettleClock::dueTime(const Entry& entry) const {
  if (isEager_) return entry.first + quiet_;
  return std::min(entry.last + quiet_, entry.first + quiet_ * kMaxQuietTimes);
}

void SettleClock::reorder(Entry& entry, TimePoint due) {
  auto moved = order_.extract(entry.place);
  moved.key() = due;
  entry.place = order_.insert(std::move(moved));
}

bool SettleClock::touch(NodeRef directory, std::string_view name, TimePoint now) {
  const auto [at, isNew] = files_.try_emplace(fileKeyOf(directory, name));
  Entry& entry = at->second;
  entry.last = now;
  if (isNew) {
    entry.first = now;
    entry.pause = quiet_;
    entry.place = order_.emplace(now + quiet_, &at->first);
  } else if (!entry.isTouched) {
    entry.first = now;
    entry.isTouched = true;
    if (isEager_) reorder(entry, now + quiet_);
  }
  return isNew;
}

bool SettleClock::contains(NodeRef directory, std::string_view name) const {
  return !files_.empty() && files_.count(fileKeyOf(directory, name)) > 0;
}

void SettleClock::settle(NodeRef directory, std::string_view name) {
  if (files_.empty()) return;
  const auto at = files_.find(fileKeyOf(directory, name));
  if (at == files_.end()) return;
  order_.erase(at->second.place);
  files_.erase(at);
}

KnownLinks* SettleClock::linksOf(NodeRef directory, std::string_view name) {
  if (files_.empty()) return nullptr;
  const auto at = files_.find(fileKeyOf(directory, name));
  return at == files_.end() ? nullptr : &at->second.links;
}

std::optional<SettleClock::File> SettleClock::due(TimePoint now) {
  while (!order_.empty() && order_.begin()->first <= now) {
    const Key& key = *order_.begin()->second;
    Entry& entry = files_.find(key)->second;
    // Touches don't move it in the order: most files are closed before it matters.
    if (!entry.isTouched || dueTime(entry) <= now) return fileOf(key, entry);
    reorder(entry, dueTime(entry));
  }
  return std::nullopt;
}

void SettleClock::postpone(const File& file, TimePoint now) {
  const auto at = files_.find(fileKeyOf(file.directory, file.name));
  Entry& entry = at->second;
  entry.isTouched = false;
  reorder(entry, now + entry.pause);
  entry.pause = std::max(quiet_, std::min(entry.pause * 2, kMaxPause));
}

std::optional<TimePoint> SettleClock::nextDeadline() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->first;
}

}  // namespace imgsync
