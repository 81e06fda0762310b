#include "image/deployment/boot_entry.hh"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/one_line.hh"

namespace osb::image {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && (is_blank(text.back()) || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

void check_word(const std::string& id, std::string_view what, std::string_view text) {
    if (has_control(text) || text.find(' ') != std::string_view::npos) {
        throw Error(ErrorKind::invalid, concat("boot entry ", quoted(id), ": bad ", what, ' ', quoted(text)));
    }
}

std::optional<std::uint64_t> parse_version(std::string_view text) {
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
}

}  // namespace

std::string printable_title(std::string_view text) {
    return one_line(text, kMaxTitle);
}

BootEntry parse_boot_entry(std::string id, std::string_view text) {
    BootEntry entry;
    entry.id = std::move(id);
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trim(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        const std::size_t split = line.find_first_of(" \t");
        if (line.empty() || line.front() == '#' || split == std::string_view::npos) continue;
        const std::string_view key = line.substr(0, split);
        const std::string value(trim(line.substr(split)));
        if (key == "title") entry.title = printable_title(value);
        if (key == "version") entry.version = value;
        if (key == "options") entry.options = value;
        if (key == "linux") entry.kernel = value;
        if (key == "initrd") entry.initrds.push_back(value);
        if (key == "devicetree") entry.devicetree = value;
    }
    if (entry.kernel.empty()) {
        throw Error(ErrorKind::invalid, concat("boot entry ", quoted(entry.id), " does not name a kernel"));
    }
    check_word(entry.id, "name", entry.id);
    check_word(entry.id, "kernel", entry.kernel);
    for (const std::string& initrd : entry.initrds) check_word(entry.id, "initrd", initrd);
    check_word(entry.id, "device tree", entry.devicetree);
    if (has_control(entry.options)) {
        throw Error(ErrorKind::invalid,
                    concat("boot entry ", quoted(entry.id), ": bad options ", quoted(entry.options)));
    }
    return entry;
}

std::string to_string(const BootEntry& entry) {
    std::string out = concat("title ", entry.title, "\nversion ", entry.version, "\noptions ", entry.options,
                             "\nlinux ", entry.kernel, '\n');
    for (const std::string& initrd : entry.initrds) out += concat("initrd ", initrd, '\n');
    if (!entry.devicetree.empty()) out += concat("devicetree ", entry.devicetree, '\n');
    return out;
}

void sort_entries(std::vector<BootEntry>& entries) {
    std::sort(entries.begin(), entries.end(), [](const BootEntry& a, const BootEntry& b) {
        const auto left = parse_version(a.version);
        const auto right = parse_version(b.version);
        if (left && right && *left != *right) return *left > *right;
        if (left.has_value() != right.has_value()) return left.has_value();
        if (a.version != b.version) return a.version > b.version;
        return a.id > b.id;
    });
}

}  // namespace osb::image
