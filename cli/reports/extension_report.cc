#include "cli/reports/extension_report.hh"

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "base/numbers.hh"
#include "cli/output/format.hh"

namespace osb::cli {
namespace {

using system::Extension;
using system::ExtensionEffect;
using system::ExtensionState;
using system::ExtensionStatus;

const char* effect_name(ExtensionEffect effect) {
    switch (effect) {
        case ExtensionEffect::now:
            return "now";
        case ExtensionEffect::next_boot:
            return "next_boot";
        case ExtensionEffect::recorded:
            break;
    }
    return "recorded";
}

const char* state_word(ExtensionState state) {
    switch (state) {
        case ExtensionState::merged:
            return "merged";
        case ExtensionState::waiting:
            return "waiting";
        case ExtensionState::unfit:
            return "unfit";
        case ExtensionState::missing:
            return "missing";
        case ExtensionState::leaving:
            break;
    }
    return "leaving";
}

std::string describe_state(const ExtensionStatus& status) {
    const std::string because = status.reason.empty() ? "" : concat(": ", status.reason);
    switch (status.state) {
        case ExtensionState::merged:
            return "merged";
        case ExtensionState::waiting:
            return concat("merged at the next boot", because);
        case ExtensionState::unfit:
        case ExtensionState::missing:
            return concat("not merged", because);
        case ExtensionState::leaving:
            break;
    }
    return status.reason;
}

// "ID=alpine VERSION_ID=3.20.3"
std::string requirements(const Extension& extension) {
    std::string out;
    for (const auto& [key, value] : extension.release)
        out += concat(out.empty() ? "" : " ", escape(key), '=', escape(value));
    return out;
}

OrderedJson extension_to_json(const Extension& extension) {
    OrderedJson release = OrderedJson::object();
    for (const auto& [key, value] : extension.release) release[key] = value;
    return {{"name", extension.name},
            {"commit", extension.commit},
            {"image", json_text(extension.image)},
            {"manifest_digest", json_text(extension.digest)},
            {"version", json_text(extension.version)},
            {"forced", extension.is_forced},
            {"release", std::move(release)}};
}

std::string content_lines(const system::ExtensionContent& content) {
    std::string out;
    if (content.replaced > 0)
        out += concat("  replaces ", format_count(content.replaced, "file"), " of the system\n");
    if (content.changed_directories > 0) {
        out += concat("  has another owner or mode than the system for ", content.changed_directories,
                      content.changed_directories == 1 ? " directory\n" : " directories\n");
    }
    if (content.privileged_count == 0) return out;
    out += concat("  has ", format_count(content.privileged_count, "program"),
                  " with privileges (setuid, setgid, capabilities):");
    for (const std::string& path : content.privileged) out += concat(' ', path);
    return out + (content.privileged_count > content.privileged.size() ? " ...\n" : "\n");
}

std::string effect_text(ExtensionEffect effect) {
    switch (effect) {
        case ExtensionEffect::now:
            return "";
        case ExtensionEffect::next_boot:
            return "the next boot has the change: /usr is writable until then, or osb.extensions=0 is set\n";
        case ExtensionEffect::recorded:
            break;
    }
    return "the next boot of that system has the change\n";
}

void field(std::string& out, std::string_view name, const std::string& value) {
    constexpr std::size_t kWidth = 9;
    if (!value.empty()) out += concat("     ", name, std::string(kWidth - name.size(), ' '), value, '\n');
}

}  // namespace

std::string describe_added(const system::AddReport& report) {
    const char* const what = !report.before                              ? "added "
                             : *report.before == report.extension.commit ? "the same as before: "
                                                                         : "replaced ";
    return concat(what, report.extension.name, ": ", format_count(report.content.files, "file"), ", ",
                  format_bytes(report.content.bytes), '\n', content_lines(report.content),
                  effect_text(report.effect));
}

std::string added_document(const system::AddReport& report) {
    const system::ExtensionContent& content = report.content;
    return to_document({{"schema", 1},
                        {"extension", extension_to_json(report.extension)},
                        {"replaced", json_text(report.before)},
                        {"files", content.files},
                        {"bytes", content.bytes},
                        {"files_replaced", content.replaced},
                        {"directories_changed", content.changed_directories},
                        {"privileged", content.privileged_count},
                        {"notes", report.notes},
                        {"unfit", json_text(report.unfit)},
                        {"effect", effect_name(report.effect)}});
}

std::string describe_removed(const system::RemoveReport& report) {
    return concat("removed ", report.extension.name, '\n', effect_text(report.effect));
}

std::string removed_document(const system::RemoveReport& report) {
    return to_document({{"schema", 1},
                        {"extension", extension_to_json(report.extension)},
                        {"effect", effect_name(report.effect)}});
}

std::string describe_merged(const system::MergeReport& report) {
    if (report.merged.empty()) return "";
    std::string out = "extensions on /usr:";
    for (const system::MergedExtension& one : report.merged) out += concat(' ', one.name);
    return out + '\n';
}

std::string merged_document(const system::MergeReport& report) {
    OrderedJson merged = OrderedJson::array();
    for (const system::MergedExtension& one : report.merged) merged.push_back(one.name);
    return to_document({{"schema", 1},
                        {"merged", std::move(merged)},
                        {"left_out", unfit_to_json(report.left_out)},
                        {"effect", effect_name(report.effect)}});
}

std::string describe_extensions(const std::vector<ExtensionStatus>& extensions) {
    if (extensions.empty()) return "there are no extensions\n";
    std::string out;
    for (const ExtensionStatus& one : extensions) {
        const Extension& extension = one.extension;
        out += concat("  ", extension.name, "  ", describe_state(one), '\n');
        field(out, "image", escape(extension.image));
        field(out, "version", escape(extension.version));
        field(out, "fits", extension.is_forced ? "every system (--force)" : requirements(extension));
    }
    return out;
}

std::string extensions_document(const std::vector<ExtensionStatus>& extensions) {
    return to_document({{"schema", 1}, {"extensions", extensions_to_json(extensions)}});
}

std::string extensions_line(const std::vector<ExtensionStatus>& extensions) {
    std::string out;
    for (const ExtensionStatus& one : extensions) {
        out += concat(out.empty() ? "" : ", ", one.extension.name);
        if (one.state != ExtensionState::merged) out += concat(" (", describe_state(one), ')');
    }
    return out;
}

OrderedJson extensions_to_json(const std::vector<ExtensionStatus>& extensions) {
    OrderedJson out = OrderedJson::array();
    for (const ExtensionStatus& one : extensions) {
        OrderedJson item = extension_to_json(one.extension);
        item["state"] = state_word(one.state);
        item["reason"] = json_text(one.reason);
        out.push_back(std::move(item));
    }
    return out;
}

OrderedJson unfit_to_json(const std::vector<system::UnfitExtension>& extensions) {
    OrderedJson out = OrderedJson::array();
    for (const system::UnfitExtension& one : extensions)
        out.push_back({{"name", one.name}, {"reason", one.reason}});
    return out;
}

}  // namespace osb::cli
