#include "image/settings/config_file.hh"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/stream.hh"
#include "image/disk/byte_size.hh"
#include "image/settings/credentials.hh"
#include "image/settings/unsupported_settings.hh"
#include "oci/documents/json.hh"
#include "oci/documents/toml.hh"

namespace osb::image {
namespace {

using oci::Json;

[[noreturn]] void refuse(const std::string& where, std::string_view why) {
    throw Error(ErrorKind::invalid, concat(where, ' ', why));
}

// Parses both languages into one form.
Json parse_text(std::string_view text, const std::string& name) {
    return name.ends_with(".json") ? oci::parse_json(text, "the configuration") : oci::parse_toml(text);
}

// Rejects characters that a line of a system file cannot hold.
void check_line(const std::string& where, const std::string& text, std::string_view also = {}) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7F && also.find(c) == std::string_view::npos) continue;
        refuse(where, concat("contains a character that is not allowed: ", quoted(text)));
    }
}

std::string text_of(const Json& value, const std::string& where) {
    if (!value.is_string()) refuse(where, "must be a string");
    return value.get<std::string>();
}

std::uint32_t id_of(const Json& value, const std::string& where) {
    constexpr std::uint64_t kLast = 0xFFFFFFFEU;
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::uint64_t>() > kLast) {
        refuse(where, "is not a user or group id");
    }
    return value.get<std::uint32_t>();
}

std::vector<std::string> texts_of(const Json& value, const std::string& where) {
    if (!value.is_array()) refuse(where, "must be a list");
    std::vector<std::string> out;
    for (const Json& element : value) out.push_back(text_of(element, where));
    return out;
}

std::string user_name(const Json& value, const std::string& where) {
    std::string name = text_of(value, where);
    constexpr std::size_t kMaxName = 32;
    const auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const auto is_next = [&](char c) {
        return is_first(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
    };
    if (name.empty() || name.size() > kMaxName || !is_first(name.front()) ||
        !std::all_of(name.begin(), name.end(), is_next)) {
        refuse(where, concat("is not a name for a user or group: ", quoted(name)));
    }
    return name;
}

std::string password_of(const Json& value, const std::string& where) {
    std::string hash = text_of(value, where);
    check_line(where, hash, ":");
    // An empty password would let everybody log in.
    if (hash.empty()) {
        throw Error(ErrorKind::invalid, concat(where, " is empty"))
            .hint("leave it out, or use \"*\", for an account without a password");
    }
    // passwd(1) locks an account with "!" or "!!" before the hash, or in its place.
    const std::string unlocked = hash.substr(std::min(hash.find_first_not_of('!'), hash.size()));
    if (!unlocked.empty() && unlocked != "*" && !is_password_hash(unlocked)) {
        throw Error(ErrorKind::invalid, concat(where, " is not hashed"))
            .hint("'openssl passwd -6' makes the hash of a password");
    }
    return hash;
}

std::vector<std::string> keys_of(const Json& value, const std::string& where) {
    const std::string all = text_of(value, where);
    std::vector<std::string> out;
    std::istringstream lines(all);
    std::string line;
    while (std::getline(lines, line)) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty()) continue;
        check_line(where, line);
        if (!is_authorized_key(line)) refuse(where, concat("is not a public key of SSH: ", quoted(line)));
        out.push_back(line);
    }
    return out;
}

std::string path_of(const Json& value, const std::string& where) {
    std::string path = text_of(value, where);
    check_line(where, path);
    const bool climbs = concat(path, '/').find("/../") != std::string::npos;
    if (path.size() < 2 || path.front() != '/' || path.back() == '/' || climbs) {
        refuse(where, concat("is not an absolute path: ", quoted(path)));
    }
    return path;
}

// Reads a mode: a number, or a string of octal digits.
std::uint32_t mode_of(const Json& value, const std::string& where) {
    constexpr std::uint32_t kAll = 07777;
    std::uint32_t mode = kAll + 1;
    if (value.is_number_integer() && value.get<std::int64_t>() >= 0) {
        mode = static_cast<std::uint32_t>(std::min<std::uint64_t>(value.get<std::uint64_t>(), kAll + 1));
    } else if (value.is_string()) {
        const auto text = value.get<std::string>();
        const bool octal = !text.empty() && text.size() <= 5 &&
                           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
        if (octal) mode = static_cast<std::uint32_t>(std::stoul(text, nullptr, 8));
    }
    if (mode > kAll) refuse(where, "is not a file mode");
    return mode;
}

std::string owner_of(const Json& value, const std::string& where) {
    if (value.is_number_integer()) return std::to_string(id_of(value, where));
    return user_name(value, where);
}

// The setters of the keys of a table; other keys are rejected.
using Setters = std::map<std::string, std::function<void(const Json&, const std::string&)>, std::less<>>;

void read_table(const Json& table, const std::string& where, const Setters& setters) {
    if (!table.is_object()) refuse(where, "must be a table");
    for (const auto& [key, value] : table.items()) {
        const auto found = setters.find(key);
        if (found == setters.end()) throw unsupported_setting(concat(where, '.', escape(key)));
        found->second(value, concat(where, '.', key));
    }
}

// Iterates over a list of tables. A single table counts as a list of one.
void each_table(const Json& value, const std::string& where, const std::function<void(const Json&)>& take) {
    if (value.is_object()) return take(value);
    if (!value.is_array()) refuse(where, "must be a list of tables");
    for (const Json& element : value) take(element);
}

bool flag_of(const Json& value, const std::string& where) {
    if (!value.is_boolean()) refuse(where, "must be true or false");
    return value.get<bool>();
}

// Reads a day of shadow(5), counted from 1970-01-01.
std::uint32_t day_of(const Json& value, const std::string& where) {
    constexpr std::int64_t kLastDay = 2932896;  // 9999-12-31
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > kLastDay) {
        refuse(where, "is not a number of days since 1970-01-01");
    }
    return value.get<std::uint32_t>();
}

// Reads the path of a home. A slash at its end is dropped, as bootc-image-builder does.
std::string home_of(const Json& value, const std::string& where) {
    std::string text = text_of(value, where);
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    std::string home = path_of(text, where);
    check_line(where, home, ":");
    return home;
}

UserCustomization read_user(const Json& table, const std::string& where) {
    UserCustomization out;
    read_table(
        table, where,
        {{"name", [&](const Json& v, const std::string& w) { out.name = user_name(v, w); }},
         {"description",
          [&](const Json& v, const std::string& w) {
              out.description = text_of(v, w);
              check_line(w, *out.description, ":");
          }},
         {"password", [&](const Json& v, const std::string& w) { out.password = password_of(v, w); }},
         {"key", [&](const Json& v, const std::string& w) { out.keys = keys_of(v, w); }},
         {"groups",
          [&](const Json& v, const std::string& w) {
              for (const std::string& name : texts_of(v, w)) out.groups.push_back(user_name(name, w));
          }},
         {"home", [&](const Json& v, const std::string& w) { out.home = home_of(v, w); }},
         {"shell",
          [&](const Json& v, const std::string& w) {
              out.shell = path_of(v, w);
              check_line(w, *out.shell, ":");
          }},
         {"uid", [&](const Json& v, const std::string& w) { out.uid = id_of(v, w); }},
         {"gid", [&](const Json& v, const std::string& w) { out.gid = id_of(v, w); }},
         {"expiredate", [&](const Json& v, const std::string& w) { out.expiration_day = day_of(v, w); }},
         {"force_password_reset",
          [&](const Json& v, const std::string& w) { out.must_change_password = flag_of(v, w); }}});
    if (out.name.empty()) refuse(where, "has no name");
    return out;
}

GroupCustomization read_group(const Json& table, const std::string& where) {
    GroupCustomization out;
    read_table(table, where,
               {{"name", [&](const Json& v, const std::string& w) { out.name = user_name(v, w); }},
                {"gid", [&](const Json& v, const std::string& w) { out.gid = id_of(v, w); }}});
    if (out.name.empty()) refuse(where, "has no name");
    return out;
}

FileCustomization read_file(const Json& table, const std::string& where, bool is_directory) {
    FileCustomization out;
    out.is_directory = is_directory;
    Setters setters{{"path", [&](const Json& v, const std::string& w) { out.path = path_of(v, w); }},
                    {"mode", [&](const Json& v, const std::string& w) { out.mode = mode_of(v, w); }},
                    {"user", [&](const Json& v, const std::string& w) { out.user = owner_of(v, w); }},
                    {"group", [&](const Json& v, const std::string& w) { out.group = owner_of(v, w); }}};
    if (is_directory) {
        setters["ensure_parents"] = [&](const Json& v, const std::string& w) {
            out.ensure_parents = flag_of(v, w);
        };
    } else {
        setters["data"] = [&](const Json& v, const std::string& w) { out.data = text_of(v, w); };
    }
    read_table(table, where, setters);
    if (out.path.empty()) refuse(where, "has no path");
    return out;
}

KeyCustomization read_key(const Json& table, const std::string& where) {
    KeyCustomization out;
    read_table(table, where,
               {{"user", [&](const Json& v, const std::string& w) { out.user = user_name(v, w); }},
                {"key", [&](const Json& v, const std::string& w) { out.keys = keys_of(v, w); }}});
    if (out.user.empty()) refuse(where, "has no user");
    if (out.keys.empty()) refuse(where, "has no key");
    return out;
}

// Reads service names: file names in /etc/init.d.
std::vector<std::string> service_names(const Json& value, const std::string& where) {
    constexpr std::size_t kMaxName = 255;
    std::vector<std::string> out = texts_of(value, where);
    for (const std::string& name : out) {
        check_line(where, name, " /");
        if (name.empty() || name.front() == '.' || name.front() == '-' || name.size() > kMaxName) {
            refuse(where, concat("is not a name for a service: ", quoted(name)));
        }
    }
    return out;
}

ServicesCustomization read_services(const Json& table, const std::string& where) {
    ServicesCustomization out;
    read_table(
        table, where,
        {{"enabled", [&](const Json& v, const std::string& w) { out.enabled = service_names(v, w); }},
         {"disabled", [&](const Json& v, const std::string& w) { out.disabled = service_names(v, w); }},
         {"masked", [&](const Json& v, const std::string& w) { out.masked = service_names(v, w); }}});
    for (const auto* stopped : {&out.disabled, &out.masked}) {
        for (const std::string& name : *stopped) {
            if (std::find(out.enabled.begin(), out.enabled.end(), name) == out.enabled.end()) continue;
            refuse(where, concat("both enables and disables the service ", quoted(name)));
        }
    }
    return out;
}

// Reads a word that is valid in a shell script and as a file name.
std::string locale_word(const Json& value, const std::string& where) {
    constexpr std::string_view kAlso = "_.@-+";
    std::string out = text_of(value, where);
    const bool good = !out.empty() && out.size() <= 64 && out.front() != '-' && out.front() != '.' &&
                      std::all_of(out.begin(), out.end(), [&](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                 kAlso.find(c) != std::string_view::npos;
                      });
    if (!good) refuse(where, concat("is not a name: ", quoted(out)));
    return out;
}

LocaleCustomization read_locale(const Json& table, const std::string& where) {
    LocaleCustomization out;
    read_table(
        table, where,
        {{"languages",
          [&](const Json& v, const std::string& w) {
              if (!v.is_array()) refuse(w, "must be a list");
              if (v.size() > 1) {
                  throw Error(ErrorKind::unsupported, concat(w, " may have one language, not ", v.size()));
              }
              if (!v.empty()) out.language = locale_word(v.front(), w);
          }},
         {"keyboard", [&](const Json& v, const std::string& w) { out.keyboard = locale_word(v, w); }}});
    return out;
}

FilesystemCustomization read_filesystem(const Json& table, const std::string& where) {
    FilesystemCustomization out;
    read_table(table, where,
               {{"mountpoint", [&](const Json& v, const std::string& w) { out.mountpoint = text_of(v, w); }},
                {"minsize", [&](const Json& v, const std::string& w) {
                     std::optional<std::uint64_t> size;
                     if (v.is_string()) size = parse_byte_size(v.get<std::string>());
                     if (v.is_number_integer() && v.get<std::int64_t>() >= 0) size = v.get<std::uint64_t>();
                     if (!size) refuse(w, "is not a size");
                     out.min_size = *size;
                 }}});
    if (out.mountpoint != "/" && out.mountpoint != "/boot") {
        throw Error(ErrorKind::unsupported,
                    concat(where, ": unsupported mount point ", quoted(out.mountpoint)))
            .hint("/ and /boot are supported; /var is part of /");
    }
    return out;
}

// Blanks between double quotes belong to an argument.
std::vector<std::string> split_arguments(const std::string& text, const std::string& where) {
    check_line(where, text);
    std::vector<std::string> out(1);
    bool quoted_part = false;
    for (const char c : text) {
        if (c == '"') quoted_part = !quoted_part;
        if (c == ' ' && !quoted_part) {
            if (!out.back().empty()) out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    if (quoted_part) refuse(where, "has an unclosed quote");
    if (out.back().empty()) out.pop_back();
    return out;
}

std::string hostname_of(const Json& value, const std::string& where) {
    std::string name = text_of(value, where);
    constexpr std::size_t kMaxName = 64;
    const bool good = !name.empty() && name.size() <= kMaxName && name.front() != '-' &&
                      name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                 c == '-' || c == '.';
                      });
    if (!good) refuse(where, concat("is not a name for a host: ", quoted(name)));
    return name;
}

std::string timezone_of(const Json& value, const std::string& where) {
    std::string name = text_of(value, where);
    static_cast<void>(path_of(concat('/', name), where));
    return name;
}

// Reads names or addresses. Other characters would have a meaning in the files that they are written to.
std::vector<std::string> ntp_servers_of(const Json& value, const std::string& where) {
    constexpr std::size_t kMaxName = 253;
    std::vector<std::string> out = texts_of(value, where);
    for (const std::string& name : out) {
        const bool good = !name.empty() && name.size() <= kMaxName && name.front() != '-' &&
                          std::all_of(name.begin(), name.end(), [](char c) {
                              return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                     (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
                          });
        if (!good) refuse(where, concat("is not a name or address of a server: ", quoted(name)));
    }
    return out;
}

// Reads the timezone table, or the name of the zone alone.
void read_timezone(const Json& value, const std::string& where, Customizations& out) {
    if (value.is_string()) {
        out.timezone = timezone_of(value, where);
        return;
    }
    read_table(value, where,
               {{"timezone", [&](const Json& v, const std::string& w) { out.timezone = timezone_of(v, w); }},
                {"ntpservers",
                 [&](const Json& v, const std::string& w) { out.ntp_servers = ntp_servers_of(v, w); }}});
}

// If two settings wrote the same file, the first one would be lost.
void check_account_files(const Customizations& all, const std::string& where) {
    constexpr std::array<std::string_view, 4> kFiles{"/etc/passwd", "/etc/group", "/etc/shadow",
                                                     "/etc/gshadow"};
    if (all.users.empty() && all.groups.empty() && all.keys.empty()) return;
    for (const FileCustomization& file : all.files) {
        const std::string path = std::filesystem::path(file.path).lexically_normal();
        if (std::find(kFiles.begin(), kFiles.end(), path) == kFiles.end()) continue;
        refuse(concat(where, file.is_directory ? ".directories" : ".files"),
               concat("has ", quoted(file.path), ", which the settings of users and groups change, too"));
    }
}

Customizations read_customizations(const Json& table, const std::string& where) {
    Customizations out;
    const auto list = [](auto& into, auto&& read) {
        return [&into, read](const Json& value, const std::string& w) {
            each_table(value, w, [&](const Json& element) { into.push_back(read(element, w)); });
        };
    };
    const auto read_plain_file = [](const Json& v, const std::string& w) { return read_file(v, w, false); };
    const auto read_directory = [](const Json& v, const std::string& w) { return read_file(v, w, true); };
    std::vector<FileCustomization> directories;
    read_table(
        table, where,
        {{"hostname", [&](const Json& v, const std::string& w) { out.hostname = hostname_of(v, w); }},
         {"timezone", [&](const Json& v, const std::string& w) { read_timezone(v, w, out); }},
         {"kernel",
          [&](const Json& value, const std::string& w) {
              read_table(value, w, {{"append", [&](const Json& v, const std::string& at) {
                                         out.kernel_arguments = split_arguments(text_of(v, at), at);
                                     }}});
          }},
         {"user", list(out.users, read_user)},
         {"group", list(out.groups, read_group)},
         {"sshkey", list(out.keys, read_key)},
         {"services", [&](const Json& v, const std::string& w) { out.services = read_services(v, w); }},
         {"locale", [&](const Json& v, const std::string& w) { out.locale = read_locale(v, w); }},
         {"files", list(out.files, read_plain_file)},
         {"directories", list(directories, read_directory)},
         {"filesystem", list(out.filesystems, read_filesystem)}});
    // Directories come first, because a file may belong into one of them.
    out.files.insert(out.files.begin(), directories.begin(), directories.end());
    check_account_files(out, where);
    return out;
}

// Reads a blueprint. Its name is accepted; packages and the like are refused unless they are empty, as they
// are in a blueprint that a program wrote.
Customizations read_blueprint(const Json& table) {
    Customizations out;
    const auto text = [](const Json& v, const std::string& w) { static_cast<void>(text_of(v, w)); };
    const auto empty_text = [](const Json& v, const std::string& w) {
        if (!text_of(v, w).empty()) throw unsupported_setting(w);
    };
    const auto empty_list = [](const Json& v, const std::string& w) {
        if (!v.is_array()) refuse(w, "must be a list");
        if (!v.empty()) throw unsupported_setting(w);
    };
    read_table(table, "config",
               {{"name", text},
                {"description", text},
                {"version", text},
                {"distro", empty_text},
                {"architecture", empty_text},
                {"packages", empty_list},
                {"modules", empty_list},
                {"enabled_modules", empty_list},
                {"groups", empty_list},
                {"containers", empty_list},
                {"customizations", [&](const Json& v, const std::string& /*w*/) {
                     out = read_customizations(v, "customizations");
                     out.text = v.dump();
                 }}});
    return out;
}

// Reads a blueprint, or an object that has one and nothing else: the older form of bootc-image-builder.
Customizations read_document(const Json& document) {
    if (!document.is_object() || !document.contains("blueprint")) return read_blueprint(document);
    Customizations out;
    read_table(document, "config",
               {{"blueprint", [&](const Json& v, const std::string& /*w*/) { out = read_blueprint(v); }}});
    return out;
}

}  // namespace

Customizations parse_config(std::string_view text, const std::string& name) {
    return with_context([&] { return quoted(name); }, [&] { return read_document(parse_text(text, name)); });
}

Customizations read_config(const std::string& path) {
    constexpr std::size_t kMaxFile = 1UL << 20U;
    FdSource source(open_at(AT_FDCWD, path, O_RDONLY), path);
    return parse_config(read_all(source, kMaxFile, path), path);
}

}  // namespace osb::image
