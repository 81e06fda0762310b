// The users and groups of a system: passwd(5), group(5), shadow(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/settings/customizations.hh"

namespace osb::image {

struct Account {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string home;
    bool is_new = false;
};

// The three files as texts. Lines that are not edited stay unchanged and in their order.
class Accounts {
  public:
    Accounts(std::string_view passwd, std::string_view group, std::string_view shadow);

    // Adds a group and returns its id. An existing group is accepted if it has the same id. Throws
    // Error{invalid}.
    std::uint32_t add_group(const GroupCustomization& group);

    // Adds a user, or changes the given fields of an existing user. A new user gets a group of the same name
    // unless a gid is given. A user without a password cannot log in with one. Throws Error{invalid} for an
    // id or name that is taken, and for a group that does not exist.
    Account set_user(const UserCustomization& user);

    // Returns the id for a name. A number is returned as it is. Returns nothing for an unknown name.
    std::optional<std::uint32_t> uid(std::string_view name) const;
    std::optional<std::uint32_t> gid(std::string_view name) const;

    std::string passwd() const;
    std::string group() const;
    std::string shadow() const;

  private:
    using Line = std::vector<std::string>;  // the fields of a line
    using File = std::vector<Line>;

    static File parse(std::string_view text);
    static std::string join(const File& file);
    static Line* find(File& file, std::string_view name);
    static const Line* find(const File& file, std::string_view name);
    static bool has_id(const File& file, std::uint32_t id);
    Line& add_user(const UserCustomization& user);
    void join_group(const std::string& user, const std::string& group);
    void set_password(const std::string& user, const std::string& hash);
    void set_ageing(const UserCustomization& user);

    File passwd_;
    File group_;
    File shadow_;
};

}  // namespace osb::image
