#include "ostree/tree/apk_database.hh"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::ostree {
namespace {

// Maps a path to its path in the bootable layout.
std::string placed(std::string path) {
    if (path.starts_with("etc/")) return "usr/" + path;
    return merged_path(std::move(path));
}

// Package names become part of annotations, which separate them by commas, and of JSON. apk does not write
// other names, so files with such an owner get no layer of their own.
bool is_package_name(std::string_view name) noexcept {
    constexpr std::size_t kMaxName = 255;
    return !name.empty() && name.size() <= kMaxName &&
           std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < '\x7F' && c != ','; });
}

// The name, "" if it is not valid.
std::string package_name(std::string_view value) {
    return is_package_name(value) ? std::string(value) : std::string{};
}

}  // namespace

std::string merged_path(std::string path) {
    constexpr std::array<std::string_view, 6> kMergedPrefixes{"bin/",   "sbin/",  "lib/",
                                                              "lib32/", "lib64/", "libx32/"};
    for (const std::string_view prefix : kMergedPrefixes) {
        if (path.starts_with(prefix)) return "usr/" + path;
    }
    return path;
}

std::map<std::string, std::string, std::less<>> package_owners(std::string_view installed) {
    constexpr std::size_t kMaxFiles = 1'000'000;
    std::map<std::string, std::string, std::less<>> owners;
    std::string package;
    std::string directory;
    while (!installed.empty()) {
        const std::size_t end = installed.find('\n');
        const std::string_view line = installed.substr(0, end);
        installed = end == std::string_view::npos ? std::string_view{} : installed.substr(end + 1);
        if (line.empty()) {
            package.clear();
            directory.clear();
        }
        if (line.size() < 2 || line[1] != ':') continue;
        const std::string_view value = line.substr(2);
        if (line[0] == 'P') package = package_name(value);
        if (line[0] == 'F') directory = value;
        if (line[0] != 'R' || package.empty()) continue;
        const std::string path = directory.empty() ? std::string(value) : concat(directory, '/', value);
        owners[path] = package;
        owners.emplace(placed(path), package);
        if (owners.size() > kMaxFiles) {
            throw Error(ErrorKind::too_large, concat("apk's database has more than ", kMaxFiles, " files"));
        }
    }
    return owners;
}

std::map<std::string, std::string, std::less<>> package_versions(std::string_view installed) {
    constexpr std::size_t kMaxPackages = 100'000;
    std::map<std::string, std::string, std::less<>> versions;
    std::string package;
    while (!installed.empty()) {
        const std::size_t end = installed.find('\n');
        const std::string_view line = installed.substr(0, end);
        installed = end == std::string_view::npos ? std::string_view{} : installed.substr(end + 1);
        if (line.empty()) package.clear();
        if (line.starts_with("P:")) package = package_name(line.substr(2));
        if (line.starts_with("V:") && !package.empty() && is_package_name(line.substr(2)))
            versions[package] = line.substr(2);
        if (versions.size() > kMaxPackages) {
            throw Error(ErrorKind::too_large,
                        concat("apk's database has more than ", kMaxPackages, " packages"));
        }
    }
    return versions;
}

}  // namespace osb::ostree
