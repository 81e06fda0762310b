// Settings for one machine or site: users, keys, names, files. They are applied to /etc and /var of the
// deployment, never to the commit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb::image {

struct UserCustomization {
    std::string name;
    std::optional<std::string> description;  // the GECOS field
    std::optional<std::string> password;     // as in shadow(5), already hashed
    std::vector<std::string> keys;           // lines of authorized_keys
    std::vector<std::string> groups;
    std::optional<std::string> home;
    std::optional<std::string> shell;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
    std::optional<std::uint32_t> expiration_day;  // the account's last day, counted from 1970-01-01
    bool must_change_password = false;            // at the next login
};

struct GroupCustomization {
    std::string name;
    std::optional<std::uint32_t> gid;
};

struct FileCustomization {
    std::string path;
    std::string data;
    std::optional<std::uint32_t> mode;
    std::string user = "root";  // a name or a number
    std::string group = "root";
    bool is_directory = false;
    bool ensure_parents = false;
};

// Additional keys for a user that the image has or that is added too.
struct KeyCustomization {
    std::string user;
    std::vector<std::string> keys;  // lines of authorized_keys
};

// Names of services. No service is in two lists that contradict each other.
struct ServicesCustomization {
    std::vector<std::string> enabled;
    std::vector<std::string> disabled;
    std::vector<std::string> masked;
};

struct LocaleCustomization {
    std::string language;  // LANG; "" for none
    std::string keyboard;  // a keymap; "" for none
};

struct FilesystemCustomization {
    std::string mountpoint;      // "/" or "/boot"
    std::uint64_t min_size = 0;  // bytes
};

// All settings of one installation.
struct Customizations {
    std::string hostname;                  // "" for none
    std::string timezone;                  // as in the zoneinfo database; "" for none
    std::vector<std::string> ntp_servers;  // names or addresses
    std::vector<std::string> kernel_arguments;
    std::vector<UserCustomization> users;
    std::vector<GroupCustomization> groups;
    std::vector<KeyCustomization> keys;
    ServicesCustomization services;
    LocaleCustomization locale;
    std::vector<FileCustomization> files;
    std::vector<FilesystemCustomization> filesystems;
    // All settings above as one text; "" for none. Equal settings give equal texts, in TOML and in JSON.
    std::string text;
};

}  // namespace osb::image
