#include "ostree/objects/xattr_policy.hh"

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {

bool is_portable(std::string_view name) noexcept {
    return is_utf8(name) && name.find('=') == std::string_view::npos;
}

bool keeps_xattr(std::string_view name) noexcept {
    if (name == "security.capability" || name == "security.ima") return true;
    return name.starts_with("user.") && name.size() > 5 && name != "user.ostreemeta" &&
           !name.starts_with("user.overlay.");
}

std::vector<std::pair<std::string, std::string>> select_xattrs(const oci::TarEntry& entry,
                                                               std::vector<std::string>& dropped) {
    std::vector<std::pair<std::string, std::string>> kept;
    // The size in user.ostreemeta of a bare-user repository: owner and mode, and for each attribute a NUL,
    // two sizes and the end of a pair, of at most four bytes each.
    constexpr std::size_t kStoredOverhead = 1 + 3 * 4;
    std::size_t kept_bytes = kStoredOverhead;
    std::size_t total = 0;
    for (const auto& xattr : entry.xattrs) {
        total += xattr.first.size() + xattr.second.size();
        if (total > kMaxXattrBytes) {
            throw Error(ErrorKind::too_large,
                        concat("extended attributes of more than ", kMaxXattrBytes, " bytes"));
        }
        // libostree ignores an attribute without a value when it reads a file, so the checksum of such an
        // object would be wrong in a bare repository.
        const bool readable =
            !xattr.second.empty() && entry.type != oci::TarType::symlink && is_portable(xattr.first);
        if (readable && keeps_xattr(xattr.first)) {
            if (xattr.first.size() > kMaxXattrName || xattr.second.size() > kMaxXattrValue) {
                throw Error(ErrorKind::too_large,
                            concat("an extended attribute ", quoted(xattr.first), " of ", xattr.second.size(),
                                   " bytes: Linux accepts names of ", kMaxXattrName, " and values of ",
                                   kMaxXattrValue));
            }
            kept_bytes += xattr.first.size() + xattr.second.size() + kStoredOverhead;
            if (kept_bytes > kMaxXattrValue) {
                throw Error(ErrorKind::too_large,
                            concat("extended attributes of ", kept_bytes,
                                   " bytes as ostree stores them: Linux accepts ", kMaxXattrValue));
            }
            kept.push_back(xattr);
        } else {
            dropped.push_back(xattr.first);
        }
    }
    return kept;
}

}  // namespace osb::ostree
