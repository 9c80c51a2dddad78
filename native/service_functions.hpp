// What the service manager is told, as JS calls it. JS threads only.
#pragma once

#include <napi.h>

namespace imgsync {

void registerServiceFunctions(Napi::Env env, Napi::Object exports);

}  // namespace imgsync
