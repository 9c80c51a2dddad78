// Module initialisation, nothing else.
#include <napi.h>

#include "tree_functions.hpp"
#include "watcher.hpp"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  imgsync::registerTreeFunctions(env, exports);
  imgsync::registerWatcher(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(imgsync_native, init)
