#include "image/settings/time_service.hh"

#include <sstream>

#include "base/bytes.hh"

namespace osb::image {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> out;
    std::istringstream lines{std::string(text)};
    std::string line;
    while (std::getline(lines, line)) out.push_back(line);
    return out;
}

std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> out;
    std::istringstream words(line);
    std::string word;
    while (words >> word) out.push_back(word);
    return out;
}

// Directives are not case-sensitive.
std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

// Returns the value of a shell assignment for use between double quotes. Literal text stays literal, and
// expansions stay expansions. Drops a comment after the value.
std::string double_quoted(std::string_view text) {
    constexpr std::string_view kSpecial = "\"\\$`";  // between double quotes
    std::string out;
    char quote = '\0';
    const auto put_literal = [&](char c) {
        if (kSpecial.find(c) != std::string_view::npos) out += '\\';
        out += c;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '\0' && std::string_view(" \t;").find(c) != std::string_view::npos) break;
        if (c == quote || (quote == '\0' && (c == '"' || c == '\''))) {
            quote = quote == '\0' ? c : '\0';
        } else if (quote == '\'' || (c == '\\' && i + 1 == text.size())) {
            put_literal(c);
        } else if (c == '\\') {
            const char next = text[++i];
            // Between double quotes a backslash is literal before all other characters.
            if (quote == '"' && kSpecial.find(next) == std::string_view::npos) put_literal(c);
            put_literal(next);
        } else {
            out += c;
        }
    }
    return out;
}

// Returns the options in the value, without the servers.
std::vector<std::string> other_options(std::string_view value) {
    std::vector<std::string> out;
    const std::vector<std::string> words = words_of(double_quoted(value));
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "-p") {
            ++i;
        } else if (!words[i].starts_with("-p")) {
            out.push_back(words[i]);
        }
    }
    return out;
}

}  // namespace

std::string chrony_with_servers(std::string_view config, const std::vector<std::string>& servers) {
    std::string out;
    for (const std::string& line : lines_of(config)) {
        const std::vector<std::string> words = words_of(line);
        const std::string directive = words.empty() ? "" : lower(words.front());
        if (directive == "server" || directive == "pool" || directive == "peer") continue;
        if (directive == "initstepslew" && words.size() > 2) {
            out += concat(words[0], ' ', words[1]);
            for (const std::string& server : servers) out += ' ' + server;
            out += '\n';
            continue;
        }
        out += line + '\n';
    }
    for (const std::string& server : servers) out += concat("server ", server, " iburst\n");
    return out;
}

std::string ntpd_with_servers(std::string_view config, const std::vector<std::string>& servers) {
    constexpr std::string_view kVariable = "NTPD_OPTS=";
    std::string out;
    std::vector<std::string> options{"-N"};  // as Alpine has it
    for (const std::string& line : lines_of(config)) {
        if (line.starts_with(kVariable)) {
            options = other_options(std::string_view(line).substr(kVariable.size()));
        } else {
            out += line + '\n';
        }
    }
    for (const std::string& server : servers) {
        options.emplace_back("-p");
        options.push_back(server);
    }
    std::string value;
    for (const std::string& option : options) value += (value.empty() ? "" : " ") + option;
    return concat(out, kVariable, '"', value, "\"\n");
}

}  // namespace osb::image
