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

// The three files, as texts. Lines that are not touched stay as they are, in their order.
class Accounts {
  public:
    Accounts(std::string_view passwd, std::string_view group, std::string_view shadow);

    // Adds a group; one that exists already may be named when its id is the same. Throws Error{invalid}.
    std::uint32_t add_group(const GroupCustomization& group);

    // Adds a user, with a group of his own unless a gid is given, or changes one that exists in what is
    // given. Without a password nobody logs in with one. Throws Error{invalid}: an id or name that is taken,
    // a group that does not exist.
    Account set_user(const UserCustomization& user);

    // Ids by name; numbers stand for themselves. Nothing for a name that is not there.
    std::optional<std::uint32_t> uid(std::string_view name) const;
    std::optional<std::uint32_t> gid(std::string_view name) const;

    std::string passwd() const;
    std::string group() const;
    std::string shadow() const;

  private:
    using Line = std::vector<std::string>;  // its fields
    using File = std::vector<Line>;

    static File parse(std::string_view text);
    static std::string join(const File& file);
    static Line* find(File& file, std::string_view name);
    static const Line* find(const File& file, std::string_view name);
    static bool has_id(const File& file, std::uint32_t id);
    Line& add_user(const UserCustomization& user);
    void join_group(const std::string& user, const std::string& group);
    void set_password(const std::string& user, const std::string& hash);

    File passwd_;
    File group_;
    File shadow_;
};

}  // namespace osb::image
