// The few words that the native tests need. A failed check ends the test program with status 1.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <iostream>

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      std::cerr << __FILE__ << ':' << __LINE__ << ": " << #condition << '\n'; \
      std::exit(1);                                                           \
    }                                                                         \
  } while (false)

#define CHECK_EQUAL(actual, expected)                                                                   \
  do {                                                                                                  \
    const auto& actual_ = (actual);                                                                     \
    const auto& expected_ = (expected);                                                                 \
    if (!(actual_ == expected_)) {                                                                      \
      std::cerr << __FILE__ << ':' << __LINE__ << ": " << #actual << " is " << actual_ << ", expected " \
                << expected_ << '\n';                                                                   \
      std::exit(1);                                                                                     \
    }                                                                                                   \
  } while (false)
