#include "cli/reports/packages_report.hh"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "cli/output/format.hh"

namespace osb::cli {
namespace {

using ostree::PackageChange;

std::string describe(const PackageChange& change, std::size_t width) {
    const std::string name = escape(change.name);
    const std::string gap(width - std::min(width, name.size()) + 2, ' ');
    if (change.before.empty()) return concat("  + ", name, gap, escape(change.after), '\n');
    if (change.after.empty()) return concat("  - ", name, gap, escape(change.before), '\n');
    return concat("    ", name, gap, escape(change.before), " -> ", escape(change.after), '\n');
}

}  // namespace

std::string describe_packages(const PackageChanges& changes, const std::string& unknown,
                              const std::string& indent) {
    if (!changes) return concat(indent, "packages: unknown (", printable(unknown), ")\n");
    if (changes->empty()) return concat(indent, "packages: the same\n");
    constexpr std::size_t kWidest = 40;
    std::size_t width = 0;
    std::size_t added = 0;
    std::size_t removed = 0;
    std::string lines;
    for (const PackageChange& change : *changes)
        width = std::clamp(escape(change.name).size(), width, kWidest);
    for (const PackageChange& change : *changes) {
        added += change.before.empty() ? 1 : 0;
        removed += change.after.empty() ? 1 : 0;
        lines += indent + describe(change, width);
    }
    return concat(indent, "packages: ", added, " added, ", removed, " removed, ",
                  changes->size() - added - removed, " changed\n", lines);
}

OrderedJson packages_to_json(const PackageChanges& changes) {
    if (!changes) return nullptr;
    OrderedJson added = OrderedJson::array();
    OrderedJson removed = OrderedJson::array();
    OrderedJson changed = OrderedJson::array();
    for (const PackageChange& change : *changes) {
        if (change.before.empty()) {
            added.push_back({{"name", change.name}, {"version", change.after}});
        } else if (change.after.empty()) {
            removed.push_back({{"name", change.name}, {"version", change.before}});
        } else {
            changed.push_back({{"name", change.name}, {"from", change.before}, {"to", change.after}});
        }
    }
    return {{"added", std::move(added)}, {"removed", std::move(removed)}, {"changed", std::move(changed)}};
}

}  // namespace osb::cli
