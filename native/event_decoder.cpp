#include "event_decoder.hpp"

#include <sys/inotify.h>

#include <cstring>

namespace imgsync {

bool EventDecoder::next(WatchEvent& event) noexcept {
  inotify_event head;
  if (rest_.size() < sizeof head) return false;
  std::memcpy(&head, rest_.data(), sizeof head);
  if (rest_.size() - sizeof head < head.len) return false;
  event.wd = head.wd;
  event.mask = head.mask;
  event.cookie = head.cookie;
  const std::string_view padded = rest_.substr(sizeof head, head.len);
  event.name = padded.substr(0, padded.find('\0'));
  rest_.remove_prefix(sizeof head + head.len);
  return true;
}

}  // namespace imgsync
