#include "digest.hpp"

#include <cstddef>
#include <cstring>

namespace imgsync {

namespace {

struct Hash {
  std::uint64_t a;
  std::uint64_t b;
};

std::uint64_t rotate(std::uint64_t value, int bits) { return (value << bits) | (value >> (64 - bits)); }

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdULL;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return value ^ (value >> 33);
}

// MurmurHash3_x64_128 by Austin Appleby, who placed it in the public domain (github.com/aappleby/smhasher);
// seeded with 128 bits so that hashes can be chained, and the tail padded with zeros, which its length tells
// apart.
Hash hash(const void* data, std::size_t size, Hash seed) {
  constexpr std::uint64_t kA = 0x87c37b91114253d5ULL;
  constexpr std::uint64_t kB = 0x4cf5ad432745937fULL;
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint64_t a = seed.a;
  std::uint64_t b = seed.b;
  for (std::size_t at = 0; at < size; at += 16) {
    std::uint64_t block[2] = {0, 0};
    std::memcpy(block, bytes + at, size - at < 16 ? size - at : 16);
    a ^= rotate(block[0] * kA, 31) * kB;
    a = (rotate(a, 27) + b) * 5 + 0x52dce729;
    b ^= rotate(block[1] * kB, 33) * kA;
    b = (rotate(b, 31) + a) * 5 + 0x38495ab5;
  }
  a ^= size;
  b ^= size;
  a += b;
  b += a;
  a = mix(a);
  b = mix(b);
  a += b;
  b += a;
  return {a, b};
}

}  // namespace

void DirectoryDigest::add(std::string_view name, const struct stat& status) noexcept {
  const bool isDirectory = S_ISDIR(status.st_mode);
  const bool isDevice = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
  const auto unlessDirectory = [&](auto value) {
    return isDirectory ? 0 : static_cast<std::uint64_t>(value);
  };
  const std::uint64_t facts[] = {
      status.st_ino,
      status.st_mode,
      status.st_uid,
      status.st_gid,
      isDevice ? status.st_rdev : 0,
      unlessDirectory(status.st_size),
      unlessDirectory(status.st_mtim.tv_sec),
      unlessDirectory(status.st_mtim.tv_nsec),
      unlessDirectory(status.st_ctim.tv_sec),
      unlessDirectory(status.st_ctim.tv_nsec),
  };
  const Hash entry = hash(name.data(), name.size(), hash(facts, sizeof facts, {0, 0}));
  low_ += entry.a;
  high_ += entry.b;
}

void DirectoryDigest::addSelf(const struct stat& status) noexcept {
  const std::uint64_t facts[] = {
      status.st_mode,
      status.st_uid,
      status.st_gid,
      static_cast<std::uint64_t>(status.st_mtim.tv_sec),
      static_cast<std::uint64_t>(status.st_mtim.tv_nsec),
  };
  const Hash self = hash(facts, sizeof facts, {0, 0});
  low_ += self.a;
  high_ += self.b;
}

void DirectoryDigest::appendTo(std::string& bytes) const {
  const std::uint64_t words[] = {low_ == 0 && high_ == 0 ? 1 : low_, high_};
  bytes.append(reinterpret_cast<const char*>(words), sizeof words);
}

}  // namespace imgsync
