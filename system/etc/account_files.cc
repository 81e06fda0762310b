#include "system/etc/account_files.hh"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

using Fields = std::vector<std::string>;

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

// What a line of each file looks like. Fields are counted from 0.
struct AccountFormat {
    std::size_t fields = 0;
    std::size_t members_from = 0;  // the first field that is a list of members; 0: none
    std::size_t number = 0;        // the field with the entry's own number; 0: none
};

AccountFormat format_of(std::string_view file) {
    if (file == "passwd") return {.fields = 7, .number = 2};
    if (file == "group") return {.fields = 4, .members_from = 3, .number = 2};
    if (file == "shadow") return {.fields = 9};
    if (file == "gshadow") return {.fields = 4, .members_from = 2};
    return {.fields = 3};
}

// The lines of a file with one name: nearly always one.
struct AccountEntry {
    std::string name;  // "" for a line that is not an entry
    std::vector<std::string> lines;

    bool operator==(const AccountEntry&) const = default;
};

class AccountTable {
  public:
    AccountTable(std::string_view text, const AccountFormat& format) {
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            add(std::string(text.substr(0, end)), format);
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    }

    const std::vector<AccountEntry>& entries() const& { return entries_; }
    std::vector<AccountEntry> entries() && { return std::move(entries_); }
    const AccountEntry* find(const std::string& name) const {
        const auto found = index_.find(name);
        return found == index_.end() ? nullptr : &entries_[found->second];
    }

  private:
    void add(const std::string& line, const AccountFormat& format) {
        const Fields fields = split_fields(line, ':');
        if (fields.size() != format.fields || fields.front().empty() || line.front() == '#') {
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

    std::vector<AccountEntry> entries_;
    std::map<std::string, std::size_t> index_;
};

// An entry of the result, and whether it is the image's.
struct JoinedEntry {
    AccountEntry entry;
    bool from_image = false;
};

Fields members_of(const std::string& field) {
    Fields out = field.empty() ? Fields{} : split_fields(field, ',');
    std::erase(out, "");
    return out;
}

bool has_member(const Fields& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

std::string join_members(const std::string& old_list, const std::string& local_list,
                         const std::string& new_list) {
    const Fields before = members_of(old_list);
    const Fields local = members_of(local_list);
    const Fields now = members_of(new_list);
    Fields out;
    for (const std::string& name : local) {
        if (has_member(now, name) || !has_member(before, name)) out.push_back(name);
    }
    for (const std::string& name : now) {
        if (!has_member(before, name) && !has_member(local, name)) out.push_back(name);
    }
    return join_fields(out, ',');
}

// A group that the machine has changed: its members are joined; the rest follows the image unless the machine
// has changed that as well.
AccountEntry join_group(const AccountEntry& before, const AccountEntry& local, const AccountEntry& now,
                        const AccountFormat& format) {
    if (local.lines.size() != 1 || before.lines.size() != 1 || now.lines.size() != 1) return local;
    const Fields old_fields = split_fields(before.lines.front(), ':');
    const Fields new_fields = split_fields(now.lines.front(), ':');
    Fields fields = split_fields(local.lines.front(), ':');
    const auto fixed = static_cast<std::ptrdiff_t>(format.members_from);
    if (std::equal(fields.begin(), fields.begin() + fixed, old_fields.begin())) {
        std::copy(new_fields.begin(), new_fields.begin() + fixed, fields.begin());
    }
    for (std::size_t i = format.members_from; i < format.fields; ++i) {
        fields[i] = join_members(old_fields[i], fields[i], new_fields[i]);
    }
    return {.name = local.name, .lines = {join_fields(fields, ':')}};
}

std::optional<JoinedEntry> join_entry(const AccountEntry& local, const AccountEntry* before,
                                      const AccountEntry* now, const AccountFormat& format) {
    if (before != nullptr && *before == local) {
        if (now == nullptr) return std::nullopt;
        return JoinedEntry{.entry = *now, .from_image = true};
    }
    if (format.members_from != 0 && now != nullptr) {
        const AccountEntry none{.name = local.name,
                                .lines = {join_fields(Fields{local.name, "\n", "\n", ""}, ':')}};
        return JoinedEntry{.entry = join_group(before != nullptr ? *before : none, local, *now, format)};
    }
    return JoinedEntry{.entry = local};
}

std::vector<JoinedEntry> join_file(const AccountTable& before, const AccountTable& local,
                                   const AccountTable& now, const AccountFormat& format) {
    std::vector<JoinedEntry> out;
    for (const AccountEntry& entry : local.entries()) {
        if (entry.name.empty()) {
            out.push_back({.entry = entry});
        } else if (auto joined = join_entry(entry, before.find(entry.name), now.find(entry.name), format)) {
            out.push_back(std::move(*joined));
        }
    }
    for (const AccountEntry& entry : now.entries()) {
        if (entry.name.empty() || before.find(entry.name) != nullptr || local.find(entry.name) != nullptr)
            continue;
        out.push_back({.entry = entry, .from_image = true});
    }
    return out;
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

class Join {
  public:
    Join(const AccountFiles& before, const AccountFiles& local, const AccountFiles& now)
        : before_(before), local_(local), now_(now) {}

    JoinedAccounts run() {
        for (const std::string_view name : kAccountFiles) {
            const std::string file(name);
            if (is_absent(file)) continue;
            tables_[file] =
                join_file(table(before_, file), table(local_, file), table(now_, file), format_of(file));
        }
        collect_numbers("passwd");
        collect_numbers("group");
        renumber("group", "group");
        renumber("passwd", "user");
        note_names("passwd", "user");
        note_names("group", "group");
        for (const auto& [file, entries] : tables_) write(file, entries);
        return std::move(out_);
    }

  private:
    static AccountTable table(const AccountFiles& files, const std::string& file) {
        const auto found = files.find(file);
        return {found == files.end() ? std::string_view() : std::string_view(found->second), format_of(file)};
    }

    // Not in the result: nobody has it, or the machine removed it, or the image did and the machine had not
    // changed it.
    bool is_absent(const std::string& file) const {
        if (!local_.contains(file)) return before_.contains(file) || !now_.contains(file);
        return !now_.contains(file) && before_.contains(file) && before_.at(file) == local_.at(file);
    }

    // Numbers that nobody new may get.
    void collect_numbers(const std::string& file) {
        for (const AccountFiles* files : {&before_, &local_, &now_}) {
            for (const AccountEntry& entry : table(*files, file).entries()) {
                if (const auto number = number_of(entry, format_of(file))) taken_.insert(*number);
            }
        }
    }

    std::optional<std::uint32_t> free_number() {
        constexpr std::uint32_t kFirst = 100;
        constexpr std::uint32_t kLast = 999;
        for (std::uint32_t number = kFirst; number <= kLast; ++number) {
            if (taken_.insert(number).second) return number;
        }
        return std::nullopt;
    }

    // Entries of the image whose number is that of an entry that only the machine has.
    void renumber(const std::string& file, const std::string& kind) {
        if (!tables_.contains(file)) return;
        const AccountFormat format = format_of(file);
        std::map<std::uint32_t, std::string> owners;
        for (const JoinedEntry& one : tables_[file]) {
            const auto number = number_of(one.entry, format);
            if (number && !one.from_image) owners.emplace(*number, one.entry.name);
        }
        const AccountTable image = table(now_, file);
        const AccountTable before = table(before_, file);
        for (JoinedEntry& one : tables_[file]) {
            const auto number = number_of(one.entry, format);
            if (!one.from_image || !number) continue;
            const auto owner = owners.find(*number);
            if (owner == owners.end()) continue;
            // It had that number before: the machine has chosen to share it.
            const AccountEntry* old = before.find(one.entry.name);
            if (old != nullptr && number_of(*old, format) == number) continue;
            // Two names of one number, as the image itself has them.
            const AccountEntry* in_image = image.find(owner->second);
            if (in_image != nullptr && number_of(*in_image, format) == number) continue;
            give_number(one.entry, *number, owner->second, file, kind);
        }
    }

    void give_number(AccountEntry& entry, std::uint32_t number, const std::string& owner,
                     const std::string& file, const std::string& kind) {
        // The user gets the number that the group of the same name got.
        const auto group = file == "passwd" ? new_groups_.find(number) : new_groups_.end();
        std::optional<std::uint32_t> next;
        if (group != new_groups_.end() && group->second.first == entry.name) next = group->second.second;
        if (!next) next = free_number();
        const std::string clash =
            concat("the image's ", kind, ' ', quoted(entry.name), " has the number ", number,
                   ", which is that of the ", kind, ' ', quoted(owner), " on this machine: ");
        if (!next) {
            out_.notes.push_back(
                concat(clash, "both have it now, because no number from 100 to 999 is free"));
            return;
        }
        set_field(entry, format_of(file).number, concat(*next));
        renumbered_.insert(file);
        if (file == "group") new_groups_[number] = {entry.name, *next};
        out_.notes.push_back(concat(clash, "it gets ", *next, ", and files of the image that belong to ",
                                    number, " belong to ", quoted(owner)));
        if (file == "group") move_primary_groups(number, *next);
    }

    // Users of the image whose primary group has another number now.
    void move_primary_groups(std::uint32_t number, std::uint32_t next) {
        constexpr std::size_t kGroupField = 3;
        if (!tables_.contains("passwd")) return;
        for (JoinedEntry& one : tables_["passwd"]) {
            if (!one.from_image || one.entry.name.empty()) continue;
            if (parse_id(split_fields(one.entry.lines.front(), ':')[kGroupField]) == number) {
                set_field(one.entry, kGroupField, concat(next));
                renumbered_.insert("passwd");
            }
        }
    }

    // Names that both have added, with different numbers.
    void note_names(const std::string& file, const std::string& kind) {
        const AccountFormat format = format_of(file);
        const AccountTable before = table(before_, file);
        const AccountTable local = table(local_, file);
        for (const AccountEntry& entry : table(now_, file).entries()) {
            if (entry.name.empty() || before.find(entry.name) != nullptr) continue;
            const AccountEntry* mine = local.find(entry.name);
            if (mine == nullptr) continue;
            const auto here = number_of(*mine, format);
            const auto there = number_of(entry, format);
            if (!here || !there || here == there) continue;
            out_.notes.push_back(concat("the ", kind, ' ', quoted(entry.name),
                                        " of this machine stays, with the number ", *here,
                                        "; the image has one of that name with the number ", *there));
        }
    }

    void write(const std::string& file, const std::vector<JoinedEntry>& entries) {
        std::string& text = out_.files[file];
        // Not changed by the machine: as the image has it, with lines that are not entries.
        const bool is_unchanged = before_.contains(file) && local_.contains(file) && now_.contains(file) &&
                                  before_.at(file) == local_.at(file);
        if (is_unchanged && !renumbered_.contains(file)) {
            text = now_.at(file);
            return;
        }
        for (const JoinedEntry& one : entries) {
            for (const std::string& line : one.entry.lines) text += line + '\n';
        }
    }

    const AccountFiles& before_;
    const AccountFiles& local_;
    const AccountFiles& now_;
    std::map<std::string, std::vector<JoinedEntry>> tables_;
    std::set<std::uint32_t> taken_;
    std::map<std::uint32_t, std::pair<std::string, std::uint32_t>> new_groups_;  // by the image's number
    std::set<std::string> renumbered_;                                           // files
    JoinedAccounts out_;
};

}  // namespace

JoinedAccounts join_accounts(const AccountFiles& old_default, const AccountFiles& local,
                             const AccountFiles& new_default) {
    return Join(old_default, local, new_default).run();
}

}  // namespace osb::system
