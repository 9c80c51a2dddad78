#include "js_values.hpp"

#include <uv.h>

#include <array>
#include <vector>

namespace imgsync {

std::string latin1FromJs(const Napi::Value& value) {
  std::size_t size = 0;
  if (napi_get_value_string_latin1(value.Env(), value, nullptr, 0, &size) != napi_ok) return {};
  std::string bytes(size + 1, '\0');  // N-API ends it with a NUL
  napi_get_value_string_latin1(value.Env(), value, bytes.data(), bytes.size(), &size);
  bytes.resize(size);
  return bytes;
}

Napi::String latin1ToJs(Napi::Env env, std::string_view bytes) {
  napi_value text = nullptr;
  napi_create_string_latin1(env, bytes.data(), bytes.size(), &text);
  return {env, text};
}

std::string_view bytesFromJs(const Napi::Value& value) {
  if (!value.IsTypedArray()) return {};
  const auto array = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(array.Data()), array.ByteLength()};
}

PathFilter filterFromJs(const Napi::Value& value) {
  std::vector<std::string> rules;
  if (value.IsArray()) {
    const auto array = value.As<Napi::Array>();
    for (std::uint32_t i = 0; i < array.Length(); ++i) rules.push_back(latin1FromJs(array.Get(i)));
  }
  return PathFilter(rules);
}

Napi::Error errorToJs(Napi::Env env, const SysError& error) {
  const int code = -error.code;  // libuv's numbers are the negative errno
  std::array<char, 64> name{};
  std::array<char, 128> meaning{};
  uv_err_name_r(code, name.data(), name.size());
  uv_strerror_r(code, meaning.data(), meaning.size());
  std::string message = std::string(name.data()) + ": " + meaning.data() + ", " + error.syscall;
  if (!error.path.empty()) message += " '" + error.path + "'";
  napi_value result = nullptr;
  napi_create_error(env, Napi::String::New(env, name.data()), latin1ToJs(env, message), &result);
  Napi::Error thrown(env, result);
  thrown.Set("errno", Napi::Number::New(env, code));
  thrown.Set("syscall", Napi::String::New(env, error.syscall));
  if (!error.path.empty()) thrown.Set("path", latin1ToJs(env, error.path));
  return thrown;
}

}  // namespace imgsync
