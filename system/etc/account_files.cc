#include "system/etc/account_files.hh"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "system/etc/account_ranges.hh"
#include "system/etc/account_table.hh"
#include "system/etc/foreign_accounts.hh"

namespace osb::system {
namespace {

// An entry of the result, with a flag that is true if its lines are the image's.
struct JoinedEntry {
    AccountEntry entry;
    bool from_image = false;
};

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

// Joins a group that the machine has changed. Its members are joined. The other fields follow the image
// unless the machine changed them too.
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

constexpr std::size_t kGroupField = 3;  // of passwd

bool has_entries(const AccountFiles& files, const std::string& file) {
    const auto found = files.find(file);
    if (found == files.end()) return false;
    const AccountTable table(found->second, format_of(file));
    return std::any_of(table.entries().begin(), table.entries().end(),
                       [](const AccountEntry& entry) { return !entry.name.empty(); });
}

// A power cut can leave a file empty or full of zeros, which is not the removal of root and all others.
// Returns the machine's files with the old default in the place of such a file, and notes it.
AccountFiles without_emptied(const AccountFiles& before, AccountFiles local,
                             std::vector<std::string>& notes) {
    for (const char* file : {"passwd", "group", "shadow"}) {
        if (!local.contains(file) || has_entries(local, file) || !has_entries(before, file)) continue;
        local[file] = before.at(file);
        notes.push_back(concat("/etc/", file, " has no entry on this machine, so it is the image's"));
    }
    return local;
}

class Join {
  public:
    Join(const AccountFiles& before, const AccountFiles& local, const AccountFiles& image)
        : before_(before),
          local_(without_emptied(before, local, out_.notes)),
          image_(image),
          foreign_(find_foreign(before, local_, image)),
          now_(without_foreign(image, local_, foreign_)) {}

    JoinedAccounts run() {
        for (const std::string_view name : kAccountFiles) {
            const std::string file(name);
            if (is_absent(file)) continue;
            tables_[file] =
                join_file(table(before_, file), table(local_, file), table(now_, file), format_of(file));
        }
        keep_numbers("group", "group");
        keep_numbers("passwd", "user");
        collect_numbers("passwd");
        collect_numbers("group");
        renumber("group", "group");
        renumber("passwd", "user");
        set_primary_groups();
        separate("subuid");
        separate("subgid");
        note_users();
        note_groups();
        for (const auto& [file, entries] : tables_) write(file, entries);
        return std::move(out_);
    }

  private:
    static AccountTable table(const AccountFiles& files, const std::string& file) {
        const auto found = files.find(file);
        return {found == files.end() ? std::string_view() : std::string_view(found->second), format_of(file)};
    }

    // Returns true if the entry is not in the result: no side has it, the machine removed it, or the image
    // removed it and the machine had not changed it.
    bool is_absent(const std::string& file) const {
        if (!local_.contains(file)) return before_.contains(file) || !now_.contains(file);
        return !now_.contains(file) && before_.contains(file) && before_.at(file) == local_.at(file);
    }

    // Entries of the machine keep their numbers, because files in /var belong to them.
    void keep_numbers(const std::string& file, const std::string& kind) {
        if (!tables_.contains(file)) return;
        const AccountFormat format = format_of(file);
        const AccountTable local = table(local_, file);
        const AccountTable before = table(before_, file);
        const AccountTable image = table(image_, file);
        for (JoinedEntry& one : tables_[file]) {
            const AccountEntry* mine = one.entry.name.empty() ? nullptr : local.find(one.entry.name);
            const auto number = mine == nullptr ? std::nullopt : number_of(*mine, format);
            if (!number) continue;
            if (number_of(one.entry, format) != number) {
                set_field(one.entry, format.number, concat(*number));
                renumbered_.insert(file);
            }
            const AccountEntry* old = before.find(one.entry.name);
            const AccountEntry* next = image.find(one.entry.name);
            if (old == nullptr || next == nullptr) continue;
            const auto there = number_of(*next, format);
            if (!there || there == number || number_of(*old, format) == there) continue;
            out_.notes.push_back(concat("the ", kind, ' ', quoted(one.entry.name),
                                        " keeps its number on this machine, ", *number,
                                        "; in the new image it has ", *there));
        }
    }

    // Collects the numbers that no new entry may get.
    void collect_numbers(const std::string& file) {
        for (const AccountFiles* files : {&before_, &local_, &image_}) {
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

    // Renumbers new entries of the image whose number belongs to another entry of the machine.
    void renumber(const std::string& file, const std::string& kind) {
        if (!tables_.contains(file)) return;
        const AccountFormat format = format_of(file);
        const AccountTable local = table(local_, file);
        const AccountTable image = table(image_, file);
        std::map<std::uint32_t, std::string> owners;
        for (const JoinedEntry& one : tables_[file]) {
            const auto number = number_of(one.entry, format);
            if (number && local.find(one.entry.name) != nullptr) owners.emplace(*number, one.entry.name);
        }
        for (JoinedEntry& one : tables_[file]) {
            const auto number = number_of(one.entry, format);
            if (!number || local.find(one.entry.name) != nullptr) continue;
            const auto owner = owners.find(*number);
            if (owner == owners.end()) continue;
            // The image itself has two names for one number.
            const AccountEntry* in_image = image.find(owner->second);
            if (in_image != nullptr && number_of(*in_image, format) == number) continue;
            give_number(one.entry, *number, owner->second, file, kind);
        }
    }

    void give_number(AccountEntry& entry, std::uint32_t number, const std::string& owner,
                     const std::string& file, const std::string& kind) {
        // The user gets the number that the group of the same name got.
        const auto group = file == "passwd" ? new_groups_.find(entry.name) : new_groups_.end();
        const auto next = group != new_groups_.end() && group->second.first == number ? group->second.second
                                                                                      : free_number();
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
        if (file == "group") new_groups_[entry.name] = {number, next};
        out_.notes.push_back(concat(clash, "it gets ", *next, ", and files of the image that belong to ",
                                    number, " belong to ", quoted(owner)));
    }

    // The number denotes a group by its name in the image. That group may have another number on this
    // machine.
    void set_primary_groups() {
        if (!tables_.contains("passwd") || !tables_.contains("group")) return;
        const AccountFormat format = format_of("group");
        std::map<std::uint32_t, std::string> names;  // in the image
        for (const AccountEntry& group : table(image_, "group").entries()) {
            if (const auto number = number_of(group, format)) names.emplace(*number, group.name);
        }
        std::map<std::string, std::uint32_t> numbers;  // in the result
        for (const JoinedEntry& one : tables_["group"]) {
            if (const auto number = number_of(one.entry, format)) numbers.emplace(one.entry.name, *number);
        }
        for (JoinedEntry& one : tables_["passwd"]) {
            if (!one.from_image || one.entry.name.empty()) continue;
            const auto there = parse_id(split_fields(one.entry.lines.front(), ':')[kGroupField]);
            const auto name = there ? names.find(*there) : names.end();
            const auto here = name == names.end() ? numbers.end() : numbers.find(name->second);
            if (here == numbers.end() || here->second == *there) continue;
            set_field(one.entry, kGroupField, concat(here->second));
            renumbered_.insert("passwd");
        }
    }

    void separate(const std::string& file) {
        if (!tables_.contains(file)) return;
        const AccountTable before = table(before_, file);
        const AccountTable local = table(local_, file);
        const AccountTable image = table(image_, file);
        std::vector<AccountEntry*> entries;
        for (JoinedEntry& one : tables_[file]) {
            const AccountEntry* mine = one.entry.name.empty() ? nullptr : local.find(one.entry.name);
            const bool is_new = mine == nullptr || !(*mine == one.entry);
            if (one.from_image && !one.entry.name.empty() && is_new) entries.push_back(&one.entry);
        }
        const std::vector<std::string> notes =
            separate_ranges(file, std::move(entries), local, table(now_, file), {&before, &local, &image});
        if (notes.empty()) return;
        renumbered_.insert(file);
        out_.notes.insert(out_.notes.end(), notes.begin(), notes.end());
    }

    // Notes names that both sides have added.
    void note_users() {
        const AccountFormat format = format_of("passwd");
        const AccountTable before = table(before_, "passwd");
        const AccountTable local = table(local_, "passwd");
        const AccountTable image = table(image_, "passwd");
        for (const std::string& name : foreign_) {
            if (before.find(name) != nullptr) continue;
            const auto here = number_of(*local.find(name), format);
            const auto there = number_of(*image.find(name), format);
            out_.notes.push_back(concat("the user ", quoted(name), " of this machine stays, with the number ",
                                        here.value_or(0), "; it gets neither the password nor the groups of ",
                                        "the image's user of that name, which has the number ",
                                        there.value_or(0)));
        }
    }

    void note_groups() {
        const AccountFormat format = format_of("group");
        const AccountTable before = table(before_, "group");
        const AccountTable local = table(local_, "group");
        for (const AccountEntry& entry : table(image_, "group").entries()) {
            if (entry.name.empty() || before.find(entry.name) != nullptr) continue;
            const AccountEntry* mine = local.find(entry.name);
            if (mine == nullptr) continue;
            const auto here = number_of(*mine, format);
            const auto there = number_of(entry, format);
            if (!here || !there || here == there) continue;
            out_.notes.push_back(concat("the group ", quoted(entry.name),
                                        " of this machine stays, with the number ", *here,
                                        "; the image has one of that name with the number ", *there));
        }
    }

    void write(const std::string& file, const std::vector<JoinedEntry>& entries) {
        std::string& text = out_.files[file];
        // The machine did not change the file: take it as the image has it, including lines that are not
        // entries.
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

    JoinedAccounts out_;
    const AccountFiles& before_;
    const AccountFiles local_;
    const AccountFiles& image_;
    std::set<std::string> foreign_;
    AccountFiles now_;  // the image's files, without foreign accounts
    std::map<std::string, std::vector<JoinedEntry>> tables_;
    std::set<std::uint32_t> taken_;
    // Numbers of groups, by name: in the image, and in the result.
    std::map<std::string, std::pair<std::uint32_t, std::optional<std::uint32_t>>> new_groups_;
    std::set<std::string> renumbered_;  // files
};

}  // namespace

JoinedAccounts join_accounts(const AccountFiles& old_default, const AccountFiles& local,
                             const AccountFiles& new_default) {
    return Join(old_default, local, new_default).run();
}

}  // namespace osb::system
