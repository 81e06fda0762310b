#include "system/etc/account_table.hh"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "base/bytes.hh"

namespace osb::system {

Fields split_fields(std::string_view text, char separator) {
    Fields out;
    for (std::size_t at = 0;;) {
        const std::size_t end = text.find(separator, at);
        out.emplace_back(text.substr(at, end - at));
        if (end == std::string_view::npos) return out;
        at = end + 1;
    }
}

std::string join_fields(const Fields& fields, char separator) {
    std::string out;
    for (std::size_t i = 0; i < fields.size(); ++i)
        out += concat(i == 0 ? "" : std::string(1, separator), fields[i]);
    return out;
}

AccountFormat format_of(std::string_view file) {
    if (file == "passwd") return {.fields = 7, .number = 2};
    if (file == "group") return {.fields = 4, .members_from = 3, .number = 2};
    if (file == "shadow") return {.fields = 9};
    if (file == "gshadow") return {.fields = 4, .members_from = 2};
    return {.fields = 3};
}

bool is_entry(const Fields& fields, const AccountFormat& format) {
    return fields.size() == format.fields && !fields.front().empty() && fields.front().front() != '#';
}

AccountTable::AccountTable(std::string_view text, const AccountFormat& format) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        add(std::string(text.substr(0, end)), format);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

const AccountEntry* AccountTable::find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &entries_[found->second];
}

void AccountTable::add(const std::string& line, const AccountFormat& format) {
    const Fields fields = split_fields(line, ':');
    if (!is_entry(fields, format)) {
        entries_.push_back({.name = "", .lines = {line}});
        return;
    }
    const auto [at, is_new] = index_.emplace(fields.front(), entries_.size());
    if (is_new) {
        entries_.push_back({.name = fields.front(), .lines = {line}});
    } else {
        entries_[at->second].lines.push_back(line);
    }
}

Fields members_of(const std::string& field) {
    Fields out = field.empty() ? Fields{} : split_fields(field, ',');
    std::erase(out, "");
    return out;
}

bool has_member(const Fields& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

std::optional<std::uint32_t> parse_id(const std::string& text) {
    std::uint32_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::optional<std::uint32_t> number_of(const AccountEntry& entry, const AccountFormat& format) {
    if (format.number == 0 || entry.name.empty()) return std::nullopt;
    return parse_id(split_fields(entry.lines.front(), ':')[format.number]);
}

void set_field(AccountEntry& entry, std::size_t field, const std::string& value) {
    for (std::string& line : entry.lines) {
        Fields fields = split_fields(line, ':');
        fields[field] = value;
        line = join_fields(fields, ':');
    }
}

}  // namespace osb::system
