#include "system/etc/foreign_accounts.hh"

#include <algorithm>
#include <cstdint>

#include "system/etc/account_table.hh"

namespace osb::system {
namespace {

constexpr std::uint32_t kFirstPerson = 1000;

AccountTable table_of(const AccountFiles& files, const std::string& file) {
    const auto found = files.find(file);
    return {found == files.end() ? std::string_view() : std::string_view(found->second), format_of(file)};
}

// Removes users from a line's lists of members, unless the machine has them there.
void remove_members(Fields& fields, const AccountFormat& format, const AccountEntry* local,
                    const std::set<std::string>& foreign) {
    for (std::size_t i = format.members_from; i < format.fields; ++i) {
        const Fields here =
            local == nullptr ? Fields{} : members_of(split_fields(local->lines.front(), ':')[i]);
        Fields members = members_of(fields[i]);
        const auto is_new = [&](const std::string& name) {
            return foreign.contains(name) && !has_member(here, name);
        };
        if (std::erase_if(members, is_new) > 0) fields[i] = join_fields(members, ',');
    }
}

std::string lines_of(const AccountEntry* entry) {
    std::string out;
    if (entry == nullptr) return out;
    for (const std::string& line : entry->lines) out += line + '\n';
    return out;
}

std::string filter_text(const std::string& file, std::string_view text, const AccountTable& local,
                        const std::set<std::string>& foreign) {
    const AccountFormat format = format_of(file);
    std::string out;
    std::set<std::string> said;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string line(text.substr(0, std::min(end + 1, text.size())));
        text.remove_prefix(line.size());
        const bool has_end = line.ends_with('\n');
        Fields fields = split_fields(std::string_view(line).substr(0, line.size() - (has_end ? 1 : 0)), ':');
        if (is_entry(fields, format)) {
            if (format.members_from == 0 && foreign.contains(fields.front())) {
                if (said.insert(fields.front()).second) out += lines_of(local.find(fields.front()));
                continue;
            }
            if (format.members_from != 0) {
                remove_members(fields, format, local.find(fields.front()), foreign);
                line = join_fields(fields, ':') + (has_end ? "\n" : "");
            }
        }
        out += line;
    }
    return out;
}

}  // namespace

std::set<std::string> find_foreign(const AccountFiles& old_default, const AccountFiles& local,
                                   const AccountFiles& new_default) {
    std::set<std::string> out;
    const AccountFormat format = format_of("passwd");
    const AccountTable before = table_of(old_default, "passwd");
    const AccountTable now = table_of(new_default, "passwd");
    const AccountTable here = table_of(local, "passwd");
    for (const AccountEntry& entry : here.entries()) {
        if (entry.name.empty() || now.find(entry.name) == nullptr) continue;
        const AccountEntry* old = before.find(entry.name);
        const auto number = number_of(entry, format);
        const bool is_person = number && *number >= kFirstPerson;
        if (old == nullptr || (is_person && number_of(*old, format) != number)) out.insert(entry.name);
    }
    return out;
}

AccountFiles without_foreign(const AccountFiles& image, const AccountFiles& local,
                             const std::set<std::string>& foreign) {
    AccountFiles out = image;
    if (foreign.empty()) return out;
    for (auto& [file, text] : out) text = filter_text(file, text, table_of(local, file), foreign);
    return out;
}

}  // namespace osb::system
