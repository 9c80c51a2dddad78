#include "path_filter.hpp"

#include <bitset>
#include <optional>
#include <utility>

namespace imgsync {

namespace {

using ByteSet = std::bitset<256>;

struct Token {
  ByteSet bytes;
  bool isStar = false;  // any number of the bytes, otherwise exactly one
  bool isPlain = false;
  char plain = 0;
};

bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

ByteSet one(unsigned char byte) { return ByteSet().set(byte); }

ByteSet range(unsigned char first, unsigned char last) {
  ByteSet bytes;
  for (unsigned byte = first; byte <= last; ++byte) bytes.set(byte);
  return bytes;
}

// The kinds of characters in the C locale, which is the one that rsync is run in.
std::optional<ByteSet> characterKind(std::string_view name) {
  const ByteSet lower = range('a', 'z');
  const ByteSet upper = range('A', 'Z');
  const ByteSet digit = range('0', '9');
  const ByteSet alnum = lower | upper | digit;
  const ByteSet graph = range('!', '~');
  const ByteSet blank = one(' ') | one('\t');
  const std::pair<std::string_view, ByteSet> kinds[] = {
      {"alnum", alnum},          {"alpha", lower | upper},
      {"blank", blank},          {"cntrl", range(0, 31) | one(127)},
      {"digit", digit},          {"graph", graph},
      {"lower", lower},          {"print", range(' ', '~')},
      {"punct", graph & ~alnum}, {"space", range('\t', '\r') | one(' ')},
      {"upper", upper},          {"xdigit", digit | range('a', 'f') | range('A', 'F')},
  };
  for (const auto& [kind, bytes] : kinds) {
    if (kind == name) return bytes;
  }
  return std::nullopt;
}

// Reads the class whose `[` is at `at` and leaves `at` on its `]`. Nothing: rsync matches such a class with
// nothing.
std::optional<ByteSet> readClass(std::string_view text, std::size_t& at) {
  const auto byteAt = [&](std::size_t i) -> unsigned char {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  ++at;
  const bool negated = byteAt(at) == '!' || byteAt(at) == '^';
  if (negated) ++at;
  ByteSet bytes;
  unsigned char previous = 0;  // what a range would start with; 0: nothing
  // The first character belongs to the class even when it is a `]`.
  do {
    unsigned char byte = byteAt(at);
    if (byte == 0) return std::nullopt;
    if (byte == '-' && previous != 0 && byteAt(at + 1) != 0 && byteAt(at + 1) != ']') {
      byte = byteAt(++at);
      if (byte == '\\') byte = byteAt(++at);
      if (byte == 0) return std::nullopt;
      bytes |= range(previous, byte);
      previous = 0;
      continue;
    }
    if (byte == '[' && byteAt(at + 1) == ':') {
      const std::size_t name = at + 2;
      const std::size_t close = text.find(']', name);
      if (close == std::string_view::npos) return std::nullopt;
      if (close > name && text[close - 1] == ':') {
        const auto kind = characterKind(text.substr(name, close - 1 - name));
        if (!kind) return std::nullopt;
        bytes |= *kind;
        at = close;
        previous = 0;
        continue;
      }
    }
    if (byte == '\\') byte = byteAt(++at);
    if (byte == 0) return std::nullopt;
    bytes.set(byte);
    previous = byte;
  } while (byteAt(++at) != ']');
  if (negated) bytes.flip();
  return bytes.reset('/');
}

Token plainToken(char byte) { return {one(static_cast<unsigned char>(byte)), false, true, byte}; }

std::optional<std::vector<Token>> readWildcards(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char byte = text[at];
    if (byte == '*') {
      const std::size_t end = text.find_first_not_of('*', at);
      const std::size_t count = (end == std::string_view::npos ? text.size() : end) - at;
      tokens.push_back({count == 1 ? ~one('/') : ~ByteSet(), true});
      at += count - 1;
    } else if (byte == '?') {
      tokens.push_back({~one('/')});
    } else if (byte == '[') {
      const auto bytes = readClass(text, at);
      if (!bytes) return std::nullopt;
      tokens.push_back({*bytes});
    } else if (byte == '\\') {
      if (++at == text.size()) return std::nullopt;
      tokens.push_back(plainToken(text[at]));
    } else {
      tokens.push_back(plainToken(byte));
    }
  }
  return tokens;
}

std::vector<Token> readLiteral(std::string_view text) {
  std::vector<Token> tokens;
  for (const char byte : text) tokens.push_back(plainToken(byte));
  return tokens;
}

std::string plainSuffix(const std::vector<Token>& tokens) {
  std::string suffix;
  for (auto token = tokens.rbegin(); token != tokens.rend() && token->isPlain; ++token)
    suffix += token->plain;
  return {suffix.rbegin(), suffix.rend()};
}

// The last names of the path; nothing when it has fewer.
std::optional<std::string_view> lastNames(std::string_view path, std::size_t names) {
  std::size_t slash = path.size();
  for (; names > 0; --names) {
    slash = path.rfind('/', slash - 1);
    if (slash == std::string_view::npos) return names == 1 ? std::optional(path) : std::nullopt;
  }
  return path.substr(slash + 1);
}

}  // namespace

PathPattern::PathPattern(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > kMaxBytes) {
    neverMatches_ = true;
    return;
  }
  if (pattern.size() > 1 && pattern.back() == '/') {
    directoryOnly_ = true;
    pattern.remove_suffix(1);
  }
  std::size_t slashes = 0;
  for (const char byte : pattern) slashes += byte == '/' ? 1 : 0;
  const bool anchored = pattern.front() == '/';
  // rsync looks at the text alone here: an escaped star or one within a class counts as well.
  const bool hasWildcards = pattern.find_first_of("*[?") != std::string_view::npos;
  const std::size_t doubleStar = pattern.find("**");
  const bool hasDoubleStar = doubleStar != std::string_view::npos;
  slashBefore_ = doubleStar == 0;
  slashAfterDir_ = hasDoubleStar && endsWith(pattern, "***");
  if (slashes == 0 && !hasDoubleStar) {
    scope_ = Scope::lastName;
  } else if (anchored || slashBefore_) {
    scope_ = Scope::path;
  } else if (hasDoubleStar) {
    scope_ = Scope::fromAnyName;
  } else {
    scope_ = Scope::lastNames;
    names_ = slashes + 1;
  }
  if (anchored) pattern.remove_prefix(1);
  neverMatches_ = !compile(pattern, hasWildcards);
}

// False when nothing can match.
bool PathPattern::compile(std::string_view text, bool hasWildcards) {
  const auto tokens = hasWildcards ? readWildcards(text) : readLiteral(text);
  if (!tokens || tokens->empty()) return false;
  suffix_ = plainSuffix(*tokens);
  // The slash may be the one that is only thought to be before the path.
  if (slashBefore_ && !suffix_.empty() && suffix_.front() == '/') suffix_.erase(0, 1);
  tokens_ = tokens->size();
  words_ = (tokens_ + 1 + 63) / 64;
  moves_.assign(256 * words_, 0);
  stays_.assign(256 * words_, 0);
  stars_.assign(words_, 0);
  for (std::size_t i = 0; i < tokens_; ++i) {
    const Token& token = (*tokens)[i];
    const std::size_t word = i / 64;
    const std::uint64_t bit = std::uint64_t{1} << (i % 64);
    if (token.isStar) stars_[word] |= bit;
    auto& table = token.isStar ? stays_ : moves_;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      if (token.bytes[byte]) table[byte * words_ + word] |= bit;
    }
  }
  return true;
}

bool PathPattern::matches(std::string_view path, bool isDirectory) const {
  if (neverMatches_ || (directoryOnly_ && !isDirectory)) return false;
  std::string_view text = path;
  if (scope_ == Scope::lastName) text.remove_prefix(path.rfind('/') + 1);  // without a slash npos + 1, 0
  if (scope_ == Scope::lastNames) {
    const auto names = lastNames(path, names_);
    if (!names) return false;
    text = *names;
  }
  return endsWith(text, suffix_) && run(text, slashAfterDir_ && isDirectory);
}

bool PathPattern::run(std::string_view text, bool slashAfter) const {
  States states;
  for (std::size_t word = 0; word < words_; ++word) states[word] = 0;
  start(states);
  if (slashBefore_) step(states, '/');
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!step(states, static_cast<unsigned char>(text[at]))) {
      if (scope_ != Scope::fromAnyName) return false;
      at = text.find('/', at);
      if (at == std::string_view::npos) return false;
    }
    if (scope_ == Scope::fromAnyName && text[at] == '/') start(states);
  }
  if (slashAfter) step(states, '/');
  return ((states[tokens_ / 64] >> (tokens_ % 64)) & 1) != 0;
}

void PathPattern::start(States& states) const {
  // A star at the beginning may match nothing; stars never follow each other, so one step is enough.
  states[0] |= 1 | ((stars_[0] & 1) << 1);
}

// Takes one byte; false when no state is left.
bool PathPattern::step(States& states, unsigned char byte) const {
  const std::uint64_t* moves = &moves_[byte * words_];
  const std::uint64_t* stays = &stays_[byte * words_];
  std::uint64_t carryMoved = 0;
  std::uint64_t carrySkipped = 0;
  std::uint64_t any = 0;
  for (std::size_t word = 0; word < words_; ++word) {
    const std::uint64_t moved = states[word] & moves[word];
    std::uint64_t next = (moved << 1) | carryMoved | (states[word] & stays[word]);
    carryMoved = moved >> 63;
    const std::uint64_t skipped = next & stars_[word];
    next |= (skipped << 1) | carrySkipped;
    carrySkipped = skipped >> 63;
    states[word] = next;
    any |= next;
  }
  return any != 0;
}

PathFilter::PathFilter(const std::vector<std::string>& rules) {
  rules_.reserve(rules.size());
  for (const std::string& rule : rules) {
    const std::string_view pattern = rule.size() < 2 ? std::string_view() : std::string_view(rule).substr(2);
    rules_.push_back({!rule.empty() && rule.front() == '+', PathPattern(pattern)});
  }
}

FilterVerdict PathFilter::judge(std::string_view path, bool isDirectory) const {
  if (path.empty()) return {};
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].pattern.matches(path, isDirectory)) return {!rules_[i].includes, static_cast<int>(i)};
  }
  return {};
}

FilterVerdict PathFilter::judgeWithAncestors(std::string_view path, bool isDirectory) const {
  if (rules_.empty()) return {};
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    const FilterVerdict above = judge(path.substr(0, slash), true);
    if (above.excluded) return above;
  }
  return judge(path, isDirectory);
}

}  // namespace imgsync
