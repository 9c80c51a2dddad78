#include "link_index.hpp"

#include <algorithm>

namespace imgsync {

bool LinkIndex::addName(LinkedFile& file, NodeRef directory, std::string_view name) {
  const bool isKnown = std::any_of(file.names.begin(), file.names.end(), [&](const FileName& known) {
    return known.directory == directory && known.name == name;
  });
  if (isKnown) return false;
  file.names.push_back({directory, std::string(name)});
  ++names_;
  return true;
}

void LinkIndex::erase(FileId id) {
  const auto at = files_.find(id);
  if (at == files_.end()) return;
  names_ -= at->second.names.size();
  files_.erase(at);
}

}  // namespace imgsync
