#include "cli/reports/etc_report.hh"

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "base/numbers.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "cli/reports/deployment_report.hh"
#include "cli/reports/diff_report.hh"

namespace osb::cli {
namespace {

using ostree::EntryChange;
using system::EtcChange;
using system::EtcFate;

const char* fate_name(EtcFate fate) {
    switch (fate) {
        case EtcFate::kept:
            return "kept";
        case EtcFate::joined:
            return "joined";
        case EtcFate::renamed:
            return "renamed";
        case EtcFate::dropped:
            break;
    }
    return "dropped";
}

std::string describe_fate(const EtcChange& change) {
    switch (change.fate) {
        case EtcFate::kept:
            return change.change == EntryChange::removed ? "stays removed" : "is kept";
        case EtcFate::joined:
            return "is merged by entry";
        case EtcFate::renamed:
            return concat("is kept as ", escape(change.new_path));
        case EtcFate::dropped:
            break;
    }
    return "follows the image";
}

std::string describe_change(const EtcChange& change) {
    const std::string what = describe_aspects(change.what);
    return concat("  ", change_mark(change.change), ' ', escape(change.path, change.path.size() * 4),
                  what.empty() ? "" : concat(" (", what, ')'), ": ", describe_fate(change), '\n');
}

}  // namespace

std::string describe_etc(const EtcReportSubject& subject, const system::EtcChanges& changes) {
    std::string out = concat("/etc of ", name_of(subject.sysroot, subject.deployment), ": ",
                             format_count(changes.changes.size(), "change"), '\n');
    out += subject.next ? concat("next merge: into ", name_of(subject.sysroot, *subject.next), '\n')
                        : "next merge: no deployment waits; shown for an image with the same /etc\n";
    for (const EtcChange& change : changes.changes) out += describe_change(change);
    for (const std::string& note : changes.notes) out += concat("conflict: ", printable(note), '\n');
    return out;
}

std::string etc_document(const EtcReportSubject& subject, const system::EtcChanges& changes) {
    OrderedJson list = OrderedJson::array();
    for (const EtcChange& change : changes.changes) {
        list.push_back({{"path", change.path},
                        {"change", change_name(change.change)},
                        {"what", aspects_to_json(change.what)},
                        {"merge", fate_name(change.fate)},
                        {"new_path", json_text(change.new_path)}});
    }
    OrderedJson out{{"schema", 1}, {"deployment", deployment_to_json(subject.sysroot, subject.deployment)}};
    out["next"] = subject.next ? deployment_to_json(subject.sysroot, *subject.next) : OrderedJson(nullptr);
    out["changes"] = std::move(list);
    out["conflicts"] = changes.notes;
    return to_document(out);
}

}  // namespace osb::cli
