#include "ostree/sysroot/stateroot.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "ostree/sysroot/remove_tree.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxStaterootName = 255;
constexpr int kOpenTree = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

void make_directory(int parent, const char* name, mode_t mode) {
    if (::mkdirat(parent, name, mode) != 0) throw_errno(concat("cannot create ", quoted(name)));
    const Fd made = open_at(parent, name, kOpenTree);
    if (::fchmod(made.get(), mode) != 0) throw_errno(concat("cannot set the mode of ", quoted(name)));
}

void make_link(int parent, const char* name, const char* target) {
    if (::symlinkat(target, parent, name) != 0) throw_errno(concat("cannot create ", quoted(name)));
}

// Makes an empty /var, as libostree and install-to-disk do.
void make_var(int stateroot, const char* name) {
    make_directory(stateroot, name, 0755);
    const Fd var = open_at(stateroot, name, kOpenTree);
    make_directory(var.get(), "lib", 0755);
    make_directory(var.get(), "log", 0755);
    make_directory(var.get(), "tmp", 01777);
    make_link(var.get(), "lock", "../run/lock");
    make_link(var.get(), "run", "../run");
}

// libostree removes a kernel of BOOT only when no deployment of any stateroot has one with its checksum.
// After a change of the stateroot, the same kernel would stay twice.
void remove_kernels(const Sysroot& sysroot, const std::string& name) {
    namespace fs = std::filesystem;
    constexpr std::size_t kChecksum = 64;
    const std::string directory = concat(sysroot.boot(), "/ostree");
    const std::string prefix = name + '-';
    std::vector<std::string> found;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string one = entry->path().filename();
        if (one.starts_with(prefix) && one.size() == prefix.size() + kChecksum &&
            one.find_first_not_of("0123456789abcdef", prefix.size()) == std::string::npos)
            found.push_back(one);
    }
    if (error && error != std::errc::no_such_file_or_directory)
        throw errno_error(error.value(), concat("cannot read ", quoted(directory)));
    if (found.empty()) return;
    const Fd boot = open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
    for (const std::string& one : found) remove_tree(boot.get(), one);
    if (::fsync(boot.get()) != 0) throw_errno("cannot write BOOT to the disk");
}

}  // namespace

bool is_stateroot_name(std::string_view name) {
    return !name.empty() && name.size() <= kMaxStaterootName && name.front() != '.' &&
           name.find('/') == std::string_view::npos && escape(name) == name;
}

std::string stateroot_path(const std::string& name) {
    return concat("ostree/deploy/", name);
}

bool has_stateroot(const Sysroot& sysroot, const std::string& name) {
    struct stat st {};
    const std::string path = sysroot.path_of(stateroot_path(name));
    if (::lstat(path.c_str(), &st) == 0) return true;
    if (errno != ENOENT) throw_errno(quoted(path));
    return false;
}

void make_stateroot(const Sysroot& sysroot, const std::string& name) {
    const Fd all = open_at(AT_FDCWD, sysroot.path_of("ostree/deploy"), O_RDONLY | O_DIRECTORY);
    make_directory(all.get(), name.c_str(), 0755);
    const Fd stateroot = open_at(all.get(), name, kOpenTree);
    make_directory(stateroot.get(), "deploy", 0755);
    make_var(stateroot.get(), "var");
}

void ensure_var(const Sysroot& sysroot, const std::string& name) {
    constexpr const char* kUnfinished = "var.osb-oci";
    const std::string path = concat(sysroot.path_of(stateroot_path(name)), "/var");
    struct stat st {};
    const bool exists = ::stat(path.c_str(), &st) == 0;
    if (exists && S_ISDIR(st.st_mode)) return;
    if (!exists && errno != ENOENT) throw_errno(quoted(path));
    if (exists || ::lstat(path.c_str(), &st) == 0) {
        throw Error(ErrorKind::invalid, concat(quoted(path), " is not a directory"))
            .hint("it becomes /var of the system: replace it with a directory of the mode 0755");
    }
    const Fd stateroot = open_at(AT_FDCWD, sysroot.path_of(stateroot_path(name)), kOpenTree);
    remove_tree(stateroot.get(), kUnfinished);
    make_var(stateroot.get(), kUnfinished);
    if (::renameat(stateroot.get(), kUnfinished, stateroot.get(), "var") != 0)
        throw_errno(concat("cannot create ", quoted(path)));
    log_warning(concat(quoted(path), " was missing. The system gets an empty /var"));
}

void remove_stateroot(const Sysroot& sysroot, const std::string& name) {
    for (const Deployment& deployment : sysroot.deployments()) {
        if (deployment.id.stateroot != name) continue;
        throw Error(ErrorKind::internal, concat("the stateroot ", quoted(name), " has deployments"));
    }
    const Fd all = open_at(AT_FDCWD, sysroot.path_of("ostree/deploy"), O_RDONLY | O_DIRECTORY);
    with_context([&] { return concat("cannot remove the stateroot ", quoted(name)); },
                 [&] { remove_tree(all.get(), name); });
    if (::fsync(all.get()) != 0) throw_errno("cannot write the directory of the stateroots to the disk");
    remove_kernels(sysroot, name);
}

}  // namespace osb::ostree
