#include "system/upgrade/packages.hh"

#include <fcntl.h>

#include <string>
#include <string_view>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/state_file.hh"
#include "ostree/tree/apk_database.hh"

namespace osb::system {

std::optional<ostree::Packages> packages_of(const ostree::Sysroot& sysroot,
                                            const ostree::Deployment& deployment) {
    for (const std::string_view name : ostree::kApkDatabases) {
        const std::string path = concat(sysroot.path_of(deployment.id.path()), '/', name);
        try {
            return ostree::package_versions(read_regular_file(AT_FDCWD, path, ostree::kMaxApkDatabase));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
        }
    }
    return std::nullopt;
}

}  // namespace osb::system
