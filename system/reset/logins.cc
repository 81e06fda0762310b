#include "system/reset/logins.hh"

#include <algorithm>
#include <map>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "image/settings/credentials.hh"
#include "system/etc/account_table.hh"

namespace osb::system {
namespace {

// Fields of passwd(5) and shadow(5).
constexpr std::size_t kPasswordField = 1;
constexpr std::size_t kHomeField = 5;
constexpr std::size_t kShellField = 6;

std::map<std::string, std::string> passwords_in(std::string_view shadow) {
    std::map<std::string, std::string> out;
    for (const std::string& line : split_fields(shadow, '\n')) {
        const Fields fields = split_fields(line, ':');
        if (fields.size() > kPasswordField && !fields.front().empty())
            out.try_emplace(fields.front(), fields[kPasswordField]);
    }
    return out;
}

// An empty field means /bin/sh.
bool is_login_shell(const std::string& shell) {
    const std::string name = shell.substr(shell.rfind('/') + 1);
    return name != "nologin" && name != "false" && name != "sync" && name != "shutdown" && name != "halt";
}

}  // namespace

std::vector<std::string> find_logins(std::string_view passwd, std::string_view shadow,
                                     const std::function<bool(const std::string&)>& has_key) {
    const std::map<std::string, std::string> passwords = passwords_in(shadow);
    std::vector<std::string> out;
    for (const std::string& line : split_fields(passwd, '\n')) {
        const Fields fields = split_fields(line, ':');
        if (fields.size() <= kShellField || fields.front().empty() || !is_login_shell(fields[kShellField]))
            continue;
        std::string password = fields[kPasswordField];
        if (password == "x") {
            const auto found = passwords.find(fields.front());
            password = found != passwords.end() ? found->second : "!";
        }
        if (password.starts_with('!')) continue;
        if (password.empty() || image::is_password_hash(password) || has_key(fields[kHomeField]))
            out.push_back(escape(fields.front()));
    }
    return out;
}

bool has_authorized_key(std::string_view text) {
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t first = line.find_first_not_of(" \t\r");
        if (first == std::string_view::npos || line[first] == '#') continue;
        if (image::is_authorized_key(line.substr(first))) return true;
    }
    return false;
}

}  // namespace osb::system
