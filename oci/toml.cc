#include "oci/toml.hh"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace {

[[noreturn]] void refuse_document() {
    throw osb::Error(osb::ErrorKind::invalid, "malformed TOML");
}

}  // namespace

// toml++ has assertions that malformed text breaks ("[[["): aborts in one build, and in another the compiler
// takes for granted what does not hold. Here each of them refuses the document, in every build.
#undef NDEBUG
#define TOML_ASSERT(...) (static_cast<bool>(__VA_ARGS__) ? static_cast<void>(0) : refuse_document())
#include <toml++/toml.h>

namespace osb::oci {
namespace {

[[noreturn]] void refuse_line(std::size_t line, std::string_view why) {
    throw Error(ErrorKind::invalid, concat("line ", line, ": ", why));
}

// Measures how deep a document goes before it is parsed: toml++ builds dotted keys of any depth, and takes
// them down again by recursion. Only knows what is a string or a comment, and not what is well-formed.
class DepthCheck {
  public:
    explicit DepthCheck(std::string_view text) : rest_(text) {}

    void run() {
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (c == '#') {
                take(std::min(rest_.find('\n'), rest_.size()));
            } else if (c == '"' || c == '\'') {
                take_string(c);
            } else {
                count(c);
                take(1);
            }
        }
    }

  private:
    void take(std::size_t count) {
        const std::string_view taken = rest_.substr(0, count);
        line_ += static_cast<std::size_t>(std::count(taken.begin(), taken.end(), '\n'));
        rest_.remove_prefix(taken.size());
    }

    // One that has no end reaches to the end of its line, or of the document: the parser will say so.
    void take_string(char quote) {
        const bool is_long = rest_.starts_with(std::string(3, quote));
        const std::string end(is_long ? 3 : 1, quote);
        std::size_t at = end.size();
        while (at < rest_.size() && !rest_.substr(at).starts_with(end)) {
            if (!is_long && rest_[at] == '\n') break;
            at += quote == '"' && rest_[at] == '\\' && at + 1 < rest_.size() ? 2 : 1;
        }
        at = std::min(at + end.size(), rest_.size());
        // A long one may end in quotes of its own: two more at the most.
        for (int i = 0; is_long && i < 2 && at < rest_.size() && rest_[at] == quote; ++i) ++at;
        take(at);
    }

    void count(char c) {
        if (c == '.') ++dots_;
        if (c == '[' || c == '{') ++brackets_;
        if ((c == ']' || c == '}') && brackets_ > 0) --brackets_;
        if (dots_ > kMaxDots || brackets_ > kMaxBrackets) refuse_line(line_, "tables are nested too deep");
        if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{') dots_ = 0;
    }

    // Together they bound the depth at some thousand levels, which any stack holds; to_json() says the rest.
    static constexpr std::size_t kMaxDots = kMaxTomlDepth;  // of one key
    static constexpr std::size_t kMaxBrackets = 32;

    std::string_view rest_;
    std::size_t line_ = 1;
    std::size_t dots_ = 0;
    std::size_t brackets_ = 0;
};

Json to_json(const toml::node& node, std::size_t depth) {
    if (depth > kMaxTomlDepth) refuse_line(node.source().begin.line, "tables are nested too deep");
    if (const toml::table* table = node.as_table()) {
        Json out = Json::object();
        for (const auto& [key, value] : *table) out[std::string(key.str())] = to_json(value, depth + 1);
        return out;
    }
    if (const toml::array* array = node.as_array()) {
        Json out = Json::array();
        for (const toml::node& element : *array) out.push_back(to_json(element, depth + 1));
        return out;
    }
    if (const auto text = node.value_exact<std::string>()) return *text;
    if (const auto number = node.value_exact<std::int64_t>()) return *number;
    if (const auto number = node.value_exact<double>()) return *number;
    if (const auto flag = node.value_exact<bool>()) return *flag;
    return nullptr;
}

}  // namespace

Json parse_toml(std::string_view text) {
    // TOML has none, and the parser of toml++ 3.0 loses its way at some.
    if (text.find('\0') != std::string_view::npos) throw Error(ErrorKind::invalid, "a NUL byte");
    DepthCheck(text).run();
    try {
        return to_json(toml::parse(text), 0);
    } catch (const toml::parse_error& error) {
        refuse_line(error.source().begin.line, escape(error.description()));
    }
}

}  // namespace osb::oci
