// What read(2) gives, whole, cut short and random. The bytes lie in a block of exactly their size, so that a
// sanitizer sees every read beyond them.
#include "event_decoder.hpp"

#include <sys/inotify.h>

#include <cstring>
#include <memory>
#include <vector>

#include "check.hpp"
#include "seed.hpp"

using imgsync::EventDecoder;
using imgsync::WatchEvent;

namespace {

std::string encode(const WatchEvent& event, std::size_t padding) {
  inotify_event head{};
  head.wd = event.wd;
  head.mask = event.mask;
  head.cookie = event.cookie;
  head.len = static_cast<std::uint32_t>(event.name.size() + padding);
  std::string bytes(sizeof head, '\0');
  std::memcpy(bytes.data(), &head, sizeof head);
  return bytes + std::string(event.name) + std::string(padding, '\0');
}

struct Block {
  explicit Block(const std::string& bytes) : size(bytes.size()), data(new char[bytes.size()]) {
    std::memcpy(data.get(), bytes.data(), size);
  }
  std::string_view view() const { return {data.get(), size}; }
  std::size_t size;
  std::unique_ptr<char[]> data;
};

void wholeAndCut(std::mt19937_64& random) {
  using imgsync::test::below;
  std::vector<std::string> names;
  std::vector<WatchEvent> events;
  std::vector<std::size_t> ends;
  std::string bytes;
  const std::size_t count = 1 + below(random, 8);
  names.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(imgsync::test::randomBytes(random, below(random, 256), "ab/\n\xff"));
    events.push_back({static_cast<int>(random()), static_cast<std::uint32_t>(random()),
                      static_cast<std::uint32_t>(random()), names.back()});
    bytes += encode(events.back(), below(random, 17));
    ends.push_back(bytes.size());
  }
  const std::size_t cut = below(random, bytes.size() + 1);
  const Block block(bytes.substr(0, cut));
  EventDecoder decoder(block.view());
  WatchEvent event;
  std::size_t found = 0;
  for (; decoder.next(event); ++found) {
    CHECK(found < count);
    CHECK_EQUAL(event.wd, events[found].wd);
    CHECK_EQUAL(event.mask, events[found].mask);
    CHECK_EQUAL(event.cookie, events[found].cookie);
    CHECK_EQUAL(event.name, names[found]);
  }
  std::size_t expected = 0;
  while (expected < count && ends[expected] <= cut) ++expected;
  CHECK_EQUAL(found, expected);
}

void randomInput(std::mt19937_64& random) {
  std::string bytes(imgsync::test::below(random, 400), '\0');
  // Mostly small lengths, or nearly all input would end at the first event.
  for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : 0);
  const Block block(bytes);
  EventDecoder decoder(block.view());
  WatchEvent event;
  std::size_t found = 0;
  while (decoder.next(event)) {
    CHECK(event.name.find('\0') == std::string_view::npos);
    ++found;
  }
  CHECK(found <= bytes.size() / sizeof(inotify_event));
}

}  // namespace

int main() {
  std::mt19937_64 random(imgsync::test::chooseSeed("event decoder"));
  imgsync::test::forAWhile([&] {
    wholeAndCut(random);
    randomInput(random);
  });
}
