#include "registry/auth/challenge.hh"

#include <algorithm>
#include <optional>

namespace osb::registry {
namespace {

constexpr std::size_t kMaxChallenges = 16;

bool is_token_char(char c) noexcept {
    static constexpr std::string_view kSpecial = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kSpecial.find(c) != std::string_view::npos;
}

// A scanner over the text of one header.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool at_end() const noexcept { return rest_.empty(); }
    void skip_spaces() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    }
    // Lists may have empty elements: RFC 9110, 5.6.1.
    void skip_separators() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == ',')) {
            rest_.remove_prefix(1);
        }
    }
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view token() {
        std::size_t end = 0;
        while (end < rest_.size() && is_token_char(rest_[end])) ++end;
        const std::string_view out = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return out;
    }
    std::optional<std::string> quoted_string() {
        if (!take('"')) return std::nullopt;
        std::string out;
        while (!rest_.empty()) {
            const char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') return out;
            if (c == '\\') {
                if (rest_.empty()) return std::nullopt;
                out += rest_.front();
                rest_.remove_prefix(1);
            } else {
                out += c;
            }
        }
        return std::nullopt;
    }
    // Scans name=value, with optional spaces around '='. Returns nullopt and consumes nothing if it does not
    // match.
    std::optional<std::pair<std::string, std::string>> parameter() {
        const std::string_view before = rest_;
        std::string name = registry::to_lower(token());
        skip_spaces();
        if (!name.empty() && take('=')) {
            skip_spaces();
            std::optional<std::string> value;
            if (!rest_.empty() && rest_.front() == '"') {
                value = quoted_string();
            } else {
                value = std::string(token());
            }
            // "abc==" is a token68, not a parameter.
            if (value && (rest_.empty() || rest_.front() != '=')) return {{std::move(name), *value}};
        }
        rest_ = before;
        return std::nullopt;
    }
    // Scans the token68 of challenges like Negotiate (RFC 9110).
    void skip_token68() {
        while (!rest_.empty() &&
               (is_token_char(rest_.front()) || rest_.front() == '/' || rest_.front() == '=')) {
            rest_.remove_prefix(1);
        }
    }

  private:
    std::string_view rest_;
};

// Parses the parameters after a scheme. Returns false if the rest of the header is malformed.
bool read_params(Scanner& scanner, Challenge& challenge) {
    scanner.skip_spaces();
    bool first = true;
    for (;;) {
        Scanner ahead = scanner;
        if (!first) {
            ahead.skip_spaces();
            // Some servers write a semicolon in place of the comma.
            if (!ahead.at_end() && !ahead.take(',') && !ahead.take(';')) return false;
            ahead.skip_separators();
        }
        if (ahead.at_end()) {
            scanner = ahead;
            return true;
        }
        auto parameter = ahead.parameter();
        if (!parameter) {
            if (!first) {
                scanner = ahead;  // at the scheme of the next challenge
                return true;
            }
            // There are no parameters, but a token68, or nothing before the comma.
            scanner.skip_token68();
            scanner.skip_spaces();
            const bool ok = scanner.at_end() || scanner.take(',');
            scanner.skip_separators();
            return ok;
        }
        challenge.params.insert_or_assign(std::move(parameter->first), std::move(parameter->second));
        scanner = ahead;
        first = false;
    }
}

void parse_header(std::string_view text, std::vector<Challenge>& out) {
    Scanner scanner(text);
    scanner.skip_separators();
    while (!scanner.at_end() && out.size() < kMaxChallenges) {
        Challenge challenge{.scheme = registry::to_lower(scanner.token()), .params = {}};
        if (challenge.scheme.empty()) return;
        const bool is_whole = read_params(scanner, challenge);
        out.push_back(std::move(challenge));
        if (!is_whole) return;
    }
}

}  // namespace

std::string Challenge::param(const std::string& name) const {
    const auto found = params.find(name);
    return found == params.end() ? std::string() : found->second;
}

std::vector<Challenge> parse_challenges(const HeaderList& headers) {
    std::vector<Challenge> out;
    for (const auto& [name, value] : headers) {
        if (name == "www-authenticate") parse_header(value, out);
    }
    return out;
}

}  // namespace osb::registry
