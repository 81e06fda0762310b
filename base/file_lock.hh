// Advisory locks between processes (flock(2)) on open files and directories. Closing the descriptor releases
// the lock.
#pragma once

#include <string_view>

namespace osb {

// Acquires an exclusive lock on an open file. Returns false if another process holds the lock. Throws
// Error{io} naming `what` if the file cannot be locked (ENOLCK on some network filesystems).
bool try_lock_file(int fd, std::string_view what);

// Waits until it acquires the exclusive lock. Throws Error{io} as try_lock_file() does. Throws Interrupted
// within milliseconds after a stop request.
void lock_file(int fd, std::string_view what);

}  // namespace osb
