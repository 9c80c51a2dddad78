// Messages to a service manager, over real sockets of both kinds.
#include "service_notify.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>

#include "check.hpp"
#include "temp_tree.hpp"
#include "unique_fd.hpp"

using namespace imgsync;
using imgsync::test::TempTree;

namespace {

UniqueFd listenAt(const std::string& socket) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  CHECK(bool(fd));
  const NotifyAddress address = notifyAddressOf(socket).value();
  CHECK_EQUAL(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.name), address.size), 0);
  return fd;
}

std::string receive(const UniqueFd& fd) {
  std::array<char, 4096> buffer{};
  const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
  return size < 0 ? std::string("nothing") : std::string(buffer.data(), static_cast<std::size_t>(size));
}

void testDelivery(const std::string& socket) {
  const UniqueFd fd = listenAt(socket);
  CHECK(!notifyService(socket, "READY=1\nSTATUS=\xe4\xb8\xad").has_value());
  CHECK_EQUAL(receive(fd), "READY=1\nSTATUS=\xe4\xb8\xad");
  CHECK_EQUAL(receive(fd), "nothing");
}

// A manager that does not read must not stop the replication.
void testFullQueue(const std::string& socket) {
  const UniqueFd fd = listenAt(socket);
  int sent = 0;
  for (; sent < 100'000; ++sent) {
    if (const auto failure = notifyService(socket, "WATCHDOG=1")) {
      CHECK_EQUAL(failure->code, EAGAIN);
      break;
    }
  }
  CHECK(sent > 0);
  CHECK(sent < 100'000);
  CHECK_EQUAL(receive(fd), "WATCHDOG=1");
  CHECK(!notifyService(socket, "READY=1").has_value());
}

int errorOf(const std::string& socket) {
  const auto failure = notifyService(socket, "x");
  return failure ? failure->code : 0;
}

void testFaults(const std::string& folder) {
  CHECK_EQUAL(errorOf(""), EAFNOSUPPORT);
  CHECK_EQUAL(errorOf("vsock:2:1234"), EAFNOSUPPORT);
  CHECK_EQUAL(errorOf("@"), EINVAL);
  CHECK_EQUAL(errorOf("/" + std::string(107, 'n')), ENAMETOOLONG);
  CHECK_EQUAL(errorOf("@" + std::string(107, 'n')), ENAMETOOLONG);
  CHECK_EQUAL(errorOf(folder + "/nobody"), ENOENT);
  CHECK_EQUAL(errorOf("@imgsync-test-nobody"), ECONNREFUSED);
}

}  // namespace

int main() {
  const TempTree tree;
  testDelivery(tree.at("notify"));
  testDelivery("@imgsync-test-" + std::to_string(::getpid()));
  // The longest names that there are.
  const std::string longest = "@imgsync-test-" + std::to_string(::getpid());
  testDelivery(longest + std::string(107 - longest.size(), 'n'));
  testFullQueue(tree.at("full"));
  testFaults(tree.path());
}
