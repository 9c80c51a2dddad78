// What crosses between JS and the addon: paths as latin1 strings (one character per byte), bytes, rules,
// errors. JS thread only.
#pragma once

#include <napi.h>

#include <string>
#include <string_view>

#include "path_filter.hpp"
#include "result.hpp"

namespace imgsync {

// The bytes of a latin1 string; empty for anything but a string.
std::string latin1FromJs(const Napi::Value& value);
Napi::String latin1ToJs(Napi::Env env, std::string_view bytes);

// The bytes of a Uint8Array, valid while it is; empty for anything else.
std::string_view bytesFromJs(const Napi::Value& value);

// An array of `+ pattern` and `- pattern`.
PathFilter filterFromJs(const Napi::Value& rules);

// An Error like Node's own: `code` (the errno's name), `errno`, `syscall` and, where there is one, `path`.
Napi::Error errorToJs(Napi::Env env, const SysError& error);

}  // namespace imgsync
