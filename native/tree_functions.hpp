// The functions of the addon that look at the tree: `buildLists`, `scanTree`, `digestDirectories`,
// `matchFilter`, `memoryFile` of src/native/addon.ts. The first three work on libuv's pool, the rest on the
// JS thread.
#pragma once

#include <napi.h>

namespace imgsync {

void registerTreeFunctions(Napi::Env env, Napi::Object exports);

}  // namespace imgsync
