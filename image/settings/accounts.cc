#include "image/settings/accounts.hh"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::image {
namespace {

constexpr std::uint32_t kFirstUser = 1000;
constexpr std::uint32_t kLastUser = 59999;
constexpr std::size_t kPassword = 1;
constexpr std::size_t kId = 2;     // in passwd and group
constexpr std::size_t kGroup = 3;  // in passwd
constexpr std::size_t kGecos = 4;
constexpr std::size_t kHome = 5;
constexpr std::size_t kShell = 6;
constexpr std::size_t kMembers = 3;     // in group
constexpr std::size_t kLastChange = 2;  // in shadow
constexpr std::size_t kExpiration = 7;
constexpr std::size_t kShadowFields = 9;

std::optional<std::uint32_t> parse_id(std::string_view text) {
    std::uint32_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return out;
}

}  // namespace

Accounts::Accounts(std::string_view passwd, std::string_view group, std::string_view shadow)
    : passwd_(parse(passwd)), group_(parse(group)), shadow_(parse(shadow)) {}

Accounts::File Accounts::parse(std::string_view text) {
    File out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        Line fields;
        while (true) {
            const std::size_t colon = line.find(':');
            fields.emplace_back(line.substr(0, colon));
            if (colon == std::string_view::npos) break;
            line.remove_prefix(colon + 1);
        }
        out.push_back(std::move(fields));
    }
    return out;
}

std::string Accounts::join(const File& file) {
    std::string out;
    for (const Line& line : file) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            if (i != 0) out += ':';
            out += line[i];
        }
        out += '\n';
    }
    return out;
}

Accounts::Line* Accounts::find(File& file, std::string_view name) {
    const auto found = std::find_if(file.begin(), file.end(), [&](const Line& line) {
        return line.size() > kMembers && line.front() == name;
    });
    return found == file.end() ? nullptr : &*found;
}

const Accounts::Line* Accounts::find(const File& file, std::string_view name) {
    return find(const_cast<File&>(file), name);
}

bool Accounts::has_id(const File& file, std::uint32_t id) {
    const std::string text = std::to_string(id);
    return std::any_of(file.begin(), file.end(),
                       [&](const Line& line) { return line.size() > kMembers && line[kId] == text; });
}

std::uint32_t Accounts::add_group(const GroupCustomization& group) {
    if (const Line* known = find(group_, group.name)) {
        const std::optional<std::uint32_t> id = parse_id((*known)[kId]);
        if (!id || (group.gid && *group.gid != *id)) {
            throw Error(ErrorKind::invalid, concat("the group ", quoted(group.name), " exists with the id ",
                                                   quoted((*known)[kId])));
        }
        return *id;
    }
    std::uint32_t id = group.gid.value_or(kFirstUser);
    if (group.gid && has_id(group_, id)) {
        throw Error(ErrorKind::invalid,
                    concat("the id ", id, " of the group ", quoted(group.name), " is already in use"));
    }
    while (!group.gid && has_id(group_, id)) ++id;
    group_.push_back({group.name, "x", std::to_string(id), ""});
    return id;
}

Accounts::Line& Accounts::add_user(const UserCustomization& user) {
    std::uint32_t id = user.uid.value_or(kFirstUser);
    // A user and the user's group have the same id if possible.
    while (!user.uid && id <= kLastUser &&
           (has_id(passwd_, id) || (!user.gid && find(group_, user.name) == nullptr && has_id(group_, id)))) {
        ++id;
    }
    if (has_id(passwd_, id)) {
        throw Error(ErrorKind::invalid,
                    concat("the id ", id, " of the user ", quoted(user.name), " is already in use"));
    }
    std::uint32_t group = 0;
    if (user.gid) {
        group = *user.gid;
    } else if (find(group_, user.name) != nullptr || has_id(group_, id)) {
        group = add_group({.name = user.name});
    } else {
        group = add_group({.name = user.name, .gid = id});
    }
    passwd_.push_back(
        {user.name, "x", std::to_string(id), std::to_string(group), "", "/home/" + user.name, "/bin/sh"});
    return passwd_.back();
}

Account Accounts::set_user(const UserCustomization& user) {
    Line* line = find(passwd_, user.name);
    const bool is_new = line == nullptr;
    if (is_new) {
        line = &add_user(user);
    } else {
        if (line->size() <= kShell) {
            throw Error(ErrorKind::invalid,
                        concat("the line of the user ", quoted(user.name), " is malformed"));
        }
        if (user.uid && std::to_string(*user.uid) != (*line)[kId]) {
            throw Error(ErrorKind::invalid,
                        concat("the user ", quoted(user.name), " exists with the id ", quoted((*line)[kId])));
        }
        if (user.gid) (*line)[kGroup] = std::to_string(*user.gid);
    }
    if (user.description) (*line)[kGecos] = *user.description;
    if (user.home) (*line)[kHome] = *user.home;
    if (user.shell) (*line)[kShell] = *user.shell;
    for (const std::string& group : user.groups) join_group(user.name, group);
    // "*", not "!": an SSH server treats the latter as a locked account and rejects its keys too.
    if (user.password || is_new) {
        // Programs read /etc/shadow only if this field is "x".
        (*line)[kPassword] = "x";
        set_password(user.name, user.password.value_or("*"));
    }
    set_ageing(user);
    const std::optional<std::uint32_t> uid = parse_id((*line)[kId]);
    const std::optional<std::uint32_t> gid = parse_id((*line)[kGroup]);
    if (!uid || !gid) {
        throw Error(ErrorKind::invalid, concat("the line of the user ", quoted(user.name), " is malformed"));
    }
    return {*uid, *gid, (*line)[kHome], is_new};
}

void Accounts::join_group(const std::string& user, const std::string& group) {
    Line* line = find(group_, group);
    if (line == nullptr) {
        throw Error(ErrorKind::invalid, concat("the user ", quoted(user), " cannot join the group ",
                                               quoted(group), ", which does not exist"))
            .hint("add it with [[customizations.group]]");
    }
    std::string& members = (*line)[kMembers];
    if (concat(',', members, ',').find(concat(',', user, ',')) != std::string::npos) return;
    members += members.empty() ? user : ',' + user;
}

void Accounts::set_password(const std::string& user, const std::string& hash) {
    if (Line* line = find(shadow_, user)) {
        (*line)[1] = hash;
        return;
    }
    // The day of the last change stays empty: no ageing.
    shadow_.push_back({user, hash, "", "0", "99999", "7", "", "", ""});
}

void Accounts::set_ageing(const UserCustomization& user) {
    if (!user.expiration_day && !user.must_change_password) return;
    Line* line = find(shadow_, user.name);
    if (line == nullptr) {
        throw Error(ErrorKind::invalid, concat("the user ", quoted(user.name), " is not in /etc/shadow"))
            .hint("give the user a password");
    }
    if (line->size() < kShadowFields) line->resize(kShadowFields);
    if (user.expiration_day) (*line)[kExpiration] = std::to_string(*user.expiration_day);
    // The day 0 means: at the next login.
    if (user.must_change_password) (*line)[kLastChange] = "0";
}

std::optional<std::uint32_t> Accounts::uid(std::string_view name) const {
    if (const auto id = parse_id(name)) return id;
    const Line* line = find(passwd_, name);
    return line != nullptr ? parse_id((*line)[kId]) : std::nullopt;
}

std::optional<std::uint32_t> Accounts::gid(std::string_view name) const {
    if (const auto id = parse_id(name)) return id;
    const Line* line = find(group_, name);
    return line != nullptr ? parse_id((*line)[kId]) : std::nullopt;
}

std::string Accounts::passwd() const {
    return join(passwd_);
}

std::string Accounts::group() const {
    return join(group_);
}

std::string Accounts::shadow() const {
    return join(shadow_);
}

}  // namespace osb::image
