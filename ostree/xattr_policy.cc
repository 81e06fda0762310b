#include "ostree/xattr_policy.hh"

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {

bool keeps_xattr(std::string_view name) noexcept {
    if (name == "security.capability" || name == "security.ima") return true;
    return name.starts_with("user.") && name.size() > 5 && name != "user.ostreemeta" &&
           !name.starts_with("user.overlay.");
}

std::vector<std::pair<std::string, std::string>> select_xattrs(const oci::TarEntry& entry,
                                                               std::vector<std::string>& dropped) {
    std::vector<std::pair<std::string, std::string>> kept;
    std::size_t total = 0;
    for (const auto& xattr : entry.xattrs) {
        total += xattr.first.size() + xattr.second.size();
        if (total > kMaxXattrBytes) {
            throw Error(ErrorKind::too_large,
                        concat("extended attributes of more than ", kMaxXattrBytes, " bytes"));
        }
        // libostree overlooks an attribute without a value when it reads a file back, so that the checksum of
        // an object with one would be wrong in a bare repository.
        const bool readable = !xattr.second.empty() && entry.type != oci::TarType::symlink;
        if (readable && keeps_xattr(xattr.first)) {
            if (xattr.first.size() > kMaxXattrName || xattr.second.size() > kMaxXattrValue) {
                throw Error(ErrorKind::too_large,
                            concat("an extended attribute ", quoted(xattr.first), " of ", xattr.second.size(),
                                   " bytes: Linux takes names of ", kMaxXattrName, " and values of ",
                                   kMaxXattrValue));
            }
            kept.push_back(xattr);
        } else {
            dropped.push_back(xattr.first);
        }
    }
    return kept;
}

}  // namespace osb::ostree
