#include "base/sandbox.hh"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/landlock.hh"
#include "base/read_only_mounts.hh"
#include "base/scratch_directory.hh"
#include "base/temporary_directory.hh"
#include "base/umask_scope.hh"

namespace osb {
namespace {

// What root needs to write files of any owner, with all their attributes (security.ima and labels want
// CAP_SYS_ADMIN), into the reserve of a filesystem.
constexpr std::uint64_t kKept = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH |
                                1ULL << CAP_FOWNER | 1ULL << CAP_FSETID | 1ULL << CAP_SETFCAP |
                                1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SYS_RESOURCE;

void drop_capabilities() {
    __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    if (::syscall(SYS_capget, &head, sets.data()) != 0) throw_errno("cannot read the capabilities");
    for (std::size_t i = 0; i < sets.size(); ++i) {
        const auto kept = static_cast<std::uint32_t>(kKept >> (32U * i));
        sets[i].permitted &= kept;
        sets[i].effective &= kept;
        sets[i].inheritable &= kept;
    }
    if (::syscall(SYS_capset, &head, sets.data()) != 0) throw_errno("cannot give up capabilities");
}

std::size_t count_threads() {
    std::error_code error;
    std::size_t out = 0;
    for (std::filesystem::directory_iterator entry("/proc/self/task", error), end; !error && entry != end;
         entry.increment(error))
        ++out;
    return out;
}

// The directories from the first missing one on. Those that cannot be made are left to the run, which
// reports it.
std::vector<std::string> make_directory(const SandboxRules::Made& wanted) {
    std::vector<std::string> out;
    std::vector<std::filesystem::path> missing;
    std::error_code error;
    for (std::filesystem::path path = wanted.path; !path.empty() && !std::filesystem::exists(path, error);
         path = path.parent_path()) {
        if (error) return out;
        if (path.has_filename()) missing.push_back(path);
        if (!wanted.parents && path.has_filename()) break;
    }
    const UmaskScope umask(UmaskScope::readable());
    for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
        if (::mkdir(path->c_str(), 0755) != 0) break;
        out.push_back(std::filesystem::absolute(*path, error));
    }
    return out;
}

// One that cannot be made is left to the run, which reports it. If root makes it, the owner of the directory
// must be able to write it as well: it may be the lock of a user's repository.
void make_file(const std::string& path) {
    const Fd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    struct stat directory {};
    if (!made || ::stat(std::filesystem::path(path).parent_path().c_str(), &directory) != 0) return;
    if (directory.st_uid != ::geteuid())
        static_cast<void>(::fchown(made.get(), directory.st_uid, directory.st_gid) == 0);
}

// Returns nothing if it cannot be made. Most runs need no temporary file, and the others report it.
std::optional<ScratchDirectory> make_scratch(const std::string& parent) {
    try {
        // Not every machine has /var/tmp.
        const bool has_default = ::access(temporary_directory().c_str(), W_OK) == 0;
        const bool uses_tmp = parent.empty() && !chosen_temporary_directory() && !has_default;
        return std::optional<ScratchDirectory>(std::in_place, uses_tmp ? "/tmp" : parent);
    } catch (const Error&) {
        return std::nullopt;
    }
}

void require(SandboxMode mode, bool has, std::string_view what) {
    if (has || mode != SandboxMode::require) return;
    throw Error(ErrorKind::unsupported, concat("--sandbox require: this kernel has no ", what));
}

void add(LandlockRules& rules, const SandboxRules::Made& directory) {
    switch (directory.change) {
        case SandboxRules::Made::Change::all:
            return rules.writable.push_back(directory.path);
        case SandboxRules::Made::Change::exchange:
            return rules.exchanged.push_back(directory.path);
        case SandboxRules::Made::Change::without_links:
            return rules.writable_without_links.push_back(directory.path);
    }
}

// Gives up everything that the rules do not have. Returns the parts that this kernel has.
std::string close_sandbox(const SandboxRules& rules, const std::string& temporary, SandboxMode mode) {
    std::vector<std::string> parts;
    LandlockRules files{.writable = rules.writable, .exchanged = rules.exchanged, .files = rules.files};
    for (const SandboxRules::Made& directory : rules.made) add(files, directory);
    if (!temporary.empty())
        (rules.no_temporary_links ? files.writable_without_links : files.writable).push_back(temporary);
    std::vector<std::string> writable;
    for (const auto* list : {&files.writable, &files.writable_without_links, &files.exchanged})
        writable.insert(writable.end(), list->begin(), list->end());
    // Not a mount of each of these directories, between which files are renamed.
    writable.insert(writable.end(), rules.touched.begin(), rules.touched.end());
    if (!rules.links_between && make_mounts_read_only(writable)) parts.emplace_back("read-only mounts");
    drop_capabilities();
    if (apply_landlock(files)) parts.push_back(concat("Landlock ", landlock_version()));
    const bool filters = apply_syscall_filter(rules.calls);
    if (filters) parts.emplace_back("a filter of system calls");
    require(mode, filters, "filters of system calls");
    std::string out;
    for (const std::string& part : parts) out += concat(out.empty() ? "" : ", ", part);
    return out;
}

}  // namespace

Sandbox::Sandbox(SandboxRules rules, SandboxMode mode) {
    if (mode == SandboxMode::off) return;
    // Landlock would not reach the other threads.
    if (count_threads() > 1)
        throw Error(ErrorKind::internal, "the sandbox comes too late: there are threads");
    require(mode, landlock_version() >= kOldestLandlock, "Landlock of version 2 or newer");
    for (const SandboxRules::Made& directory : rules.made) {
        for (std::string& path : make_directory(directory))
            rules.helper.removed_if_empty.push_back(std::move(path));
    }
    for (const std::string& file : rules.files) make_file(file);
    std::optional<ScratchDirectory> scratch = make_scratch(rules.temporary_parent);
    const std::string temporary = scratch ? scratch->path() : "";
    rules.helper.removed = temporary;
    set_temporary_directory(temporary);  // before the helper starts, whose functions use it
    helper_ = std::make_unique<HelperProcess>(std::move(rules.helper));
    if (scratch) {
        // This process could not remove it from within the sandbox.
        scratch->leave_to_helper();
        // libostree asks for it. There is one thread.
        if (::setenv("TMPDIR", temporary.c_str(), 1) != 0)  // NOLINT(concurrency-mt-unsafe)
            throw_errno("cannot set TMPDIR");
    }
    description_ = close_sandbox(rules, temporary, mode);
    HelperProcess::set_current(helper_.get());
}

Sandbox::~Sandbox() = default;

void Sandbox::close_descriptors(int kept) const {
    const int helper = helper_ ? helper_->descriptor() : -1;
    std::vector<int> open;
    std::error_code error;
    for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
         entry.increment(error))
        open.push_back(std::atoi(entry->path().filename().c_str()));
    if (error) throw Error(ErrorKind::io, concat("cannot list open files: ", error.message()));
    for (const int number : open) {
        if (number > STDERR_FILENO && number != kept && number != helper) ::close(number);
    }
}

void limit_writes(const std::string& directory) {
    make_mounts_read_only({directory});
    drop_capabilities();
    apply_landlock({.writable = {directory}, .programs = true});
    // No sockets: the decoder can write a configuration for these programs into `directory`.
    apply_syscall_filter({.programs = true});
}

}  // namespace osb
