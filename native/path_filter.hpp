// rsync's filter rules: which paths are replicated. Immutable once built: any thread, any number at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace imgsync {

// What the rules say of one path, and which rule said it.
struct FilterVerdict {
  bool excluded = false;
  int rule = -1;  // index of the first rule that matches; -1: none does, so the path is included
};

// One pattern of rsync(1), PATTERN MATCHING RULES. It is run as an automaton whose states are bits, so that
// no pattern of many stars takes longer than (length of the path) x (length of the pattern / 64).
class PathPattern {
 public:
  explicit PathPattern(std::string_view pattern);

  // Whether the pattern matches this path (bytes, `/` between names, no leading slash, not empty).
  bool matches(std::string_view path, bool isDirectory) const;

 private:
  // rsync drops patterns of 4096 bytes and more; one state for each byte and one for the end.
  static constexpr std::size_t kMaxBytes = 4095;
  static constexpr std::size_t kMaxWords = (kMaxBytes + 1 + 63) / 64;
  using States =
      std::array<std::uint64_t, kMaxWords>;  // bit i: the tokens before i have matched; words_ are used
  // The part of the path that the pattern is held against; fromAnyName: the rest from any of its names on.
  enum class Scope : std::uint8_t { path, lastName, lastNames, fromAnyName };

  bool compile(std::string_view text, bool hasWildcards);
  bool run(std::string_view text, bool slashAfter) const;
  void start(States& states) const;
  bool step(States& states, unsigned char byte) const;

  bool neverMatches_ = false;
  bool directoryOnly_ = false;
  bool slashBefore_ =
      false;  // starts with `**`: the path is seen as `/path`, so that `**/x` matches x at the top
  bool slashAfterDir_ =
      false;  // ends with `***`: a directory is seen as `dir/`, so that `dir/***` matches it
  Scope scope_ = Scope::path;
  std::size_t names_ = 0;  // for Scope::lastNames
  std::string suffix_;     // plain bytes at the pattern's end; most paths are told apart by them alone

  std::size_t tokens_ = 0;
  std::size_t words_ = 1;
  std::vector<std::uint64_t> moves_;  // [byte * words_ + word]: tokens that match this byte
  std::vector<std::uint64_t> stays_;  // the same: stars that match this byte and any more after it
  std::vector<std::uint64_t> stars_;  // [word]: stars, which also match nothing
};

// Rules in order, the first that matches wins, no match includes.
class PathFilter {
 public:
  PathFilter() = default;
  // Each rule is `+ pattern` or `- pattern`.
  explicit PathFilter(const std::vector<std::string>& rules);

  bool empty() const noexcept { return rules_.empty(); }

  // What the rules say of the path itself, for a walk: the directories above are known to be included.
  FilterVerdict judge(std::string_view path, bool isDirectory) const;
  bool excludes(std::string_view path, bool isDirectory) const { return judge(path, isDirectory).excluded; }

  // What the rules say of the path when it is looked up alone: a directory above that is excluded hides it.
  // The root (the empty path) is never hidden.
  FilterVerdict judgeWithAncestors(std::string_view path, bool isDirectory) const;
  bool hides(std::string_view path, bool isDirectory) const {
    return judgeWithAncestors(path, isDirectory).excluded;
  }

 private:
  struct Rule {
    bool includes;
    PathPattern pattern;
  };
  std::vector<Rule> rules_;
};

}  // namespace imgsync
