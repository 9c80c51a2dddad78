#include "watch_table.hpp"

#include <algorithm>
#include <functional>

namespace imgsync {

namespace {

constexpr std::size_t kFirstSlots = 16;

std::uint32_t mix(std::uint64_t value) {
  value *= 0x9e3779b97f4a7c15u;
  return static_cast<std::uint32_t>(value >> 32);
}

}  // namespace

void IdIndex::place(Slot slot) {
  std::size_t at = slot.hash & mask();
  while (slots_[at].id != kNoNode) at = (at + 1) & mask();
  slots_[at] = slot;
}

void IdIndex::insert(std::uint32_t hash, NodeId id) {
  if ((used_ + 1) * 4 > slots_.size() * 3) {
    std::vector<Slot> old(slots_.empty() ? kFirstSlots : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id != kNoNode) place(slot);
    }
  }
  place({hash, id});
  ++used_;
}

void IdIndex::erase(std::uint32_t hash, NodeId id) {
  std::size_t hole = hash & mask();
  while (slots_[hole].id != id) hole = (hole + 1) & mask();
  // What lies behind the hole moves up into it, unless that would put it before its own first slot.
  for (std::size_t at = (hole + 1) & mask(); slots_[at].id != kNoNode; at = (at + 1) & mask()) {
    const std::size_t home = slots_[at].hash & mask();
    if (((at - home) & mask()) < ((at - hole) & mask())) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = Slot();
  --used_;
}

WatchTable::WatchTable() {
  nodes_.emplace_back();
  nodes_.front().isUsed = true;
  size_ = 1;
}

std::uint32_t WatchTable::hashOfPlace(NodeId parent, std::string_view name) {
  return mix(std::hash<std::string_view>()(name) ^ (static_cast<std::uint64_t>(parent) << 20));
}

std::uint32_t WatchTable::hashOfWatch(int wd) { return mix(static_cast<std::uint32_t>(wd)); }

NodeId WatchTable::add(NodeId parent, std::string_view name, int wd) {
  NodeId id;
  if (free_.empty()) {
    id = static_cast<NodeId>(nodes_.size());
    nodes_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Node& node = nodes_[id];
  node.isUsed = true;
  node.wd = wd;
  ++size_;
  indexWatch(id);
  attach(id, parent, name);
  return id;
}

void WatchTable::remove(NodeId id) {
  if (nodes_[id].parent != kNoNode) detach(id);
  unindexWatch(id);
  const std::uint32_t serial = nodes_[id].serial + 1;
  nodes_[id] = Node();
  nodes_[id].serial = serial;
  free_.push_back(id);
  --size_;
}

void WatchTable::detach(NodeId id) {
  Node& node = nodes_[id];
  byPlace_.erase(hashOfPlace(node.parent, node.name), id);
  unlink(id);
  node.parent = kNoNode;
}

void WatchTable::attach(NodeId id, NodeId parent, std::string_view name) {
  Node& node = nodes_[id];
  node.parent = parent;
  node.name = name;
  byPlace_.insert(hashOfPlace(parent, name), id);
  link(id);
}

void WatchTable::link(NodeId id) {
  Node& node = nodes_[id];
  Node& parent = nodes_[node.parent];
  node.nextSibling = parent.firstChild;
  node.previousSibling = kNoNode;
  if (node.nextSibling != kNoNode) nodes_[node.nextSibling].previousSibling = id;
  parent.firstChild = id;
}

void WatchTable::unlink(NodeId id) {
  const Node& node = nodes_[id];
  if (node.previousSibling == kNoNode) {
    nodes_[node.parent].firstChild = node.nextSibling;
  } else {
    nodes_[node.previousSibling].nextSibling = node.nextSibling;
  }
  if (node.nextSibling != kNoNode) nodes_[node.nextSibling].previousSibling = node.previousSibling;
}

NodeId WatchTable::child(NodeId parent, std::string_view name) const {
  return byPlace_.find(hashOfPlace(parent, name),
                       [&](NodeId id) { return nodes_[id].parent == parent && nodes_[id].name == name; });
}

void WatchTable::setRootWatch(int wd) {
  nodes_[kRoot].wd = wd;
  indexWatch(kRoot);
}

NodeId WatchTable::firstWithWatch(int wd) const {
  return byWatch_.find(hashOfWatch(wd), [&](NodeId id) { return nodes_[id].wd == wd; });
}

void WatchTable::indexWatch(NodeId id) {
  const int wd = nodes_[id].wd;
  const NodeId first = firstWithWatch(wd);
  if (first == kNoNode || first == id) {
    byWatch_.insert(hashOfWatch(wd), id);
    ++watches_;
  } else {
    nodes_[id].nextSameWatch = nodes_[first].nextSameWatch;
    nodes_[first].nextSameWatch = id;
  }
}

void WatchTable::unindexWatch(NodeId id) {
  const int wd = nodes_[id].wd;
  const NodeId first = firstWithWatch(wd);
  const NodeId next = nodes_[id].nextSameWatch;
  if (first != id) {
    NodeId before = first;
    while (nodes_[before].nextSameWatch != id) before = nodes_[before].nextSameWatch;
    nodes_[before].nextSameWatch = next;
    return;
  }
  byWatch_.erase(hashOfWatch(wd), id);
  if (next == kNoNode) {
    --watches_;
  } else {
    byWatch_.insert(hashOfWatch(wd), next);
  }
}

bool WatchTable::isAttached(NodeId id) const {
  while (nodes_[id].parent != kNoNode) id = nodes_[id].parent;
  return id == kRoot;
}

bool WatchTable::isBelow(NodeId id, NodeId ancestor) const {
  while (id != ancestor && id != kNoNode) id = nodes_[id].parent;
  return id == ancestor;
}

bool WatchTable::path(NodeId id, std::string& path) const {
  std::size_t size = 0;
  NodeId top = id;
  for (; nodes_[top].parent != kNoNode; top = nodes_[top].parent) size += nodes_[top].name.size() + 1;
  if (top != kRoot) return false;
  path.resize(size == 0 ? 0 : size - 1);
  for (std::size_t at = path.size(); id != kRoot; id = nodes_[id].parent) {
    const std::string& name = nodes_[id].name;
    at -= name.size();
    path.replace(at, name.size(), name);
    if (at > 0) path[--at] = '/';
  }
  return true;
}

}  // namespace imgsync
