// A filter of system calls (seccomp(2)).
#pragma once

namespace osb {

// Which sockets may be made, and whether programs may be started.
struct SyscallRules {
    // Sockets with a path: none may be made, one may wait for connections, or anything. Other programs, above
    // all Docker and the service manager, start programs for those who reach theirs.
    enum class PathSockets { none, listen, all };
    PathSockets path_sockets = PathSockets::none;
    // IPv4 and IPv6.
    bool network = false;
    bool programs = false;  // also allows further processes, not only threads
};

// Filters the system calls of all threads of this process, and of the threads and processes that they start.
// There is no way back. It also sets no_new_privs. A refused call fails with EPERM. Without `programs` no
// process can be started, so nothing outlives this one. Refused are, in any case:
// calls by another architecture's numbers; debugging and the memory of other processes; mounts and
// namespaces; kernel modules, kexec, BPF and keys; the clock, the host name and a reboot; io_uring, which
// works around filters; and input into the terminal, which its shell would execute. Returns false if the
// kernel or this architecture has no such filters. Throws Error{io}.
bool apply_syscall_filter(const SyscallRules& rules);

}  // namespace osb
