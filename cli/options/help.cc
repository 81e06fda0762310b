#include "cli/options/help.hh"

#include <algorithm>
#include <vector>

#include "base/bytes.hh"

namespace osb::cli {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kTextColumn = 30;  // where descriptions begin

// "-q,--quiet", "--repo DIR", "--tls-verify[=BOOL]", "IMAGE".
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

// The words of `text` on lines that end before kColumns; lines after the first one begin at kTextColumn.
std::string wrapped(std::string_view text) {
    std::string out;
    std::size_t column = kTextColumn;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (column > kTextColumn && column + 1 + word.size() > kColumns) {
            out += '\n' + std::string(kTextColumn, ' ');
            column = kTextColumn;
        } else if (column > kTextColumn) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
    }
    return out;
}

std::string line_of(const Argument& row, const Arguments& table) {
    std::string label = concat("  ", label_of(row));
    if (label.size() >= kTextColumn) {
        label += '\n' + std::string(kTextColumn, ' ');
    } else {
        label.resize(kTextColumn, ' ');
    }
    return concat(label, wrapped(description_of(row, table)), '\n');
}

std::string usage_line(const VerbEntry& entry, const Arguments& table) {
    std::string out = concat("Usage: osb-oci ", entry.name, " [OPTIONS]");
    for (const Argument& row : table.rows()) {
        if (!row.is_positional()) continue;
        out += row.required ? concat(' ', row.name) : concat(" [", row.name, ']');
    }
    return out + '\n';
}

// The headings of the options, in the order of the table.
std::vector<std::string_view> groups_of(const Arguments& table) {
    std::vector<std::string_view> out;
    for (const Argument& row : table.rows()) {
        if (row.is_positional() || std::find(out.begin(), out.end(), row.group) != out.end()) continue;
        out.push_back(row.group);
    }
    return out;
}

}  // namespace

std::string description_of(const Argument& row, const Arguments& table) {
    std::string out(row.help);
    if (row.is_repeated()) out += "; may be repeated";
    if (row.range) out += concat(", ", row.range->least, " to ", row.range->most);
    const std::vector<std::string_view> excluded = table.excluded_by(row);
    if (!excluded.empty()) out += concat(" (not with ", joined(excluded, " or "), ')');
    if (!row.needs.empty()) out += concat(" (only with ", joined(row.needs, " and "), ')');
    if (!row.default_shown.empty()) out += concat(" [", row.default_shown, ']');
    return out;
}

std::string help_text(const VerbEntry& entry, const Arguments& table) {
    std::string out = concat(entry.summary, ".\n", usage_line(entry, table));
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
        "Usage: osb-oci VERB [OPTIONS] ARGS\n\nVerbs:\n";
    for (const VerbEntry* entry : verbs()) {
        out +=
            concat("  ", entry->name, std::string(width - entry->name.size() + 2, ' '), entry->summary, '\n');
    }
    out +=
        "\n  osb-oci VERB --help   shows the options of a verb, with examples\n"
        "  osb-oci --version     shows the version\n"
        "\nExit status: 0 done; 1 failed; 2 the command line was wrong; 3 the input was refused; 4 not "
        "trusted;\n"
        "5 network or registry; 6 no space; 77 --check found nothing new; 130 and 143 interrupted.\n";
    return out;
}

}  // namespace osb::cli
