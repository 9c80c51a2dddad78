// Random input for the native tests: SEED and FUZZ_SECONDS in the environment, the seed is printed.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace imgsync::test {

inline std::uint64_t chooseSeed(const char* what) {
  const char* given = std::getenv("SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << what << ": SEED=" << seed << '\n';
  return seed;
}

// Calls `round` until the time is over; 2 s unless told.
template <typename Round>
void forAWhile(Round round) {
  const char* given = std::getenv("FUZZ_SECONDS");
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds(given != nullptr ? std::atoi(given) : 2);
  do round();
  while (std::chrono::steady_clock::now() < until);
}

inline std::size_t below(std::mt19937_64& random, std::size_t limit) { return random() % limit; }

inline std::string randomBytes(std::mt19937_64& random, std::size_t length, const std::string& alphabet) {
  std::string bytes;
  for (std::size_t i = 0; i < length; ++i) bytes += alphabet[below(random, alphabet.size())];
  return bytes;
}

}  // namespace imgsync::test
