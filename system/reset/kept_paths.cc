#include "system/reset/kept_paths.hh"

#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxKeptLinks = 40;  // as in the kernel

std::vector<std::string> split_parts(std::string_view path) {
    std::vector<std::string> out;
    while (!path.empty()) {
        const std::string_view part = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(part.size() + 1, path.size()));
        if (!part.empty()) out.emplace_back(part);
    }
    return out;
}

std::string join_parts(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) out += concat(out.empty() ? "" : "/", part);
    return out;
}

bool is_below_writable(const std::vector<std::string>& parts) {
    return parts.size() > 1 && (parts.front() == "etc" || parts.front() == "var");
}

bool place_exists(const std::string& place) {
    struct stat st {};
    return ::lstat(place.c_str(), &st) == 0;
}

KeptPath kept_path(const SystemPlaces& places, const std::string& path) {
    if (!path.starts_with('/')) {
        throw Error(ErrorKind::usage, concat("--keep requires an absolute path: ", quoted(path)));
    }
    const std::string resolved = resolve_system_path(places, path);
    const std::size_t slash = resolved.find('/');
    const std::string top = resolved.substr(0, slash);
    if (slash == std::string::npos || (top != "etc" && top != "var")) {
        throw Error(ErrorKind::usage, concat(quoted(path), " is not below /etc or /var"))
            .hint("only these directories hold data of the machine; the rest comes from the image");
    }
    if (!place_exists(place_of(places, resolved)))
        throw Error(ErrorKind::not_found, concat(quoted(path), " does not exist"));
    return {.tree = top == "etc" ? KeptTree::etc : KeptTree::var, .below = resolved.substr(slash + 1)};
}

}  // namespace

std::string KeptPath::text() const {
    return concat(tree == KeptTree::etc ? "/etc/" : "/var/", below);
}

bool KeptPath::covers(const KeptPath& other) const {
    return tree == other.tree && (below == other.below || other.below.starts_with(below + '/'));
}

std::string resolve_system_path(const SystemPlaces& places, std::string_view path) {
    const std::vector<std::string> given = split_parts(path);
    std::deque<std::string> rest(given.begin(), given.end());
    std::vector<std::string> here;
    int links = 0;
    while (!rest.empty()) {
        const std::string part = std::move(rest.front());
        rest.pop_front();
        if (part == ".") continue;
        if (part == "..") {
            if (!here.empty()) here.pop_back();
            continue;
        }
        here.push_back(part);
        if (rest.empty() && is_below_writable(here)) break;
        std::error_code error;
        const fs::path target = fs::read_symlink(place_of(places, join_parts(here)), error);
        if (error) continue;
        if (++links > kMaxKeptLinks)
            throw Error(ErrorKind::invalid, concat(quoted(path), " contains too many symbolic links"));
        here.pop_back();
        if (target.is_absolute()) here.clear();
        const std::vector<std::string> inserted = split_parts(target.native());
        rest.insert(rest.begin(), inserted.begin(), inserted.end());
    }
    return join_parts(here);
}

std::string place_of(const SystemPlaces& places, const std::string& resolved) {
    if (resolved == "var") return places.var;
    if (resolved.starts_with("var/")) return concat(places.var, resolved.substr(3));
    return concat(places.root, '/', resolved);
}

std::vector<KeptPath> resolve_kept_paths(const SystemPlaces& places, const std::vector<std::string>& paths) {
    std::vector<KeptPath> all;
    all.reserve(paths.size());
    for (const std::string& path : paths) all.push_back(kept_path(places, path));
    std::vector<KeptPath> out;
    for (const KeptPath& one : all) {
        const bool is_covered = std::any_of(all.begin(), all.end(), [&](const KeptPath& other) {
            return !(other == one) && other.covers(one);
        });
        if (!is_covered && std::find(out.begin(), out.end(), one) == out.end()) out.push_back(one);
    }
    return out;
}

bool is_kept(const std::vector<KeptPath>& kept, const KeptPath& path) {
    return std::any_of(kept.begin(), kept.end(), [&](const KeptPath& one) { return one.covers(path); });
}

}  // namespace osb::system
