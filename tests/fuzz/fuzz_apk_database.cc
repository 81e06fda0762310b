// apk's database of installed packages, as an image or a deployment has it. Two of them are separated by the
// byte 1E: before and after an upgrade.
#include <cstdint>
#include <string>
#include <string_view>

#include "ostree/tree/apk_database.hh"
#include "ostree/tree/packages.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::require;

bool has_line(std::string_view text, std::string_view key, std::string_view value) {
    const std::string line = concat(key, value, '\n');
    return text.starts_with(line) || concat(text, '\n').find('\n' + line) != std::string::npos;
}

// Names of packages and files are lines of the database.
void check_owners(std::string_view text) {
    for (const auto& [path, package] : ostree::package_owners(text)) {
        require(!package.empty() && has_line(text, "P:", package));
        require(path.find('\n') == std::string::npos);
        const std::size_t slash = path.rfind('/');
        if (slash == std::string::npos) require(has_line(text, "R:", path));
    }
}

ostree::Packages check_versions(std::string_view text) {
    ostree::Packages versions = ostree::package_versions(text);
    std::string again;
    for (const auto& [name, version] : versions) {
        require(has_line(text, "P:", name) && has_line(text, "V:", version));
        again += concat("P:", name, "\nV:", version, "\n\n");
    }
    require(ostree::package_versions(again) == versions);
    return versions;
}

// The changes lead from the one to the other.
void check_changes(const ostree::Packages& before, const ostree::Packages& after) {
    ostree::Packages result = before;
    for (const ostree::PackageChange& change : ostree::package_changes(before, after)) {
        // A version may be empty.
        if (before.contains(change.name) && after.contains(change.name))
            require(change.before != change.after);
        if (after.contains(change.name)) {
            result[change.name] = change.after;
        } else {
            result.erase(change.name);
        }
    }
    require(result == after);
    require(ostree::package_changes(after, after).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<std::string> parts = fuzz::split_parts(as_text({data, size}), 2);
    fuzz::accepts([&] {
        check_owners(parts.front());
        const ostree::Packages before = check_versions(parts.front());
        check_changes(before, check_versions(parts.back()));
    });
    return 0;
}
