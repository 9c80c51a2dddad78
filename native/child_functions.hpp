// Programs as JS starts them. JS threads only.
#pragma once

#include <napi.h>

namespace imgsync {

void registerChildFunctions(Napi::Env env, Napi::Object exports);

}  // namespace imgsync
