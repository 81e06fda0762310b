// Advisory locks (flock(2)) on open files and directories: between processes, gone with the descriptor.
#pragma once

#include <string_view>

namespace osb {

// Takes the exclusive lock of an open file. False when somebody else holds one. Throws Error{io} naming
// `what` where the file cannot be locked at all (ENOLCK on some network filesystems): waiting would not help.
bool try_lock_file(int fd, std::string_view what);

// Waits until it has the exclusive lock; an interruption ends the wait within milliseconds. Throws as
// try_lock_file(), and Interrupted.
void lock_file(int fd, std::string_view what);

}  // namespace osb
