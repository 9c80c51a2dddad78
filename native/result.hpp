// A value or the system error that stood in its way; the addon is compiled without exceptions. Any thread.
#pragma once

#include <cerrno>
#include <string>
#include <utility>
#include <variant>

namespace imgsync {

struct SysError {
  int code = 0;              // errno
  const char* syscall = "";  // static text
  std::string path;          // bytes relative to the root, or empty

  // The errno of the call that just failed.
  static SysError last(const char* syscall, std::string path = {}) {
    return SysError{errno, syscall, std::move(path)};
  }
};

// There is no directory, or none any more, where one was looked for.
inline bool isVanished(int error) noexcept { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

// The process or the kernel lacks something: going on would leave out directories that could be had.
inline bool isExhausted(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOSPC;
}

template <typename T>
class Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(SysError error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  T& value() noexcept { return *std::get_if<0>(&state_); }
  const T& value() const noexcept { return *std::get_if<0>(&state_); }
  const SysError& error() const noexcept { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, SysError> state_;
};

}  // namespace imgsync
