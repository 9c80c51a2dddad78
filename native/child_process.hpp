// Starts programs the cheap way: Node's own copies the page tables of this whole process for each (fork(2)
// instead of vfork(2)), which takes many times longer than the program's start itself. Any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "result.hpp"
#include "unique_fd.hpp"

namespace imgsync {

struct ChildSpec {
  // Files that may be the program; the first that can be executed is.
  std::vector<std::string> files;
  std::vector<std::string> args;  // args[0] is the name that it is called by
  std::vector<std::string> env;   // NAME=value
  int cwdFd = -1;                 // directory that it runs in
  int stdinFd = -1;               // what it reads; -1: a pipe
};

struct StartedChild {
  pid_t pid = 0;
  UniqueFd pidFd;     // readable when it has ended
  UniqueFd stdinFd;   // the end of the pipe that is written to; none if it reads from a descriptor
  UniqueFd stdoutFd;  // the ends that are read
  UniqueFd stderrFd;
};

// Starts it as leader of a session of its own, with default signal handling. It inherits no descriptor but
// the three. Fails with the errno of execve(2) when none of the files can be executed, and with ENOSYS before
// Linux 5.3.
Result<StartedChild> startChild(const ChildSpec& spec);

// Whether the kernel tells the end of a child by a descriptor, so that startChild does not fail with ENOSYS.
bool canStartChildren();

struct ChildEnd {
  int exitCode = 0;  // meaningless if a signal ended it
  int signal = 0;    // 0: it exited
};

// How a child that has ended did so; it is gone from the process table then.
Result<ChildEnd> reapChild(pid_t pid);

}  // namespace imgsync
