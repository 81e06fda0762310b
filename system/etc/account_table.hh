// The lines of /etc/passwd and similar files, by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace osb::system {

using Fields = std::vector<std::string>;

// Splits a text into fields, and joins fields into a text.
Fields split_fields(std::string_view text, char separator);
std::string join_fields(const Fields& fields, char separator);

// The format of the lines of one file. Fields are counted from 0.
struct AccountFormat {
    std::size_t fields = 0;
    std::size_t members_from = 0;  // first field that is a list of members; 0 if there is none
    std::size_t number = 0;        // field with the number of the entry; 0 if there is none
};

// Returns the format of the file of that name ("passwd").
AccountFormat format_of(std::string_view file);

// All lines of a file that have the same name: nearly always one.
struct AccountEntry {
    std::string name;  // "" for a line that is not an entry
    std::vector<std::string> lines;

    bool operator==(const AccountEntry&) const = default;
};

// The entries of one file, in their order and by name.
class AccountTable {
  public:
    AccountTable(std::string_view text, const AccountFormat& format);

    // The entries in the order of the text.
    const std::vector<AccountEntry>& entries() const& { return entries_; }
    std::vector<AccountEntry> entries() && { return std::move(entries_); }
    // Returns the entry of that name, which belongs to this object, or null.
    const AccountEntry* find(const std::string& name) const;

  private:
    void add(const std::string& line, const AccountFormat& format);

    std::vector<AccountEntry> entries_;
    std::map<std::string, std::size_t> index_;
};

// Returns true if a line is an entry of a file of that format. `fields` are the fields of the line.
bool is_entry(const Fields& fields, const AccountFormat& format);

// Splits a list of members. Leaves out empty names.
Fields members_of(const std::string& field);
bool has_member(const Fields& list, const std::string& name);

// Parses a decimal number of at most 32 bits. Returns nothing for other text.
std::optional<std::uint32_t> parse_id(const std::string& text);
// Returns the number of an entry; nothing if it has none.
std::optional<std::uint32_t> number_of(const AccountEntry& entry, const AccountFormat& format);
// Sets the field in all lines of the entry.
void set_field(AccountEntry& entry, std::size_t field, const std::string& value);

}  // namespace osb::system
