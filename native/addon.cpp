// Module initialisation, nothing else.
#include <napi.h>

#include "child_functions.hpp"
#include "service_functions.hpp"
#include "tree_functions.hpp"
#include "watcher.hpp"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  imgsync::registerChildFunctions(env, exports);
  imgsync::registerServiceFunctions(env, exports);
  imgsync::registerTreeFunctions(env, exports);
  imgsync::registerWatcher(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(imgsync_native, init)
