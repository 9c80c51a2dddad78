#include "child_process.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <utility>

namespace imgsync {

namespace {

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

UniqueFd openPid(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

struct Pipe {
  UniqueFd readEnd, writeEnd;
};

// Ends below 3 would be in the way of the child's own three descriptors.
Result<UniqueFd> aboveStandard(UniqueFd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved) return SysError::last("fcntl");
  return moved;
}

Result<Pipe> makePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return SysError::last("pipe2");
  UniqueFd readEnd(ends[0]), writeEnd(ends[1]);
  auto first = aboveStandard(std::move(readEnd));
  auto second = aboveStandard(std::move(writeEnd));
  if (!first) return first.error();
  if (!second) return second.error();
  return Pipe{std::move(first.value()), std::move(second.value())};
}

std::vector<char*> pointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// All that the child needs, made before it is there: it shares the memory, so it must not allocate.
struct Prepared {
  std::vector<char*> files, args, env;
  int cwdFd;
  std::array<int, 3> standard;
};

// In the child, between vfork(2) and execve(2). Only system calls: the memory is the parent's, whose thread
// waits.
[[noreturn]] void become(const Prepared& prepared, volatile int* error) {
  struct sigaction byDefault = {};
  byDefault.sa_handler = SIG_DFL;
  // The C library keeps some numbers to itself and refuses those.
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &byDefault, nullptr);
  const auto moved = [&](int from, int to) { return ::dup2(from, to) == to; };
  if (::setsid() >= 0 && ::fchdir(prepared.cwdFd) == 0 && moved(prepared.standard[0], STDIN_FILENO) &&
      moved(prepared.standard[1], STDOUT_FILENO) && moved(prepared.standard[2], STDERR_FILENO)) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    int refused = ENOENT;
    for (char* const* file = prepared.files.data(); *file != nullptr; ++file) {
      ::execve(*file, prepared.args.data(), prepared.env.data());
      // Like a shell: what is there and can't be executed says more than what is not there.
      if (errno != ENOENT && errno != ENOTDIR) refused = errno;
    }
    errno = refused;
  }
  *error = errno;
  ::_exit(127);
}

// vfork(2) must not be called where it could be inlined: its caller's frame is shared with the child.
[[gnu::noinline]] pid_t forkAndBecome(const Prepared& prepared, volatile int* error) {
  const pid_t pid = ::vfork();
  if (pid == 0) become(prepared, error);
  return pid;
}

// Who started this process may have it ignore SIGCHLD: then the kernel would throw the exit status away.
void keepExitStatus() {
  struct sigaction current = {};
  if (::sigaction(SIGCHLD, nullptr, &current) != 0 || current.sa_handler != SIG_IGN) return;
  current.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &current, nullptr);
}

}  // namespace

Result<StartedChild> startChild(const ChildSpec& spec) {
  std::optional<Pipe> input;
  if (spec.stdinFd < 0) {
    auto made = makePipe();
    if (!made) return made.error();
    input = std::move(made.value());
  }
  auto output = makePipe();
  if (!output) return output.error();
  auto errors = makePipe();
  if (!errors) return errors.error();
  // Asked before anything is started, for without it nothing tells the end.
  if (!openPid(::getpid())) return SysError::last("pidfd_open");

  const Prepared prepared{pointersTo(spec.files),
                          pointersTo(spec.args),
                          pointersTo(spec.env),
                          spec.cwdFd,
                          {input ? input->readEnd.get() : spec.stdinFd, output.value().writeEnd.get(),
                           errors.value().writeEnd.get()}};
  keepExitStatus();
  // A handler that ran in the child would work on the parent's memory.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  volatile int error = 0;
  const pid_t pid = forkAndBecome(prepared, &error);
  const int forkError = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return SysError{forkError, "vfork", {}};
  if (error != 0) {
    (void)reapChild(pid);
    return SysError{error, "execve", spec.args.empty() ? std::string() : spec.args.front()};
  }
  StartedChild started;
  started.pid = pid;
  started.pidFd = openPid(pid);
  if (!started.pidFd) {
    const SysError failure = SysError::last("pidfd_open");
    ::kill(pid, SIGKILL);
    (void)reapChild(pid);
    return failure;
  }
  if (input) started.stdinFd = std::move(input->writeEnd);
  started.stdoutFd = std::move(output.value().readEnd);
  started.stderrFd = std::move(errors.value().readEnd);
  return started;
}

bool canStartChildren() { return openPid(::getpid()) || errno != ENOSYS; }

Result<ChildEnd> reapChild(pid_t pid) {
  siginfo_t info = {};
  int failed = 0;
  do failed = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED);
  while (failed != 0 && errno == EINTR);
  if (failed != 0) return SysError::last("waitid");
  return info.si_code == CLD_EXITED ? ChildEnd{info.si_status, 0} : ChildEnd{0, info.si_status};
}

}  // namespace imgsync
