// The class `Watcher` of src/native/addon.ts. JS thread only.
#pragma once

#include <napi.h>

namespace imgsync {

void registerWatcher(Napi::Env env, Napi::Object exports);

}  // namespace imgsync
