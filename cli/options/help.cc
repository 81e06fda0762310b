#include "cli/options/help.hh"

#include <algorithm>
#include <array>

#include "base/bytes.hh"

namespace osb::cli {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kTextColumn = 30;  // the column of descriptions

// The label of a row: "-q,--quiet", "--repo DIR", "--tls-verify[=BOOL]", "IMAGE".
std::string label_of(const Argument& row) {
    std::string out;
    if (row.letter != '\0') out += concat('-', row.letter, ',');
    out += row.name;
    if (row.value.empty() || row.is_positional()) return out;
    return row.is_flag() ? concat(out, "[=", row.value, ']') : concat(out, ' ', row.value);
}

std::string joined(const std::vector<std::string_view>& names, std::string_view between) {
    std::string out;
    for (const std::string_view name : names) out += concat(out.empty() ? "" : between, name);
    return out;
}

// A label, and its description in the column of descriptions.
std::string line_of(std::string label, std::string_view text) {
    label.insert(0, "  ");
    if (label.size() >= kTextColumn) {
        label += '\n' + std::string(kTextColumn, ' ');
    } else {
        label.resize(kTextColumn, ' ');
    }
    return concat(label, wrap(text, kTextColumn, kColumns), '\n');
}

std::string line_of(const Argument& row, const Arguments& table) {
    return line_of(label_of(row), description_of(row, table));
}

}  // namespace

std::string wrap(std::string_view text, std::size_t indent, std::size_t columns) {
    std::string out;
    std::size_t column = indent;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (column > indent && column + 1 + word.size() > columns) {
            out += '\n' + std::string(indent, ' ');
            column = indent;
        } else if (column > indent) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
    }
    return out;
}

std::vector<std::string_view> groups_of(const Arguments& table) {
    std::vector<std::string_view> out;
    for (const Argument& row : table.rows()) {
        if (row.is_positional() || std::find(out.begin(), out.end(), row.group) != out.end()) continue;
        out.insert(row.group == kVerbGroup ? out.begin() : out.end(), row.group);
    }
    return out;
}

std::string usage_of(const Arguments& table) {
    std::string out = "[OPTIONS]";
    for (const Argument& row : table.rows()) {
        if (!row.is_positional()) continue;
        const std::string_view dots = row.is_repeated() ? "..." : "";
        out += row.required ? concat(' ', row.name, dots) : concat(" [", row.name, dots, ']');
    }
    return out;
}

std::span<const ExitStatus> exit_statuses() {
    static constexpr auto kStatuses = std::to_array<ExitStatus>({
        {"0", "success"},
        {"1", "any other failure"},
        {"2", "the command line is wrong"},
        {"3", "the input was refused: malformed, unsupported, or not what its digest says"},
        {"4", "not trusted: a certificate, a host key, a signature or a blocked registry"},
        {"5", "the network or the registry failed"},
        {"6", "no space left on the disk"},
        {"77", "--check found nothing new"},
        {"129, 130, 143", "interrupted by SIGHUP, SIGINT or SIGTERM"},
    });
    return kStatuses;
}

std::string description_of(const Argument& row, const Arguments& table) {
    std::string out(row.help);
    if (row.is_repeated()) out += "; may be repeated";
    if (row.range) out += concat(", ", row.range->least, " to ", row.range->most);
    const std::vector<std::string_view> excluded = table.excluded_by(row);
    if (!excluded.empty()) out += concat(" (not with ", joined(excluded, " or "), ')');
    if (!row.needs.empty()) out += concat(" (only with ", joined(row.needs, " and "), ')');
    if (!row.default_shown.empty()) out += concat(" [default: ", row.default_shown, ']');
    return out;
}

std::string help_text(const VerbEntry& entry, const Arguments& table) {
    std::string out = concat(entry.summary, ".\n\nUsage: osb-oci ", entry.name, ' ', usage_of(table), "\n\n",
                             wrap(entry.description, 0, kColumns), '\n');
    std::string positional;
    for (const Argument& row : table.rows()) {
        if (row.is_positional()) positional += line_of(row, table);
    }
    if (!positional.empty()) out += concat("\nArguments:\n", positional);
    for (const std::string_view group : groups_of(table)) {
        out += concat('\n', group, ":\n");
        for (const Argument& row : table.rows()) {
            if (!row.is_positional() && row.group == group) out += line_of(row, table);
        }
    }
    out += "\nExamples:\n";
    for (const std::string_view example : entry.examples) out += concat("  ", example, '\n');
    return out;
}

std::string overview() {
    std::size_t width = 0;
    for (const VerbEntry* entry : verbs()) width = std::max(width, entry->name.size());
    std::string out =
        "osb-oci: a bridge between OCI images and ostree.\n\n"
        "Usage: osb-oci VERB [OPTIONS] ARGUMENTS\n\nVerbs:\n";
    for (const VerbEntry* entry : verbs()) {
        out +=
            concat("  ", entry->name, std::string(width - entry->name.size() + 2, ' '), entry->summary, '\n');
    }
    out += concat("\nOptions:\n", line_of("-h,--help", "show this help"),
                  line_of("--version", "show the versions of osb-oci and its libraries"),
                  "\n'osb-oci help VERB' shows the options of a verb, with examples.\n\nExit status:\n");
    for (const ExitStatus& status : exit_statuses()) {
        std::string number(status.number);
        number.resize(std::string_view("129, 130, 143").size() + 2, ' ');
        out += concat("  ", number, status.meaning, '\n');
    }
    return out;
}

}  // namespace osb::cli
