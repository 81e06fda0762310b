#include "system/key_file.hh"

#include <algorithm>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

constexpr std::string_view kBlanks = " \t\r\f\v";

std::string_view trim_start(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text;
}

std::string_view trim_end(std::string_view text) {
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

[[noreturn]] void throw_malformed(std::size_t line, std::string_view text) {
    throw Error(ErrorKind::invalid, concat("line ", line, " ", quoted(text), " is no group, key or comment"));
}

std::string unescape_value(std::string_view raw) {
    constexpr std::string_view kCodes = "sntr\\";
    constexpr std::string_view kMeanings = " \n\t\r\\";
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\') {
            out += raw[i];
            continue;
        }
        const std::size_t code = ++i < raw.size() ? kCodes.find(raw[i]) : std::string_view::npos;
        if (code == std::string_view::npos) {
            throw Error(ErrorKind::invalid, concat("the value ", quoted(raw), " has an unknown escape"));
        }
        out += kMeanings[code];
    }
    return out;
}

std::string escape_value(std::string_view value) {
    std::string out;
    for (const char c : value) {
        switch (c) {
            // Only blanks at its beginning would be lost.
            case ' ':
                out += out.empty() ? "\\s" : " ";
                break;
            case '\t':
                out += "\\t";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\\':
                out += "\\\\";
                break;
            default:
                out += c;
        }
    }
    return out;
}

}  // namespace

KeyFile::Group& KeyFile::group_of(std::string_view name) {
    for (Group& group : groups_) {
        if (group.name == name) return group;
    }
    groups_.push_back({std::string(name), {}});
    return groups_.back();
}

KeyFile KeyFile::parse(std::string_view text) {
    KeyFile out;
    std::string current;
    std::size_t number = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trim_end(trim_start(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.empty() || line.front() == '#') continue;
        if (line.front() == '[') {
            current = line.substr(1, line.size() - 2);
            if (line.back() != ']' || current.empty() || current.find_first_of("[]") != std::string::npos) {
                throw_malformed(number, line);
            }
            out.group_of(current);
            continue;
        }
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || equals == 0 || current.empty()) {
            throw_malformed(number, line);
        }
        const std::string_view key = trim_end(line.substr(0, equals));
        // Blanks at the end of a value belong to it; those that trim_end() took are of no use to anyone here.
        auto& values = out.group_of(current).values;
        std::erase_if(values, [key](const auto& value) { return value.first == key; });
        values.emplace_back(key, trim_start(line.substr(equals + 1)));
    }
    return out;
}

std::optional<std::string> KeyFile::get(std::string_view group, std::string_view key) const {
    for (const Group& candidate : groups_) {
        if (candidate.name != group) continue;
        for (const auto& [name, value] : candidate.values) {
            if (name != key) continue;
            if (!is_utf8(value)) {
                throw Error(ErrorKind::invalid, concat("the value of ", quoted(key), " is not UTF-8"));
            }
            return unescape_value(value);
        }
    }
    return std::nullopt;
}

void KeyFile::set(std::string_view group, std::string_view key, std::string_view value) {
    auto& values = group_of(group).values;
    for (auto& [name, old] : values) {
        if (name == key) {
            old = escape_value(value);
            return;
        }
    }
    values.emplace_back(key, escape_value(value));
}

void KeyFile::remove_group(std::string_view group) {
    std::erase_if(groups_, [group](const Group& candidate) { return candidate.name == group; });
}

std::string KeyFile::to_string() const {
    std::string out;
    for (const Group& group : groups_) {
        out += concat(out.empty() ? "" : "\n", '[', group.name, "]\n");
        for (const auto& [key, value] : group.values) out += concat(key, '=', value, '\n');
    }
    return out;
}

}  // namespace osb::system
