// apk's database of installed packages, as an image or a deployment has it. Two of them are separated by the
// byte 1E: before and after an upgrade.
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "ostree/tree/apk_database.hh"
#include "ostree/tree/packages.hh"
#include "ostree/union/apk_records.hh"
#include "ostree/union/apk_version.hh"
#include "ostree/union/tree_union.hh"
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

// Records are written and read again, the same. A union has the packages of both, each once.
void check_records(std::string_view before, std::string_view after) {
    ostree::PackageTree tree{.name = "before", .root = ostree::Node::directory(), .database = {}};
    ostree::PackageTree later{.name = "after", .root = ostree::Node::directory(), .database = {}};
    tree.database.packages = ostree::parse_installed(before);
    later.database.packages = ostree::parse_installed(after);
    const std::string text = ostree::installed_text(later.database.packages);
    require(ostree::installed_text(ostree::parse_installed(text)) == text);
    std::set<std::string> names;
    for (const auto& database : {tree.database, later.database}) {
        for (const ostree::ApkPackage& package : database.packages) {
            names.insert(package.name);
            require(ostree::compare_apk_versions(package.version, package.version) == 0);
        }
    }
    ostree::UnionReport report;
    ostree::ImageBudget budget;
    ostree::join_trees(tree, later, report, budget);
    require(report.conflict_count == 0 && report.files_removed == 0);
    const auto joined = ostree::parse_installed(ostree::installed_text(tree.database.packages));
    require(joined.size() == names.size());
    const std::string world = ostree::join_worlds(before, after);
    require(ostree::join_worlds(world, world) == world);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<std::string> parts = fuzz::split_parts(as_text({data, size}), 2);
    fuzz::accepts([&] {
        check_owners(parts.front());
        const ostree::Packages before = check_versions(parts.front());
        check_changes(before, check_versions(parts.back()));
    });
    fuzz::accepts([&] { check_records(parts.front(), parts.back()); });
    return 0;
}
