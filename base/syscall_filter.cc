#include "base/syscall_filter.hh"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.hh"

namespace osb {
namespace {

#if defined(__x86_64__) && !defined(__ILP32__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__) && !defined(__ILP32__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_RISCV64;
#else
constexpr std::uint32_t kArchitecture = 0;  // no filter: its calls have not been looked at
#endif
static_assert(kArchitecture == 0 || std::endian::native == std::endian::little,
              "the filter reads the lower half of an argument first");

// The numbers of x32 on x86-64. No other architecture above has numbers as large.
constexpr std::uint32_t kForeignNumbers = 0x40000000;

// Calls that every architecture has under one number are missing in older headers.
constexpr std::uint32_t kPidfdGetfd = 438;
constexpr std::uint32_t kQuotactlFd = 443;

// Not all of them are in every architecture.
constexpr std::uint32_t kRefused[] = {
    // other processes
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    kPidfdGetfd,
    // mounts, namespaces, roots
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_unshare,
    SYS_setns,
    // the kernel
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_personality,
    SYS_syslog,
    SYS_reboot,
    // keys: a request for one starts a program
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    // what does the work of other calls, or finds files without a path
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_fanotify_init,
    SYS_open_by_handle_at,
    // the machine
    SYS_acct,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    kQuotactlFd,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_adjtimex,
    SYS_vhangup,
#ifdef SYS_clock_settime  // musl names them differently where time has 32 bits
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
#endif
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
#ifdef SYS_modify_ldt
    SYS_modify_ldt,
#endif
};

constexpr std::uint32_t kNewNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr std::uint32_t argument(unsigned index) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t));
}

// Builds the filter. Each rule is a few instructions with short jumps; the number of the call is loaded again
// after each rule that looks at an argument.
class Filter {
  public:
    Filter() {
        load(offsetof(seccomp_data, arch));
        add(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
        fail(EPERM);
        load_number();
        add(BPF_JMP | BPF_JGE | BPF_K, kForeignNumbers, 0, 1);
        fail(EPERM);
    }

    void refuse(std::uint32_t call, std::uint32_t error = EPERM) {
        add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
        fail(error);
    }
    // If one of these bits is set.
    void refuse_bits(std::uint32_t call, unsigned index, std::uint32_t bits) {
        refuse_if(call, index, statement(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
    }
    // If none of them is set.
    void refuse_without_bits(std::uint32_t call, unsigned index, std::uint32_t bits) {
        refuse_if(call, index, statement(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0));
    }
    void refuse_value(std::uint32_t call, unsigned index, std::uint32_t value) {
        refuse_if(call, index, statement(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    }
    // Unless it is about the calling process, whose number is 0.
    void refuse_others(std::uint32_t call) {
        refuse_if(call, 0, statement(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0));
    }
    // A pair of datagram sockets: each can still be connected to a path.
    void restrict_pairs() {
        add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socketpair, 0, 5);
        load(argument(1));
        add(BPF_ALU | BPF_AND | BPF_K, kSocketKind);
        add(BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 2, 0);
        add(BPF_JMP | BPF_JEQ | BPF_K, SOCK_SEQPACKET, 1, 0);
        fail(EPERM);
        load_number();
    }
    // Only sockets of the families that the rules have.
    void restrict_sockets(const SyscallRules& rules) {
        std::vector<sock_filter> allowed;
        const auto allow = [&](std::uint32_t family) {
            allowed.push_back(statement(BPF_JMP | BPF_JEQ | BPF_K, family, 0, 1));
            allowed.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
        };
        if (rules.network) {
            allow(AF_INET);
            allow(AF_INET6);
        }
        if (rules.path_sockets == SyscallRules::PathSockets::all) allow(AF_UNIX);
        if (rules.path_sockets == SyscallRules::PathSockets::listen) {
            // Datagrams could be sent without a connection.
            for (const sock_filter& one :
                 {statement(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 5), statement(kLoad, argument(1)),
                  statement(BPF_ALU | BPF_AND | BPF_K, kSocketKind),
                  statement(BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 0, 1),
                  statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), statement(kLoad, argument(0))})
                allowed.push_back(one);
        }
        // Addresses and routes of this machine, which name resolution asks for.
        for (const sock_filter& one :
             {statement(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3), statement(kLoad, argument(2)),
              statement(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_ROUTE, 0, 1),
              statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)})
            allowed.push_back(one);
        add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, static_cast<std::uint8_t>(allowed.size() + 2));
        load(argument(0));
        program_.insert(program_.end(), allowed.begin(), allowed.end());
        // musl takes this error for a missing service, glibc takes any.
        fail(EAFNOSUPPORT);
    }

    void install() {
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        sock_fprog program{.len = static_cast<unsigned short>(program_.size()), .filter = program_.data()};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw_errno("cannot set no_new_privs");
        const long result =
            ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
        if (result != 0) throw_errno("cannot filter system calls");
    }

  private:
    static constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
    static constexpr std::uint32_t kSocketKind = 0xf;  // without SOCK_CLOEXEC and SOCK_NONBLOCK

    static sock_filter statement(std::uint16_t code, std::uint32_t value, std::uint8_t if_true = 0,
                                 std::uint8_t if_false = 0) {
        return {.code = code, .jt = if_true, .jf = if_false, .k = value};
    }
    void add(std::uint16_t code, std::uint32_t value, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
        program_.push_back(statement(code, value, if_true, if_false));
    }
    // `test` leads to the next instruction, or over it. The kernel ignores the upper half of the arguments,
    // which are int or unsigned int.
    void refuse_if(std::uint32_t call, unsigned index, const sock_filter& test) {
        add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3);
        load(argument(index));
        program_.push_back(test);
        fail(EPERM);
        load_number();
    }
    void load(std::uint32_t offset) { add(kLoad, offset); }
    void load_number() { load(offsetof(seccomp_data, nr)); }
    void fail(std::uint32_t error) { add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error); }

    std::vector<sock_filter> program_;
};

bool is_supported() noexcept {
    const std::uint32_t action = SECCOMP_RET_ERRNO;
    return kArchitecture != 0 && ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

}  // namespace

bool apply_syscall_filter(const SyscallRules& rules) {
    if (!is_supported()) return false;
    Filter filter;
    for (const std::uint32_t call : kRefused) filter.refuse(call);
    if (!rules.programs) {
        filter.refuse(SYS_execve);
        filter.refuse(SYS_execveat);
        filter.refuse_without_bits(SYS_clone, 0, CLONE_THREAD);
#ifdef SYS_fork
        filter.refuse(SYS_fork);
        filter.refuse(SYS_vfork);
#endif
    }
    // Its flags are in memory, where no filter sees them. The C library uses clone() instead.
    filter.refuse(SYS_clone3, ENOSYS);
    // A limit of CPU time ends a process, which Landlock does not forbid.
    filter.refuse_others(SYS_prlimit64);
    filter.refuse_bits(SYS_clone, 0, kNewNamespaces);
    filter.refuse_value(SYS_ioctl, 1, std::uint32_t{TIOCSTI});
    filter.refuse_value(SYS_ioctl, 1, std::uint32_t{TIOCLINUX});
    // CAP_SYS_ADMIN stops a filesystem by any of its directories, on a read-only mount as well.
    constexpr std::uint32_t kShutdown = _IOR('X', 125, std::uint32_t);  // of ext4, XFS and f2fs
    for (const std::uint32_t request : {std::uint32_t{FIFREEZE}, std::uint32_t{FITHAW}, kShutdown})
        filter.refuse_value(SYS_ioctl, 1, request);
    if (rules.path_sockets == SyscallRules::PathSockets::listen) filter.refuse(SYS_connect);
    if (rules.path_sockets != SyscallRules::PathSockets::all) filter.restrict_pairs();
    filter.restrict_sockets(rules);
    filter.install();
    return true;
}

}  // namespace osb
