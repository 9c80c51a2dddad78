#include "tree_functions.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "js_values.hpp"
#include "list_builder.hpp"
#include "tree_scanner.hpp"
#include "unique_fd.hpp"

namespace imgsync {

namespace {

Napi::Value toJs(Napi::Env env, const std::string& bytes) {
  // Copied, because a worker can transfer only buffers whose memory is JS's own.
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

Napi::Value toJs(Napi::Env env, const BuiltLists& lists) {
  const auto number = [env](auto value) { return Napi::Number::New(env, static_cast<double>(value)); };
  auto result = Napi::Object::New(env);
  result.Set("list", toJs(env, lists.list));
  result.Set("checked", toJs(env, lists.checked));
  result.Set("trees", toJs(env, lists.trees));
  result.Set("big", toJs(env, lists.big));
  result.Set("deferred", toJs(env, lists.deferred));
  result.Set("tooLong", toJs(env, lists.tooLong));
  result.Set("gonePaths", toJs(env, lists.gonePaths));
  result.Set("replacedTrees", toJs(env, lists.replacedTrees));
  result.Set("entryDirectories", toJs(env, lists.entryDirectories));
  result.Set("files", number(lists.files));
  result.Set("directories", number(lists.directories));
  result.Set("whole", number(lists.whole));
  result.Set("gone", number(lists.gone));
  result.Set("sizeBytes", number(lists.sizeBytes));
  return result;
}

// One call of `work` on libuv's pool; its result settles a promise. Frees itself after that.
template <typename T>
class PoolCall final : public Napi::AsyncWorker {
 public:
  using Work = std::function<Result<T>()>;

  static Napi::Value start(Napi::Env env, const char* name, Work work) {
    auto call = std::make_unique<PoolCall>(env, name, std::move(work));
    const Napi::Promise promise = call->deferred_.Promise();
    call.release()->Queue();
    return promise;
  }

  PoolCall(Napi::Env env, const char* name, Work work)
      : AsyncWorker(env, name), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}

  void Execute() override { result_.emplace(work_()); }

  void OnOK() override {
    if (result_->ok()) {
      deferred_.Resolve(toJs(Env(), result_->value()));
    } else {
      deferred_.Reject(errorToJs(Env(), result_->error()).Value());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  Work work_;
  std::optional<Result<T>> result_;
};

Napi::Value reject(Napi::Env env, const SysError& error) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Reject(errorToJs(env, error).Value());
  return deferred.Promise();
}

std::uint64_t bytesLimit(const Napi::Value& value) {
  const double bytes = value.ToNumber().DoubleValue();
  return bytes < 9e15 ? static_cast<std::uint64_t>(std::max(0.0, bytes)) : UINT64_MAX;
}

DeleteMethod deleteMethodFromJs(const Napi::Value& value) {
  const std::string name = latin1FromJs(value);
  if (name == "missing-args") return DeleteMethod::missingArgs;
  if (name == "parent-directory") return DeleteMethod::parentDirectory;
  return DeleteMethod::none;
}

Napi::Value buildListsCall(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].ToObject();
  // The caller may close its descriptor before this is done.
  const int root = ::fcntl(options.Get("rootFd").ToNumber().Int32Value(), F_DUPFD_CLOEXEC, 0);
  if (root < 0) return reject(env, SysError::last("fcntl"));
  const auto rootFd = std::make_shared<UniqueFd>(root);
  ListLimits limits;
  limits.deleteMethod = deleteMethodFromJs(options.Get("deleteMethod"));
  limits.bigFileBytes = bytesLimit(options.Get("bigFileBytes"));
  limits.batchBytes = bytesLimit(options.Get("batchBytes"));
  limits.checks = options.Get("checks").ToBoolean();
  if (options.Has("crowded")) limits.crowded = std::string(bytesFromJs(options.Get("crowded")));
  return PoolCall<BuiltLists>::start(env, "buildLists",
                                     [rootFd, limits, filter = filterFromJs(options.Get("rules")),
                                      changes = std::string(bytesFromJs(options.Get("changes")))] {
                                       return buildLists(rootFd->get(), filter, changes, limits);
                                     });
}

Napi::Value scanTreeCall(const Napi::CallbackInfo& info) {
  const auto options = info[0].ToObject();
  ScanOptions scan;
  scan.digests = options.Get("digests").ToBoolean();
  scan.crossMounts = options.Get("crossMounts").ToBoolean();
  if (options.Has("mounted")) scan.mounted = options.Get("mounted").ToBoolean();
  scan.threads = options.Get("threads").ToNumber().Uint32Value();
  if (options.Has("from")) scan.from = std::string(bytesFromJs(options.Get("from")));
  return PoolCall<std::string>::start(
      info.Env(), "scanTree",
      [scan, root = latin1FromJs(options.Get("root")), filter = filterFromJs(options.Get("rules"))] {
        return scanTree(root, filter, scan);
      });
}

Napi::Value digestDirectoriesCall(const Napi::CallbackInfo& info) {
  const auto options = info[0].ToObject();
  return PoolCall<std::string>::start(
      info.Env(), "digestDirectories",
      [root = latin1FromJs(options.Get("root")), filter = filterFromJs(options.Get("rules")),
       directories = std::string(bytesFromJs(options.Get("directories")))] {
        return digestDirectories(root, filter, directories);
      });
}

Napi::Value matchFilterCall(const Napi::CallbackInfo& info) {
  const FilterVerdict verdict =
      filterFromJs(info[0]).judgeWithAncestors(latin1FromJs(info[1]), info[2].ToBoolean());
  auto result = Napi::Object::New(info.Env());
  result.Set("excluded", Napi::Boolean::New(info.Env(), verdict.excluded));
  result.Set("rule", Napi::Number::New(info.Env(), verdict.rule));
  return result;
}

Result<UniqueFd> memoryFile(std::string_view bytes) {
  UniqueFd fd(::memfd_create("imgsync-list", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return SysError::last("memfd_create");
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return SysError::last("write");
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return SysError::last("fcntl");
  }
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return SysError::last("lseek");
  return fd;
}

Napi::Value memoryFileCall(const Napi::CallbackInfo& info) {
  auto fd = memoryFile(bytesFromJs(info[0]));
  if (!fd) {
    errorToJs(info.Env(), fd.error()).ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), fd.value().release());
}

}  // namespace

void registerTreeFunctions(Napi::Env env, Napi::Object exports) {
  exports.Set("buildLists", Napi::Function::New<buildListsCall>(env, "buildLists"));
  exports.Set("scanTree", Napi::Function::New<scanTreeCall>(env, "scanTree"));
  exports.Set("digestDirectories", Napi::Function::New<digestDirectoriesCall>(env, "digestDirectories"));
  exports.Set("matchFilter", Napi::Function::New<matchFilterCall>(env, "matchFilter"));
  exports.Set("memoryFile", Napi::Function::New<memoryFileCall>(env, "memoryFile"));
}

}  // namespace imgsync
