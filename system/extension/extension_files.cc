#include "system/extension/extension_files.hh"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "ostree/sysroot/checkout.hh"
#include "system/extension/extension_record.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;
using ostree::Sysroot;

std::string extensions_directory(const Sysroot& sysroot) {
    return sysroot.path_of("ostree/osb-oci/extensions");
}

// The lists of all stateroots; nullopt if one of them cannot be read.
std::optional<std::vector<Extension>> all_extensions(const Sysroot& sysroot) {
    std::vector<Extension> out;
    try {
        for (const fs::directory_entry& stateroot :
             fs::directory_iterator(sysroot.path_of("ostree/deploy"))) {
            for (Extension& one : read_extensions(sysroot, stateroot.path().filename().string()))
                out.push_back(std::move(one));
        }
    } catch (const Error& error) {
        log_warning(concat("files of extensions are kept: ", error.message()));
        return std::nullopt;
    } catch (const fs::filesystem_error& error) {
        log_warning(concat("files of extensions are kept: ", escape(error.what())));
        return std::nullopt;
    }
    return out;
}

bool is_privileged(const std::string& path, const struct stat& info) {
    if (!S_ISREG(info.st_mode)) return false;
    return (info.st_mode & (S_ISUID | S_ISGID)) != 0 ||
           ::lgetxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

// Adds an entry of an extension, compared with the entry of the system of the same name.
void add_entry(ExtensionContent& out, const std::string& path, const std::string& below,
               const std::string& usr) {
    struct stat own {};
    if (::lstat(path.c_str(), &own) != 0) throw_errno(concat("cannot read ", quoted(path)));
    struct stat other {};
    const bool is_replacing = ::lstat(concat(usr, '/', below).c_str(), &other) == 0;
    if (S_ISDIR(own.st_mode)) {
        const bool is_other =
            own.st_mode != other.st_mode || own.st_uid != other.st_uid || own.st_gid != other.st_gid;
        if (is_replacing && is_other) ++(S_ISDIR(other.st_mode) ? out.changed_directories : out.replaced);
        return;
    }
    ++out.files;
    if (S_ISREG(own.st_mode)) out.bytes += static_cast<std::uint64_t>(own.st_size);
    // The same object of the repository is the same file.
    const bool is_same = own.st_dev == other.st_dev && own.st_ino == other.st_ino;
    if (is_replacing && !is_same) ++out.replaced;
    if (!is_privileged(path, own)) return;
    ++out.privileged_count;
    if (out.privileged.size() < kMaxPrivilegedShown) out.privileged.push_back(escape(concat("/usr/", below)));
}

}  // namespace

ostree::RefName extension_ref(std::string_view name) {
    return ostree::RefName::parse(concat(kExtensionRefs, '/', name));
}

std::string extension_directory(const Sysroot& sysroot, const ostree::CommitId& commit) {
    return concat(extensions_directory(sysroot), '/', commit);
}

void check_out_extension(const Sysroot& sysroot, const ostree::CommitId& commit) {
    static_cast<void>(open_state_directory(sysroot.path_of("ostree/osb-oci")));
    static_cast<void>(open_state_directory(extensions_directory(sysroot)));
    ostree::check_out(sysroot.repository(), commit, "/usr", extensions_directory(sysroot),
                      std::string(commit.text()));
}

ExtensionContent read_extension_content(const std::string& directory, const std::string& usr) {
    ExtensionContent out;
    try {
        for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
            check_interrupt();
            const std::string& path = entry.path().native();
            add_entry(out, path, path.substr(directory.size() + 1), usr);
        }
    } catch (const fs::filesystem_error& error) {
        throw errno_error(error.code().value(), concat("cannot read ", quoted(directory)));
    }
    std::sort(out.privileged.begin(), out.privileged.end());
    return out;
}

std::vector<std::string> unused_extension_refs(const Sysroot& sysroot) {
    std::vector<std::string> out = sysroot.repository().refs(std::string(kExtensionRefs));
    if (out.empty()) return out;
    const auto extensions = all_extensions(sysroot);
    if (!extensions) return {};
    std::set<std::string> used;
    for (const Extension& one : *extensions) used.insert(extension_ref(one.name).text());
    std::erase_if(out, [&](const std::string& ref) { return used.contains(ref); });
    return out;
}

void remove_unused_extension_files(const Sysroot& sysroot) {
    const std::string top = extensions_directory(sysroot);
    std::error_code error;
    if (!fs::is_directory(top, error)) return;
    const auto extensions = all_extensions(sysroot);
    if (!extensions) return;
    std::set<std::string> used;
    for (const Extension& one : *extensions) used.emplace(one.commit.text());
    for (const MergedExtension& one : read_merged()) used.emplace(one.commit.text());
    for (const fs::directory_entry& entry : fs::directory_iterator(top, error)) {
        if (used.contains(entry.path().filename().string())) continue;
        std::error_code failure;
        fs::remove_all(entry.path(), failure);
        if (failure)
            log_warning(concat("cannot remove ", quoted(entry.path().native()), ": ", failure.message()));
    }
}

}  // namespace osb::system
