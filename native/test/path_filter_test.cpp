// Table of rsync's patterns, and the time that evil ones may take. Against rsync itself:
// test/native/path-filter.test.ts.
#include "path_filter.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "check.hpp"
#include "seed.hpp"

using imgsync::PathFilter;
using imgsync::PathPattern;

namespace {

struct Case {
  const char* pattern;
  const char* path;
  bool isDirectory;
  bool expected;
};

const Case kCases[] = {
    // Plain names: the last one, or as many as the pattern has.
    {"foo", "foo", false, true},
    {"foo", "a/foo", false, true},
    {"foo", "a/xfoo", false, false},
    {"foo", "foo/a", false, false},
    {"foo/bar", "foo/bar", false, true},
    {"foo/bar", "a/foo/bar", false, true},
    {"foo/bar", "afoo/bar", false, false},
    {"foo/bar", "bar", false, false},
    {"/foo", "foo", false, true},
    {"/foo", "a/foo", false, false},
    {"/foo/bar", "foo/bar", false, true},
    {"/foo/bar", "a/foo/bar", false, false},
    {"foo\\bar", "foo\\bar", false, true},
    {"/", "a", true, false},
    {"", "a", true, false},
    // A trailing slash: directories only.
    {"foo/", "foo", true, true},
    {"foo/", "foo", false, false},
    {"a/foo/", "b/a/foo", true, true},
    // Stars and question marks.
    {"*.tmp", "a/b.tmp", false, true},
    {"*.tmp", ".tmp", false, true},
    {"*.tmp", "a.tmp/b", false, false},
    {"*", "a/b", false, true},
    {"/*", "a/b", false, false},
    {"/*/b", "a/b", false, true},
    {"/a*/c", "ab/x/c", false, false},
    {"a/*/c", "x/a/b/c", false, true},
    {"a/*/c", "a/b/b/c", false, false},
    {"a?c", "abc", false, true},
    {"/a?c", "a/c", false, false},
    {"**", "a/b", false, true},
    {"**/c", "c", false, true},
    {"**/c", "a/b/c", false, true},
    {"**/c", "a/bc", false, false},
    {"**c", "a/bc", false, true},
    {"/a/**", "a", true, false},
    {"/a/**", "a/b/c", false, true},
    {"a**c", "x/ab/c", false, true},
    {"a**c", "xa/c", false, false},
    {"/foo/**/bar", "foo/bar", false, false},
    {"/foo/**/bar", "foo/a/b/bar", false, true},
    {"foo/**", "a/foo/b", false, true},
    {"d/***", "d", true, true},
    {"d/***", "d", false, false},
    {"d/***", "a/d/e/f", false, true},
    {"/d/***", "a/d/e", false, false},
    {"***", "a", true, true},
    // Escapes, only where there is a wildcard.
    {"a\\*b", "a*b", false, true},
    {"a\\*b", "axb", false, false},
    {"a\\b*", "abc", false, true},
    {"a\\b*", "a\\bc", false, false},
    {"a*\\", "ab\\", false, false},
    {"x/a\\**", "q/x/a*b/c", false, false},
    {"x/a\\**", "q/x/a*b", false, true},
    // Classes.
    {"[abc]", "b", false, true},
    {"[!abc]", "b", false, false},
    {"[^abc]", "x", false, true},
    {"[a-c]x", "bx", false, true},
    {"[a-c]x", "dx", false, false},
    {"[]a]", "]", false, true},
    {"[!]a]", "]", false, false},
    {"[a-]", "-", false, true},
    {"[--0]", ".", false, true},
    {"[\\]]", "]", false, true},
    {"[a\\-c]", "b", false, false},
    {"[[:alpha:]]", "Q", false, true},
    {"[[:alpha:]_]x", "_x", false, true},
    {"[[:digit:]]", "x", false, false},
    {"[[:what:]]", "w", false, false},
    {"[[:alpha]", "[", false, true},
    {"[a", "[a", false, false},
    {"a[/]b", "a/b", false, false},
    {"/a[!x]b", "a/b", false, false},
    {"[\x80-\xff]", "\xc3", false, true},
    {"[[:alpha:]]", "\xc3", false, false},
};

void patterns() {
  for (const Case& each : kCases) {
    const bool matched = PathPattern(each.pattern).matches(each.path, each.isDirectory);
    if (matched != each.expected) std::cerr << each.pattern << " against " << each.path << '\n';
    CHECK_EQUAL(matched, each.expected);
  }
}

void longPatterns() {
  const std::string longest(4095, 'a');
  CHECK(PathPattern(longest).matches(longest, false));
  CHECK(PathPattern(longest.substr(1) + "*").matches(longest, false));
  CHECK(!PathPattern(longest + "a").matches(longest + "a", false));
  // Across the borders of the words of states.
  for (std::size_t length = 60; length < 200; ++length) {
    const std::string name(length, 'x');
    CHECK(PathPattern(name.substr(2) + "*?").matches(name, false));
    CHECK(PathPattern("*" + name.substr(1) + "?").matches(name, false));
    CHECK(!PathPattern(name + "*?").matches(name, false));
  }
}

void rulesInOrder() {
  const PathFilter filter({"+ /a/keep", "- /a/*", "- cache/", "+ *.txt", "- *.t*"});
  CHECK(!filter.excludes("a", true));
  CHECK(!filter.excludes("a/keep", false));
  CHECK(filter.excludes("a/other", false));
  CHECK(!filter.excludes("x.txt", false));
  CHECK(filter.excludes("x.tmp", false));
  CHECK_EQUAL(filter.judge("x.tmp", false).rule, 4);
  CHECK_EQUAL(filter.judge("x", false).rule, -1);
  CHECK(!filter.excludes("cache/x", false));
  CHECK(filter.hides("cache/x.txt", false));
  CHECK_EQUAL(filter.judgeWithAncestors("b/cache/x/y.txt", false).rule, 2);
  CHECK(!filter.hides("b/cache", false));
  CHECK(filter.hides("b/cache", true));
  CHECK(!PathFilter({"- *"}).hides("", true));
  CHECK(!PathFilter().hides("a/b", false));
}

// A matcher that backtracks would need longer than the age of the universe.
void manyStars() {
  std::string stars = "/";
  for (int i = 0; i < 500; ++i) stars += i % 2 == 0 ? "**a" : "*a";
  const PathPattern pattern(stars + "*b");
  std::string path(2000, 'a');
  for (std::size_t at = 50; at < path.size(); at += 100) path[at] = '/';
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) CHECK(!pattern.matches(path + "c", false));
  CHECK(pattern.matches(path + "b", false));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

// Random rules against random paths: what the rules say of a path must follow from what they say of each name
// on the way.
void anyInput() {
  using imgsync::test::below;
  using imgsync::test::randomBytes;
  std::mt19937_64 random(imgsync::test::chooseSeed("path filter"));
  imgsync::test::forAWhile([&] {
    std::vector<std::string> rules;
    for (std::size_t i = below(random, 5) + 1; i > 0; --i) {
      const std::string pattern = randomBytes(random, below(random, 70), "aab/**?[]!^-\\\xff");
      rules.push_back((random() % 2 == 0 ? "- " : "+ ") + pattern);
    }
    const PathFilter filter(rules);
    for (int i = 0; i < 20; ++i) {
      std::string path;
      bool isHidden = false;
      for (std::size_t names = below(random, 6) + 1; names > 0; --names) {
        if (!path.empty()) path += '/';
        path += randomBytes(random, below(random, 20) + 1, "aab[]-\\\xff");
        const bool isDirectory = names > 1 || random() % 2 == 0;
        isHidden = isHidden || filter.excludes(path, isDirectory);
        CHECK_EQUAL(filter.hides(path, isDirectory), isHidden);
        const int rule = filter.judge(path, isDirectory).rule;
        CHECK(rule >= -1 && rule < static_cast<int>(rules.size()));
        if (rule >= 0) CHECK_EQUAL(filter.excludes(path, isDirectory), rules[rule][0] == '-');
      }
    }
  });
}

}  // namespace

int main() {
  patterns();
  longPatterns();
  rulesInOrder();
  manyStars();
  anyInput();
}
