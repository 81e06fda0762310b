#include "cli/options/sysroot_flags.hh"

#include <filesystem>

#include "base/error.hh"
#include "base/log.hh"
#include "system/check/boot_check.hh"

namespace osb::cli {
namespace {

// Only "/" is the running system, in any spelling.
std::string normal_path(const std::string& text) {
    if (text.empty()) throw Error(ErrorKind::usage, "--sysroot is empty");
    std::filesystem::path path = std::filesystem::absolute(text).lexically_normal();
    if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
    return path.string();
}

// Without /boot the running system seems to have no deployments: say why.
std::string readable_path(const std::string& text) {
    std::string path = normal_path(text);
    if (path == "/") {
        if (const std::string problem = system::read_boot_problem(); !problem.empty()) log_warning(problem);
    }
    return path;
}

}  // namespace

void SysrootFlags::declare(Arguments& arguments) {
    arguments.add({{.name = "--sysroot",
                    .value = "DIR",
                    .kind = ValueKind::directory,
                    .help = "root filesystem of another system, mounted with its BOOT below it",
                    .default_shown = "/, the running system",
                    .target = &sysroot}});
}

ostree::Sysroot SysrootFlags::open() const {
    return ostree::Sysroot::open(readable_path(sysroot));
}

ostree::Sysroot SysrootFlags::open_locked() const {
    return ostree::Sysroot::open_locked(readable_path(sysroot));
}

}  // namespace osb::cli
