#include "watcher.hpp"

#include <uv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "js_values.hpp"
#include "watch_loop.hpp"

namespace imgsync {

namespace {

// What one watcher is made of. It lives as long as its thread, whatever becomes of the JS object. Everything
// runs on the JS thread but deliver() and ended(), which the loop's thread calls. The latter is its last act:
// it releases the thread-safe function, whose finalizer joins the thread.
class Session {
 public:
  explicit Session(WatchLoopOptions options)
      : loop_(std::move(options),
              {[this](std::unique_ptr<WatchLoop::Delivery> delivery) { return deliver(std::move(delivery)); },
               [this] { ended(); }}) {}

  // False and errno: there is no thread to be had.
  static bool start(const std::shared_ptr<Session>& session, Napi::Env env, const Napi::Function& onMessage);

  Napi::Promise drain(Napi::Env env);
  Napi::Promise close(Napi::Env env);
  void ping() { loop_.ping(); }
  WatchStats stats() const { return loop_.stats(); }

 private:
  static void receive(Napi::Env env, Napi::Function onMessage, Session* session, WatchLoop::Delivery* raw);
  static void finalize(Napi::Env env, std::shared_ptr<Session>* holder, Session* session);
  static void tearDown(void* session);

  bool deliver(std::unique_ptr<WatchLoop::Delivery> delivery);
  void ended();
  void emit(Napi::Env env, const Napi::Function& onMessage, WatchMessage& message);
  void resolveDrains(Napi::Env env, const DrainedMessage& message);
  void rejectDrains(Napi::Env env);

  Napi::TypedThreadSafeFunction<Session, WatchLoop::Delivery, &Session::receive> function_;
  bool isRefused_ = false;  // the loop's thread: the environment goes away, the function is released already
  std::map<std::uint64_t, Napi::Promise::Deferred> drains_;
  std::optional<Napi::Promise::Deferred> closed_;
  bool hasEnded_ = false;  // a message said so, or it was closed: nothing is drained any more
  bool isJoined_ = false;
  bool isTornDown_ = false;
  WatchLoop loop_;
};

bool Session::start(const std::shared_ptr<Session>& session, Napi::Env env, const Napi::Function& onMessage) {
  using Function = decltype(session->function_);
  auto holder = std::make_unique<std::shared_ptr<Session>>(session);
  // One delivery at a time: the loop sends the next when the last was taken.
  session->function_ = Function::New(env, onMessage, "imgsync watcher", 1, 1, session.get(),
                                     &Session::finalize, holder.release());
  if (!session->loop_.start()) {
    const int error = errno;
    session->function_.Release();
    errno = error;
    return false;
  }
  // Hooks run newest first, so this one comes before the function's own.
  napi_add_env_cleanup_hook(env, &Session::tearDown, session.get());
  return true;
}

bool Session::deliver(std::unique_ptr<WatchLoop::Delivery> delivery) {
  isRefused_ = function_.NonBlockingCall(delivery.get()) != napi_ok;
  if (!isRefused_) (void)delivery.release();  // receive() owns it now
  return !isRefused_;
}

void Session::ended() {
  if (!isRefused_) function_.Release();
}

void Session::receive(Napi::Env env, Napi::Function onMessage, Session* session, WatchLoop::Delivery* raw) {
  const std::unique_ptr<WatchLoop::Delivery> delivery(raw);
  // At teardown the session may be gone.
  if (env == nullptr) return;
  for (WatchMessage& message : *delivery) {
    if (session->closed_) break;
    session->emit(env, onMessage, message);
    if (!env.IsExceptionPending()) continue;
    // As if this message had come alone: the others are not lost when the process lives on.
    const Napi::Error error = env.GetAndClearPendingException();
    napi_fatal_exception(env, error.Value());
  }
  session->loop_.delivered();
}

void Session::emit(Napi::Env env, const Napi::Function& onMessage, WatchMessage& message) {
  Napi::Object object = Napi::Object::New(env);
  const auto set = [&](const char* name, Napi::Value value) { object.Set(name, value); };
  const auto type = [&](const char* name) { set("type", Napi::String::New(env, name)); };
  if (const auto* drained = std::get_if<DrainedMessage>(&message)) {
    return resolveDrains(env, *drained);
  }
  if (const auto* live = std::get_if<LiveMessage>(&message)) {
    type("live");
    set("directories", Napi::Number::New(env, static_cast<double>(live->directories)));
    set("entries", Napi::Number::New(env, static_cast<double>(live->entries)));
    if (live->scan) set("scan", Napi::Buffer<char>::Copy(env, live->scan->data(), live->scan->size()));
  } else if (const auto* changes = std::get_if<ChangesMessage>(&message)) {
    type("changes");
    set("packed", Napi::Buffer<char>::Copy(env, changes->packed.data(), changes->packed.size()));
  } else if (std::holds_alternative<OverflowMessage>(message)) {
    type("overflow");
  } else if (const auto* lost = std::get_if<RootLostMessage>(&message)) {
    type("root-lost");
    set("reason", Napi::String::New(env, lost->reason));
    rejectDrains(env);
  } else if (const auto* error = std::get_if<SysError>(&message)) {
    type("error");
    std::array<char, 64> code{};
    uv_err_name_r(-error->code, code.data(), code.size());
    set("code", Napi::String::New(env, code.data()));
    set("syscall", Napi::String::New(env, error->syscall));
    set("path", latin1ToJs(env, error->path));
    rejectDrains(env);
  }
  onMessage.Call({object});
}

Napi::Promise Session::drain(Napi::Env env) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  if (hasEnded_) {
    deferred.Reject(errorToJs(env, {ECANCELED, "drain", {}}).Value());
  } else {
    drains_.emplace(loop_.drain(), deferred);
  }
  return deferred.Promise();
}

void Session::resolveDrains(Napi::Env env, const DrainedMessage& message) {
  const auto end = drains_.upper_bound(message.number);
  for (auto at = drains_.begin(); at != end; at = drains_.erase(at)) {
    at->second.Resolve(Napi::Buffer<char>::Copy(env, message.settling.data(), message.settling.size()));
  }
}

void Session::rejectDrains(Napi::Env env) {
  hasEnded_ = true;
  for (const auto& [number, deferred] : std::exchange(drains_, {})) {
    deferred.Reject(errorToJs(env, {ECANCELED, "drain", {}}).Value());
  }
}

Napi::Promise Session::close(Napi::Env env) {
  if (!closed_) {
    closed_ = Napi::Promise::Deferred::New(env);
    rejectDrains(env);
    if (isJoined_) {
      closed_->Resolve(env.Undefined());
    } else {
      loop_.stop();
    }
  }
  return closed_->Promise();
}

// The thread is at its end, or never began.
void Session::finalize(Napi::Env env, std::shared_ptr<Session>* holder, Session* session) {
  const std::unique_ptr<std::shared_ptr<Session>> keep(holder);
  session->loop_.join();
  session->isJoined_ = true;
  if (session->isTornDown_) return;
  napi_remove_env_cleanup_hook(env, &Session::tearDown, session);
  if (session->closed_) session->closed_->Resolve(env.Undefined());
}

// The environment goes away: a worker was terminated, or the process exits.
void Session::tearDown(void* raw) {
  auto* session = static_cast<Session*>(raw);
  session->isTornDown_ = true;
  session->loop_.stop();
  session->loop_.join();
}

// Whether a renamed directory may show or hide what lies below it: the pattern is held against more than the
// last name of a path.
bool looksAtPaths(const std::string& rule) {
  std::string_view pattern = std::string_view(rule).substr(std::min<std::size_t>(2, rule.size()));
  if (!pattern.empty() && pattern.back() == '/') pattern.remove_suffix(1);
  return pattern.find('/') != std::string_view::npos || pattern.find("**") != std::string_view::npos;
}

WatchLoopOptions optionsFromJs(const Napi::Object& object) {
  const auto flag = [&](const char* name, bool otherwise) {
    const Napi::Value value = object.Get(name);
    return value.IsBoolean() ? value.As<Napi::Boolean>().Value() : otherwise;
  };
  const auto number = [&](const char* name, std::int64_t otherwise) {
    const Napi::Value value = object.Get(name);
    return value.IsNumber() ? std::max<std::int64_t>(0, value.As<Napi::Number>().Int64Value()) : otherwise;
  };
  WatchLoopOptions options;
  options.tree.tree.root = latin1FromJs(object.Get("root"));
  options.tree.tree.filter = filterFromJs(object.Get("rules"));
  const Napi::Value rules = object.Get("rules");
  if (rules.IsArray()) {
    const auto array = rules.As<Napi::Array>();
    for (std::uint32_t i = 0; i < array.Length(); ++i) {
      if (looksAtPaths(latin1FromJs(array.Get(i)))) options.tree.filterLooksAtPaths = true;
    }
  }
  options.tree.digests = flag("digests", false);
  options.tree.files.attrib = flag("attrib", true);
  options.tree.files.modify = flag("modify", false);
  options.tree.files.settle =
      std::chrono::milliseconds(number("settleMs", options.tree.files.settle.count()));
  options.tree.tree.crossMounts = flag("crossMounts", true);
  options.linger = std::chrono::milliseconds(number("lingerMs", options.linger.count()));
  options.pendingLimitBytes = static_cast<std::size_t>(
      number("pendingLimitBytes", static_cast<std::int64_t>(options.pendingLimitBytes)));
  return options;
}

class Watcher : public Napi::ObjectWrap<Watcher> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Watcher",
                       {InstanceMethod<&Watcher::drain>("drain"), InstanceMethod<&Watcher::ping>("ping"),
                        InstanceMethod<&Watcher::stats>("stats"), InstanceMethod<&Watcher::close>("close")});
  }

  explicit Watcher(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Watcher>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsFunction()) {
      Napi::TypeError::New(env, "Watcher takes options and a function").ThrowAsJavaScriptException();
      return;
    }
    session_ = std::make_shared<Session>(optionsFromJs(info[0].As<Napi::Object>()));
    if (!Session::start(session_, env, info[1].As<Napi::Function>())) {
      errorToJs(env, SysError::last("pthread_create")).ThrowAsJavaScriptException();
    }
  }

 private:
  Napi::Value drain(const Napi::CallbackInfo& info) { return session_->drain(info.Env()); }
  Napi::Value close(const Napi::CallbackInfo& info) { return session_->close(info.Env()); }

  Napi::Value ping(const Napi::CallbackInfo& info) {
    session_->ping();
    return info.Env().Undefined();
  }

  Napi::Value stats(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const WatchStats stats = session_->stats();
    Napi::Object object = Napi::Object::New(env);
    const auto set = [&](const char* name, std::uint64_t value) {
      object.Set(name, Napi::Number::New(env, static_cast<double>(value)));
    };
    set("directories", stats.directories);
    set("watches", stats.watches);
    set("pending", stats.pending);
    set("settling", stats.settling);
    set("events", stats.events);
    set("overflows", stats.overflows);
    set("turns", stats.turns);
    return object;
  }

  std::shared_ptr<Session> session_;
};

}  // namespace

void registerWatcher(Napi::Env env, Napi::Object exports) { exports.Set("Watcher", Watcher::define(env)); }

}  // namespace imgsync
