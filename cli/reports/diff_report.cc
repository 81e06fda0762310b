#include "cli/reports/diff_report.hh"

#include <nlohmann/json.hpp>
#include <vector>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "cli/output/format.hh"
#include "cli/reports/packages_report.hh"

namespace osb::cli {
namespace {

using ostree::DiffCounts;
using ostree::DiffEntry;
using ostree::EntryAspects;
using ostree::EntryChange;

std::vector<std::string> aspect_names(const EntryAspects& what) {
    std::vector<std::string> out;
    const auto add = [&](bool differs, const char* name) {
        if (differs) out.emplace_back(name);
    };
    add(what.content, "content");
    add(what.mode, "mode");
    add(what.owner, "owner");
    add(what.xattrs, "xattrs");
    add(what.type, "type");
    add(what.target, "target");
    return out;
}

std::string describe_entry(const DiffEntry& entry) {
    const std::string what = describe_aspects(entry.what);
    return concat("  ", change_mark(entry.change), ' ', escape(entry.path, entry.path.size() * 4),
                  entry.is_directory && entry.path != "/" ? "/" : "", what.empty() ? "" : "  ", what, '\n');
}

}  // namespace

char change_mark(EntryChange change) noexcept {
    return change == EntryChange::added ? '+' : change == EntryChange::removed ? '-' : ' ';
}

const char* change_name(EntryChange change) noexcept {
    switch (change) {
        case EntryChange::added:
            return "added";
        case EntryChange::removed:
            return "removed";
        case EntryChange::changed:
            break;
    }
    return "changed";
}

std::string describe_aspects(const EntryAspects& what) {
    std::string out;
    for (const std::string& name : aspect_names(what)) out += concat(out.empty() ? "" : ", ", name);
    return out;
}

OrderedJson aspects_to_json(const EntryAspects& what) {
    OrderedJson out = OrderedJson::array();
    for (const std::string& name : aspect_names(what)) out.push_back(name);
    return out;
}

OrderedJson counts_to_json(const DiffCounts& files) {
    return {{"added", files.added},
            {"removed", files.removed},
            {"changed", files.changed},
            {"bytes_added", files.bytes_added},
            {"bytes_removed", files.bytes_removed}};
}

std::string describe_counts(const DiffCounts& files) {
    if (files == DiffCounts{}) return "the same";
    return concat(files.added, " added, ", files.removed, " removed, ", files.changed, " changed; ",
                  format_bytes(files.bytes_added), " added, ", format_bytes(files.bytes_removed), " removed");
}

std::string describe_diff(const system::SystemDiff& diff, bool with_files) {
    std::string out = describe_packages(diff.packages.changes, diff.packages.unknown);
    out += concat("files: ", describe_counts(diff.tree.files), '\n');
    if (!with_files) return out;
    for (const DiffEntry& entry : diff.tree.entries) out += describe_entry(entry);
    return out;
}

std::string diff_document(const std::string& a, const std::string& b, const system::SystemDiff& diff) {
    OrderedJson entries = OrderedJson::array();
    for (const DiffEntry& entry : diff.tree.entries) {
        entries.push_back({{"path", entry.path},
                           {"change", change_name(entry.change)},
                           {"what", aspects_to_json(entry.what)}});
    }
    return to_document({{"schema", 1},
                        {"a", a},
                        {"b", b},
                        {"packages", packages_to_json(diff.packages.changes)},
                        {"packages_unknown", json_text(diff.packages.unknown)},
                        {"files", counts_to_json(diff.tree.files)},
                        {"entries", std::move(entries)}});
}

}  // namespace osb::cli
