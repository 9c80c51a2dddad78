#include "service_functions.hpp"

#include "js_values.hpp"
#include "service_notify.hpp"

namespace imgsync {

namespace {

Napi::Value notifyServiceCall(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto failure = notifyService(info[0].ToString().Utf8Value(), info[1].ToString().Utf8Value());
  if (failure) errorToJs(env, *failure).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace

void registerServiceFunctions(Napi::Env env, Napi::Object exports) {
  exports.Set("notifyService", Napi::Function::New<notifyServiceCall>(env, "notifyService"));
}

}  // namespace imgsync
