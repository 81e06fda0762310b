#include "system/extension/extension_record.hh"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::system {
namespace {

constexpr const char* kExtensionsFile = "extensions.json";
constexpr const char* kRunDirectory = "/run/osb";
constexpr std::size_t kMaxExtensionsFile = 1024UL * 1024;
constexpr std::size_t kMaxFieldSize = 256;
constexpr int kExtensionsSchema = 1;
constexpr std::array<const char*, 5> kDecidingFields{"ID", "VERSION_ID", "SYSEXT_LEVEL", "SYSEXT_SCOPE",
                                                     "ARCHITECTURE"};

// Cuts a value between two characters of UTF-8.
std::string shortened(const std::string& text) {
    if (text.size() <= kMaxFieldSize) return text;
    std::size_t end = kMaxFieldSize;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end);
}

// /var of the running system may be a filesystem of its own.
std::string var_directory(const ostree::Sysroot& sysroot, const std::string& stateroot) {
    const auto booted = sysroot.booted();
    if (booted && booted->id.stateroot == stateroot && sysroot.path() == "/") return "/var";
    return sysroot.path_of(concat("ostree/deploy/", stateroot, "/var"));
}

std::string extension_name(const oci::Json& json) {
    const std::string& name = oci::required_string(json, "name", kExtensionsFile);
    if (is_extension_name(name)) return name;
    throw Error(ErrorKind::invalid, concat(kExtensionsFile, ": bad name ", quoted(name)));
}

ostree::CommitId extension_commit(const oci::Json& json) {
    const auto commit = ostree::CommitId::try_parse(oci::required_string(json, "commit", kExtensionsFile));
    if (commit) return *commit;
    throw Error(ErrorKind::invalid, concat(kExtensionsFile, ": bad commit"));
}

// Checks the schema and returns the list of extensions.
const oci::Json& extension_list(const oci::Json& json) {
    static_cast<void>(
        oci::required_integer(json, "schema", kExtensionsSchema, kExtensionsSchema, kExtensionsFile));
    return oci::required_array(json, "extensions", kMaxExtensions, kExtensionsFile);
}

template<typename T>
void sort_by_name(std::vector<T>& list) {
    std::sort(list.begin(), list.end(), [](const T& a, const T& b) { return a.name < b.name; });
    const auto twice =
        std::adjacent_find(list.begin(), list.end(), [](const T& a, const T& b) { return a.name == b.name; });
    if (twice != list.end())
        throw Error(ErrorKind::invalid,
                    concat(kExtensionsFile, ": ", quoted(twice->name), " is there twice"));
}

std::string list_text(const oci::Json& list) {
    const oci::Json json{{"schema", kExtensionsSchema}, {"extensions", list}};
    return json.dump(2, ' ', false, oci::Json::error_handler_t::replace) + '\n';
}

}  // namespace

bool is_extension_name(std::string_view name) noexcept {
    const auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (name.empty() || name.size() > kMaxExtensionName || !is_first(name.front())) return false;
    return std::all_of(name.begin(), name.end(),
                       [&](char c) { return is_first(c) || c == '.' || c == '_' || c == '-'; });
}

image::OsRelease deciding_fields(const image::OsRelease& release) {
    image::OsRelease out;
    for (const char* key : kDecidingFields) {
        const auto found = release.find(key);
        if (found != release.end()) out[key] = shortened(found->second);
    }
    return out;
}

std::string extensions_text(const std::vector<Extension>& extensions) {
    oci::Json list = oci::Json::array();
    for (const Extension& one : extensions) {
        list.push_back({{"name", one.name},
                        {"commit", one.commit},
                        {"image", one.image},
                        {"manifest_digest", one.digest},
                        {"version", one.version},
                        {"forced", one.is_forced},
                        {"release", one.release}});
    }
    return list_text(list);
}

std::vector<Extension> parse_extensions(const std::string& text) {
    const oci::Json json = oci::parse_json(text, kExtensionsFile);
    std::vector<Extension> out;
    for (const oci::Json& item : extension_list(json)) {
        image::OsRelease release;
        for (auto& [key, value] : oci::string_map(item, "release", kExtensionsFile)) release[key] = value;
        out.push_back({.name = extension_name(item),
                       .commit = extension_commit(item),
                       .image = oci::optional_string(item, "image", kExtensionsFile),
                       .digest = oci::optional_string(item, "manifest_digest", kExtensionsFile),
                       .version = oci::optional_string(item, "version", kExtensionsFile),
                       .is_forced = oci::optional_flag(item, "forced", kExtensionsFile),
                       .release = deciding_fields(release)});
    }
    sort_by_name(out);
    return out;
}

std::vector<Extension> read_extensions(const ostree::Sysroot& sysroot, const std::string& stateroot) {
    const std::string path = concat(var_directory(sysroot, stateroot), "/lib/osb/", kExtensionsFile);
    try {
        return parse_extensions(read_regular_file(AT_FDCWD, path, kMaxExtensionsFile));
    } catch (Error& error) {
        if (error.kind() == ErrorKind::not_found) return {};
        if (error.hint().empty()) error.hint(concat("if ", path, " is damaged, remove it"));
        throw;
    }
}

void write_extensions(const ostree::Sysroot& sysroot, const std::string& stateroot,
                      const std::vector<Extension>& extensions) {
    const std::string var = var_directory(sysroot, stateroot);
    static_cast<void>(open_state_directory(var + "/lib"));
    const Fd directory = open_state_directory(var + "/lib/osb");
    if (extensions.empty()) {
        remove_file(directory.get(), kExtensionsFile);
        return;
    }
    replace_file(directory.get(), kExtensionsFile, extensions_text(extensions));
}

std::vector<MergedExtension> read_merged(std::string_view mountinfo) {
    // An overlay of another program hides them (ostree admin unlock).
    const auto mounts = mounts_on(mountinfo, "/usr");
    const auto first = mounts.end() - static_cast<std::ptrdiff_t>(count_own_overlays(mounts));
    const bool is_visible = std::any_of(
        first, mounts.end(), [](const MountPoint& mount) { return mount.source == kExtensionsSource; });
    if (!is_visible) return {};
    try {
        const oci::Json json = oci::parse_json(
            read_regular_file(AT_FDCWD, concat(kRunDirectory, '/', kExtensionsFile), kMaxExtensionsFile),
            kExtensionsFile);
        std::vector<MergedExtension> out;
        for (const oci::Json& item : extension_list(json))
            out.push_back({.name = extension_name(item), .commit = extension_commit(item)});
        sort_by_name(out);
        return out;
    } catch (const Error& error) {
        log_debug(concat("the list of merged extensions: ", error.message()));
        return {};
    }
}

void write_merged(const std::vector<MergedExtension>& merged) {
    oci::Json list = oci::Json::array();
    for (const MergedExtension& one : merged) list.push_back({{"name", one.name}, {"commit", one.commit}});
    const Fd directory = open_state_directory(kRunDirectory);
    replace_file(directory.get(), kExtensionsFile, list_text(list));
}

}  // namespace osb::system
