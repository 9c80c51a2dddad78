// Starts real programs, from several threads at once as the worker threads do.
#include "child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"

using namespace imgsync;

namespace {

ChildSpec shell(const std::string& script, int cwdFd) {
  ChildSpec spec;
  spec.files = {"/no/such/folder/sh", "/bin/sh"};
  spec.args = {"sh", "-c", script};
  spec.env = {"GREETING=hello", "PATH=/usr/bin:/bin"};
  spec.cwdFd = cwdFd;
  return spec;
}

std::string readAll(int fd) {
  std::string text;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = ::read(fd, bytes.data(), bytes.size())) > 0;) text.append(bytes.data(), got);
  return text;
}

void waitForEnd(const StartedChild& child) {
  pollfd end = {child.pidFd.get(), POLLIN, 0};
  CHECK_EQUAL(::poll(&end, 1, -1), 1);
}

void testRun(int cwdFd) {
  auto started = startChild(shell("read line; echo \"$GREETING $line\"; pwd >&2; exit 5", cwdFd));
  CHECK(started.ok());
  StartedChild& child = started.value();
  CHECK_EQUAL(::write(child.stdinFd.get(), "world\n", 6), 6);
  CHECK_EQUAL(readAll(child.stdoutFd.get()), "hello world\n");
  CHECK_EQUAL(readAll(child.stderrFd.get()), "/\n");
  waitForEnd(child);
  const auto end = reapChild(child.pid);
  CHECK(end.ok());
  CHECK_EQUAL(end.value().exitCode, 5);
  CHECK_EQUAL(end.value().signal, 0);
  CHECK(!reapChild(child.pid).ok());
}

void testKilled(int cwdFd) {
  auto started = startChild(shell("echo ready; exec sleep 1000", cwdFd));
  CHECK(started.ok());
  std::array<char, 6> ready{};
  CHECK_EQUAL(::read(started.value().stdoutFd.get(), ready.data(), ready.size()), 6);
  CHECK_EQUAL(::kill(-started.value().pid, SIGTERM), 0);
  waitForEnd(started.value());
  const ChildEnd end = reapChild(started.value().pid).value();
  CHECK_EQUAL(end.signal, SIGTERM);
}

void testManyAtOnce(int cwdFd) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([cwdFd] {
      for (int i = 0; i < 50; ++i) {
        auto started = startChild(shell("echo " + std::to_string(i), cwdFd));
        CHECK(started.ok());
        CHECK_EQUAL(readAll(started.value().stdoutFd.get()), std::to_string(i) + "\n");
        const ChildEnd end = reapChild(started.value().pid).value();
        CHECK_EQUAL(end.exitCode, 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Under TSan vfork(2) is a fork(2), whose child can't tell its parent by their memory.
#ifndef __SANITIZE_THREAD__
void testNotThere(int cwdFd) {
  ChildSpec spec = shell("", cwdFd);
  spec.files = {"/no/such/program"};
  const auto missing = startChild(spec);
  CHECK_EQUAL(missing.error().code, ENOENT);
  spec.files = {"/etc/passwd", "/no/such/program"};
  const auto refused = startChild(spec);
  CHECK_EQUAL(refused.error().code, EACCES);
}
#else
void testNotThere(int) {}
#endif

}  // namespace

int main() {
  const UniqueFd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  testRun(root.get());
  testKilled(root.get());
  testManyAtOnce(root.get());
  testNotThere(root.get());
}
