#include "system/upgrade/unattended_settings.hh"

#include <algorithm>
#include <charconv>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

Error wrong(std::string_view value, std::string_view why) {
    return {ErrorKind::invalid, concat(quoted(value), ' ', why)};
}

bool parse_switch(std::string_view value) {
    if (value != "yes" && value != "no") throw wrong(value, "is neither yes nor no");
    return value == "yes";
}

unsigned parse_number(std::string_view value, unsigned least, unsigned most) {
    unsigned out = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (error != std::errc() || end != value.data() + value.size() || out < least || out > most)
        throw wrong(value, concat("is not a number from ", least, " to ", most));
    return out;
}

std::vector<std::string> parse_words(std::string_view value) {
    std::vector<std::string> out;
    std::size_t begin = value.find_first_not_of(" \t");
    while (begin != std::string_view::npos) {
        const std::size_t end = std::min(value.find_first_of(" \t", begin), value.size());
        out.emplace_back(value.substr(begin, end - begin));
        begin = value.find_first_not_of(" \t", end);
    }
    return out;
}

std::string parse_path(std::string_view value) {
    if (!value.starts_with('/')) throw wrong(value, "is not an absolute path");
    return std::string(value);
}

struct Key {
    std::string_view name;
    void (*set)(UnattendedSettings& settings, std::string_view value);
};

constexpr unsigned kMostSeconds = 7 * 24 * 3600;
constexpr unsigned kLeastLog = 1024;
constexpr unsigned kMostLog = 1024 * 1024 * 1024;

constexpr Key kKeys[]{
    {"osb_upgrade", [](UnattendedSettings& out, std::string_view value) { out.is_on = parse_switch(value); }},
    {"osb_upgrade_window",
     [](UnattendedSettings& out, std::string_view value) { parse_window(out.schedule, value); }},
    {"osb_upgrade_days",
     [](UnattendedSettings& out, std::string_view value) { parse_days(out.schedule, value); }},
    {"osb_upgrade_jitter", [](UnattendedSettings& out,
                              std::string_view value) { out.jitter = parse_number(value, 0, kMostSeconds); }},
    {"osb_upgrade_apply",
     [](UnattendedSettings& out, std::string_view value) { out.restarts = parse_switch(value); }},
    {"osb_upgrade_options",
     [](UnattendedSettings& out, std::string_view value) { out.options = parse_words(value); }},
    {"osb_upgrade_hook_time",
     [](UnattendedSettings& out, std::string_view value) {
         out.hook_time = parse_number(value, 1, kMostSeconds);
     }},
    {"osb_upgrade_log", [](UnattendedSettings& out, std::string_view value) { out.log = parse_path(value); }},
    {"osb_upgrade_log_size",
     [](UnattendedSettings& out, std::string_view value) {
         out.log_size = parse_number(value, kLeastLog, kMostLog);
     }},
};

// Takes the value from the start of `text`, which follows the '='.
std::string take_value(std::string_view& text) {
    const auto fail = [&](std::string_view why) { return Error(ErrorKind::invalid, std::string(why)); };
    if (!text.empty() && (text.front() == '"' || text.front() == '\'')) {
        const std::size_t end = text.find(text.front(), 1);
        if (end == std::string_view::npos) throw fail("a quote is not closed");
        const std::string_view value = text.substr(1, end - 1);
        if (text.front() == '"' && value.find_first_of("$`\\") != std::string_view::npos)
            throw fail("'$', '`' and '\\' are not expanded: use single quotes");
        text.remove_prefix(end + 1);
        return std::string(value);
    }
    const std::string_view value = text.substr(0, text.find_first_of(" \t"));
    if (value.find_first_of("$`\\\"'|&;<>()*?[]{}~#") != std::string_view::npos)
        throw fail("the value requires quotes");
    text.remove_prefix(value.size());
    return std::string(value);
}

void parse_line(UnattendedSettings& out, std::string_view line) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos || line[begin] == '#') return;
    line.remove_prefix(begin);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) throw Error(ErrorKind::invalid, "is not KEY=VALUE");
    const std::string_view name = line.substr(0, equals);
    const auto* const key =
        std::find_if(std::begin(kKeys), std::end(kKeys), [&](const Key& one) { return one.name == name; });
    if (key == std::end(kKeys)) throw Error(ErrorKind::invalid, concat(quoted(name), " is not a setting"));
    with_context([&] { return std::string(name); },
                 [&] {
                     std::string_view rest = line.substr(equals + 1);
                     const std::string value = take_value(rest);
                     const std::size_t end = rest.find_first_not_of(" \t");
                     const bool is_comment = end != std::string_view::npos && end > 0 && rest[end] == '#';
                     if (end != std::string_view::npos && !is_comment)
                         throw Error(ErrorKind::invalid, "text follows the value");
                     key->set(out, value);
                 });
}

}  // namespace

UnattendedSettings parse_unattended_settings(std::string_view text) {
    UnattendedSettings out;
    for (unsigned number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        with_context([&] { return concat("line ", number); }, [&] { parse_line(out, line); });
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return out;
}

}  // namespace osb::system
