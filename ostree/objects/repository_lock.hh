// Waiting for the lock that every program of libostree's takes on a repository. Internal to this folder.
#pragma once

#include "base/fd.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

enum class RepositoryLock {
    shared,     // of those who read and add
    exclusive,  // of those who delete, as `ostree prune`
};

// libostree waits with a second's sleep between its tries, and no signal wakes it. This waits in its stead,
// until it could have the lock; an interruption ends the wait within milliseconds.
//
// The result is a shared lock of our own, to be kept until libostree has its own: nobody can come in between.
// For an exclusive one it is empty, since that would be in libostree's way. It is empty as well where the
// repository does without locks, or cannot be locked: libostree says why.
//
// Throws Interrupted; Error{io} after the time that the repository's configuration gives
// (core.lock-timeout-secs, 300 seconds).
Fd wait_for_lock(const Repository& repository, RepositoryLock kind);

}  // namespace osb::ostree
