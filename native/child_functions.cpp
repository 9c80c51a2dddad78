#include "child_functions.hpp"

#include <uv.h>

#include <csignal>
#include <memory>
#include <utility>

#include "child_process.hpp"
#include "js_values.hpp"

namespace imgsync {

namespace {

// Waits in the event loop for the end of one child and settles a promise with it. Owns itself until then, or
// until the environment goes away.
class ChildWait {
 public:
  static Napi::Value start(Napi::Env env, StartedChild& child) {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    auto wait = std::unique_ptr<ChildWait>(new ChildWait(env, child));
    const Napi::Promise promise = wait->ended_.Promise();
    if (const int error = uv_poll_init(loop, &wait->poll_, wait->pidFd_.get()); error != 0) {
      ::kill(child.pid, SIGKILL);
      (void)reapChild(child.pid);
      wait->ended_.Reject(errorToJs(env, SysError{-error, "epoll_ctl", {}}).Value());
      return promise;
    }
    wait->poll_.data = wait.get();
    napi_add_async_cleanup_hook(env, &ChildWait::tearDown, wait.get(), &wait->hook_);
    uv_poll_start(&wait->poll_, UV_READABLE, &ChildWait::onReadable);
    (void)wait.release();
    return promise;
  }

 private:
  ChildWait(Napi::Env env, StartedChild& child)
      : env_(env),
        ended_(Napi::Promise::Deferred::New(env)),
        context_(env, "imgsync child"),
        pid_(child.pid),
        pidFd_(std::move(child.pidFd)) {}

  static void onReadable(uv_poll_t* poll, int, int) { static_cast<ChildWait*>(poll->data)->settle(); }

  void settle() {
    const Napi::HandleScope scope(env_);
    {
      const Napi::CallbackScope callbacks(env_, context_);
      const auto end = reapChild(pid_);
      if (end) {
        auto result = Napi::Object::New(env_);
        const auto number = [this](int value) { return Napi::Number::New(env_, value); };
        if (end.value().signal == 0)
          result.Set("exitCode", number(end.value().exitCode));
        else
          result.Set("signal", number(end.value().signal));
        ended_.Resolve(result);
      } else {
        ended_.Reject(errorToJs(env_, end.error()).Value());
      }
    }
    close();
  }

  void close() {
    if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&poll_)) != 0) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
      const std::unique_ptr<ChildWait> wait(static_cast<ChildWait*>(handle->data));
      napi_remove_async_cleanup_hook(wait->hook_);
    });
  }

  // The environment goes away before the child.
  static void tearDown(napi_async_cleanup_hook_handle, void* wait) { static_cast<ChildWait*>(wait)->close(); }

  Napi::Env env_;
  Napi::Promise::Deferred ended_;
  Napi::AsyncContext context_;
  pid_t pid_;
  UniqueFd pidFd_;
  uv_poll_t poll_{};
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

std::vector<std::string> textsFromJs(const Napi::Value& value) {
  std::vector<std::string> texts;
  if (!value.IsArray()) return texts;
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); ++i)
    texts.push_back(Napi::Value(array.Get(i)).ToString().Utf8Value());
  return texts;
}

Napi::Value startChildCall(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].ToObject();
  ChildSpec spec;
  spec.files = textsFromJs(options.Get("files"));
  spec.args = textsFromJs(options.Get("args"));
  spec.env = textsFromJs(options.Get("env"));
  spec.cwdFd = options.Get("cwdFd").ToNumber().Int32Value();
  if (options.Get("stdin").IsNumber()) spec.stdinFd = options.Get("stdin").ToNumber().Int32Value();
  auto started = startChild(spec);
  if (!started) {
    errorToJs(env, started.error()).ThrowAsJavaScriptException();
    return env.Undefined();
  }
  StartedChild& child = started.value();
  auto result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, child.pid));
  result.Set("ended", ChildWait::start(env, child));
  const auto hand = [&](const char* name, UniqueFd& fd) {
    result.Set(name, Napi::Number::New(env, fd.release()));
  };
  if (child.stdinFd) hand("stdin", child.stdinFd);
  hand("stdout", child.stdoutFd);
  hand("stderr", child.stderrFd);
  return result;
}

Napi::Value canStartChildrenCall(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), canStartChildren());
}

}  // namespace

void registerChildFunctions(Napi::Env env, Napi::Object exports) {
  exports.Set("startChild", Napi::Function::New<startChildCall>(env, "startChild"));
  exports.Set("canStartChildren", Napi::Function::New<canStartChildrenCall>(env, "canStartChildren"));
}

}  // namespace imgsync
