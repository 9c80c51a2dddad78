// The directories that are watched, as a tree. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace imgsync {

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = UINT32_MAX;

// Ids by the hash of what they stand for; open addressing, 8 bytes a slot.
class IdIndex {
 public:
  template <typename Matches>
  NodeId find(std::uint32_t hash, Matches matches) const {
    if (slots_.empty()) return kNoNode;
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.id == kNoNode) return kNoNode;
      if (slot.hash == hash && matches(slot.id)) return slot.id;
    }
  }
  void insert(std::uint32_t hash, NodeId id);
  void erase(std::uint32_t hash, NodeId id);

 private:
  struct Slot {
    std::uint32_t hash = 0;
    NodeId id = kNoNode;
  };

  std::size_t mask() const noexcept { return slots_.size() - 1; }
  void place(Slot slot);

  std::vector<Slot> slots_;  // a power of two
  std::size_t used_ = 0;
};

// A node that may have been removed meanwhile, and its id taken by another one.
struct NodeRef {
  NodeId id = kNoNode;
  std::uint32_t serial = 0;
  bool operator==(const NodeRef& other) const { return id == other.id && serial == other.serial; }
};

// A node for each directory: parent, name, watch descriptor. Paths are built from the names when they are
// asked for, so the rename of a directory costs the same whatever lies below it. A detached node has left its
// place and waits, with all below it, to be found in another one.
//
// Two nodes have the same watch descriptor where one directory shows in two places: below a bind mount, or
// until the event arrives that takes it from the first one.
class WatchTable {
 public:
  static constexpr NodeId kRoot = 0;

  WatchTable();

  NodeId add(NodeId parent, std::string_view name, int wd);
  // Of a node without children.
  void remove(NodeId id);
  // Takes the node from its place, with all below it.
  void detach(NodeId id);
  // Puts a detached node in a place that is free, not below itself.
  void attach(NodeId id, NodeId parent, std::string_view name);
  void setRootWatch(int wd);

  NodeId child(NodeId parent, std::string_view name) const;
  // The first child or the one after it, in no order; kNoNode after the last.
  NodeId firstChild(NodeId id) const { return nodes_[id].firstChild; }
  NodeId nextSibling(NodeId id) const { return nodes_[id].nextSibling; }
  NodeId parent(NodeId id) const { return nodes_[id].parent; }  // kNoNode: root or detached
  const std::string& name(NodeId id) const { return nodes_[id].name; }

  int watch(NodeId id) const { return nodes_[id].wd; }
  NodeId firstWithWatch(int wd) const;
  NodeId nextWithWatch(NodeId id) const { return nodes_[id].nextSameWatch; }

  // For a listing of its parent: whether it is known and was not found there yet.
  bool isUnseen(NodeId id) const { return nodes_[id].isUnseen; }
  void setUnseen(NodeId id, bool isUnseen) { nodes_[id].isUnseen = isUnseen; }

  NodeRef ref(NodeId id) const { return {id, nodes_[id].serial}; }
  bool isAlive(NodeRef ref) const {
    return ref.id < nodes_.size() && nodes_[ref.id].serial == ref.serial && nodes_[ref.id].isUsed;
  }
  bool isAttached(NodeId id) const;
  bool isBelow(NodeId id, NodeId ancestor) const;  // or the same
  // From the root, `/` between names, nothing for the root itself. False: it is detached, or is below one
  // that is.
  bool path(NodeId id, std::string& path) const;

  // All ids are below this; some are not in use.
  NodeId endId() const noexcept { return static_cast<NodeId>(nodes_.size()); }
  bool isInUse(NodeId id) const { return nodes_[id].isUsed; }

  std::size_t size() const noexcept { return size_; }
  std::size_t watches() const noexcept { return watches_; }

 private:
  struct Node {
    NodeId parent = kNoNode;
    NodeId firstChild = kNoNode;
    NodeId nextSibling = kNoNode;
    NodeId previousSibling = kNoNode;
    NodeId nextSameWatch = kNoNode;
    int wd = -1;
    std::uint32_t serial = 0;
    bool isUsed = false;
    bool isUnseen = false;
    std::string name;
  };

  static std::uint32_t hashOfPlace(NodeId parent, std::string_view name);
  static std::uint32_t hashOfWatch(int wd);
  void link(NodeId id);
  void unlink(NodeId id);
  void indexWatch(NodeId id);
  void unindexWatch(NodeId id);

  std::deque<Node> nodes_;
  std::vector<NodeId> free_;
  IdIndex byPlace_;
  IdIndex byWatch_;  // the first of those with the same descriptor
  std::size_t size_ = 0;
  std::size_t watches_ = 0;
};

}  // namespace imgsync
