// Kernel bytes -> inotify events. Touches no descriptor; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace imgsync {

struct WatchEvent {
  int wd = -1;
  std::uint32_t mask = 0;    // IN_…
  std::uint32_t cookie = 0;  // joins the two halves of a move
  std::string_view name;     // into the bytes; empty: the event is about the watched directory itself
};

// Splits what read(2) of an inotify descriptor gave.
class EventDecoder {
 public:
  explicit EventDecoder(std::string_view bytes) noexcept : rest_(bytes) {}

  // False: no whole event is left.
  bool next(WatchEvent& event) noexcept;

 private:
  std::string_view rest_;
};

}  // namespace imgsync
