#include "base/landlock.hh"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"

namespace osb {
namespace {

// The header may be older than the kernel.
constexpr std::uint64_t kRefer = 1ULL << 13U;
constexpr std::uint64_t kTruncate = 1ULL << 14U;
constexpr std::uint64_t kIoctlDevice = 1ULL << 15U;
constexpr std::uint64_t kBindTcp = 1ULL << 0U;
constexpr std::uint64_t kScopeAbstractSockets = 1ULL << 0U;
constexpr std::uint64_t kScopeSignals = 1ULL << 1U;

constexpr std::uint64_t kMakeSpecial =
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO;
constexpr std::uint64_t kWrite = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                 LANDLOCK_ACCESS_FS_MAKE_SYM | kRefer;

// landlock_ruleset_attr of version 6. An older kernel accepts it if the members that it does not know are 0.
struct Ruleset {
    std::uint64_t files = 0;
    std::uint64_t network = 0;
    std::uint64_t scopes = 0;
};

Ruleset ruleset_for(int version, const LandlockRules& rules) {
    Ruleset out{.files = kWrite | kMakeSpecial};
    if (!rules.programs) out.files |= LANDLOCK_ACCESS_FS_EXECUTE;
    if (version >= 3) out.files |= kTruncate;
    if (version >= 4) out.network = kBindTcp;
    if (version >= 5) out.files |= kIoctlDevice;
    if (version >= 6) out.scopes = kScopeAbstractSockets | kScopeSignals;
    return out;
}

// `flags`: O_DIRECTORY for rights that only directories have. What cannot be opened cannot be written,
// either.
void allow(int ruleset, const std::string& path, int flags, std::uint64_t rights) {
    const Fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC | flags));
    if (!fd) return;
    const landlock_path_beneath_attr rule{.allowed_access = rights, .parent_fd = fd.get()};
    if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        throw_errno(concat("Landlock: cannot allow ", quoted(path)));
}

}  // namespace

int landlock_version() noexcept {
    const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? static_cast<int>(version) : 0;
}

bool apply_landlock(const LandlockRules& rules) {
    const int version = landlock_version();
    if (version < kOldestLandlock) return false;
    const Ruleset handled = ruleset_for(version, rules);
    const Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0)));
    if (!ruleset) throw_errno("Landlock: cannot make a set of rules");
    const std::uint64_t file_rights = LANDLOCK_ACCESS_FS_WRITE_FILE | (handled.files & kTruncate);
    for (const std::string& path : rules.writable)
        allow(ruleset.get(), path, O_DIRECTORY, kWrite | file_rights);
    for (const std::string& path : rules.writable_without_links)
        allow(ruleset.get(), path, O_DIRECTORY,
              (kWrite & ~(kRefer | LANDLOCK_ACCESS_FS_MAKE_SYM)) | file_rights);
    for (const std::string& path : rules.exchanged)
        allow(ruleset.get(), path, O_DIRECTORY, kWrite & ~std::uint64_t{LANDLOCK_ACCESS_FS_WRITE_FILE});
    for (const std::string& path : rules.files) allow(ruleset.get(), path, O_NOFOLLOW, file_rights);
    allow(ruleset.get(), "/dev/null", 0, file_rights);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw_errno("cannot set no_new_privs");
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
        throw_errno("Landlock: cannot limit this process");
    return true;
}

}  // namespace osb
