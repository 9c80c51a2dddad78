// Linked into the prebuilt addons only (scripts/prebuild.mjs), so that what a newer C library than the oldest
// supported one offers under a new version is taken under its first version, or done here. The linker's
// --wrap leads every call here, those from within the static libstdc++ and libgcc as well.
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>

// Declares `first_NAME`, which is the C library's NAME in its first version: on x64 the one given here.
#if defined(__x86_64__)
#define FIRST(name, version) FIRST_OF(name, version)
#elif defined(__aarch64__)
#define FIRST(name, version) FIRST_OF(name, "2.17")
#else
#error "the first version of the C library is not known for this architecture"
#endif
#define FIRST_OF(name, version)                            \
  asm(".symver first_" #name "," #name "@GLIBC_" version); \
  extern "C" decltype(name) first_##name

FIRST(pthread_create, "2.2.5");
FIRST(pthread_join, "2.2.5");
FIRST(pthread_key_create, "2.2.5");
FIRST(pthread_once, "2.2.5");
FIRST(pthread_setname_np, "2.12");
FIRST(pthread_sigmask, "2.2.5");

namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kLongestWait = kNanosecondsPerSecond;

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec; }

std::int64_t now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return nanoseconds(time);
}

}  // namespace

extern "C" {

int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                          void* argument) {
  return first_pthread_create(thread, attributes, start, argument);
}

int __wrap_pthread_join(pthread_t thread, void** result) { return first_pthread_join(thread, result); }

int __wrap___pthread_key_create(pthread_key_t* key, void (*destroy)(void*)) {
  return first_pthread_key_create(key, destroy);
}

int __wrap_pthread_once(pthread_once_t* control, void (*run)()) { return first_pthread_once(control, run); }

int __wrap_pthread_setname_np(pthread_t thread, const char* name) {
  return first_pthread_setname_np(thread, name);
}

int __wrap_pthread_sigmask(int how, const sigset_t* set, sigset_t* before) {
  return first_pthread_sigmask(how, set, before);
}

// Since 2.30. The older wait knows the wall clock only, which may be set while somebody waits: so no wait is
// a long one. To wake early is allowed, and std::condition_variable looks at its own clock then.
int __wrap_pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                  const timespec* until) {
  const std::int64_t left = nanoseconds(*until) - now(clock);
  if (left <= 0) return ETIMEDOUT;
  const std::int64_t end = now(CLOCK_REALTIME) + std::min(left, kLongestWait);
  const timespec wallTime{end / kNanosecondsPerSecond, end % kNanosecondsPerSecond};
  return ::pthread_cond_timedwait(condition, mutex, &wallTime);
}

// Functions of the C library since 2.33. The kernel's layout is the C library's on both architectures.
int __wrap_fstat64(int fd, struct stat* status) { return static_cast<int>(::syscall(SYS_fstat, fd, status)); }

int __wrap_fstatat64(int fd, const char* path, struct stat* status, int flags) {
  return static_cast<int>(::syscall(SYS_newfstatat, fd, path, status, flags));
}

// Since 2.32: whether there is one thread only. There never is within Node.
char __wrap___libc_single_threaded = 0;

// Since 2.35, asked by the unwinder for the handlers of an exception. The addon has none: "not found" ends
// the process.
int __wrap__dl_find_object(void*, void*) { return -1; }

}  // extern "C"
