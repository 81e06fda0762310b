// Interruptible wait for the lock that all programs of libostree take on a repository. Private to this
// folder.
#pragma once

#include "base/fd.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The kind of lock.
enum class RepositoryLock {
    shared,     // for readers and writers of new objects
    exclusive,  // for programs that delete, such as `ostree prune`
};

// libostree sleeps for a second between its tries, and no signal wakes it. This function waits instead, until
// the lock is available. A stop request ends the wait within milliseconds.
//
// The result is a separate shared lock. Keep it until libostree has its own lock, so that no other program
// gets the exclusive lock in between. The result is empty for an exclusive lock, because it would block
// libostree. It is also empty if the repository does not use locks or cannot be locked: then libostree
// reports the reason.
//
// Throws Interrupted; Error{io} after the timeout in the repository's configuration (core.lock-timeout-secs,
// 300 seconds).
Fd wait_for_lock(const Repository& repository, RepositoryLock kind);

}  // namespace osb::ostree
