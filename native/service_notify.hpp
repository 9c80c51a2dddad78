// Messages to the service manager, sd_notify(3): datagrams, which Node can't send. Any thread.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string_view>

#include "result.hpp"

namespace imgsync {

struct NotifyAddress {
  sockaddr_un name;
  socklen_t size;
};

// What `$NOTIFY_SOCKET` names: an absolute path, or `@name` in the abstract namespace.
Result<NotifyAddress> notifyAddressOf(std::string_view socket);

// Sends one message and never waits: `EAGAIN` when the manager's queue is full. Nothing: it was sent.
std::optional<SysError> notifyService(std::string_view socket, std::string_view message);

}  // namespace imgsync
