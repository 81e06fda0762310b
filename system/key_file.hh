// Key files, the format of origin files: groups of keys and values, as GLib's GKeyFile reads them
// (Desktop Entry Specification, "Basic format of the file").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace osb::system {

// Comments and blank lines are not kept. Of a group or key that is there twice the last value holds.
class KeyFile {
  public:
    // Throws Error{invalid} naming the line.
    static KeyFile parse(std::string_view text);

    // The value, its escapes resolved; nothing when there is none. Throws Error{invalid} for an escape that
    // the format does not have, or text that is not UTF-8.
    std::optional<std::string> get(std::string_view group, std::string_view key) const;
    // Escapes what the format cannot hold as it is.
    void set(std::string_view group, std::string_view key, std::string_view value);
    void remove_group(std::string_view group);

    std::string to_string() const;

  private:
    struct Group {
        std::string name;
        std::vector<std::pair<std::string, std::string>> values;  // as they are written
    };
    Group& group_of(std::string_view name);
    std::vector<Group> groups_;
};

}  // namespace osb::system
