// Asks the kernel whether a file is open for writing. Any thread.
#pragma once

#include <sys/stat.h>

namespace imgsync {

enum class Writer {
  none,
  noneYet,  // the file is empty: who has just made it becomes its writer a moment after it can be seen
  present,  // some process has the file open for writing, or mapped so
  unknown,  // it can't be asked: gone, unreadable, no regular file, or a file system without leases
};

// Of `path` below the directory, which was found to have this status. For a moment the file is open for
// reading, and whoever opens it for writing just then waits until that is over.
Writer askForWriter(int directoryFd, const char* path, const struct stat& status);

}  // namespace imgsync
