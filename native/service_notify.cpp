#include "service_notify.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>

#include "unique_fd.hpp"

namespace imgsync {

Result<NotifyAddress> notifyAddressOf(std::string_view socket) {
  const bool isAbstract = !socket.empty() && socket.front() == '@';
  const bool isPath = !socket.empty() && socket.front() == '/';
  NotifyAddress address{};
  if (!isAbstract && !isPath) return SysError{EAFNOSUPPORT, "sendto", std::string(socket)};
  if (socket.size() < 2) return SysError{EINVAL, "sendto", std::string(socket)};
  // The kernel takes a path without its NUL, too, but then it can't be told from one that was cut.
  if (socket.size() >= sizeof address.name.sun_path)
    return SysError{ENAMETOOLONG, "sendto", std::string(socket)};
  address.name.sun_family = AF_UNIX;
  std::copy(socket.begin(), socket.end(), address.name.sun_path);
  if (isAbstract) address.name.sun_path[0] = '\0';
  // Every byte of an abstract name counts, those behind it included.
  const std::size_t nul = isAbstract ? 0 : 1;
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size() + nul);
  return address;
}

std::optional<SysError> notifyService(std::string_view socket, std::string_view message) {
  const auto address = notifyAddressOf(socket);
  if (!address) return address.error();
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return SysError::last("socket");
  const auto* name = reinterpret_cast<const sockaddr*>(&address.value().name);
  const ssize_t sent = ::sendto(fd.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL, name,
                                address.value().size);
  if (sent < 0) return SysError::last("sendto", std::string(socket));
  return std::nullopt;
}

}  // namespace imgsync
