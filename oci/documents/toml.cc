#include "oci/documents/toml.hh"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace {

[[noreturn]] void refuse_document() {
    throw osb::Error(osb::ErrorKind::invalid, "malformed TOML");
}

}  // namespace

// Malformed text ("[[[") violates assertions of toml++. Some builds would abort, and in others the compiler
// would assume the violated condition. With this macro, each assertion rejects the document, in every build.
#undef NDEBUG
#define TOML_ASSERT(...) (static_cast<bool>(__VA_ARGS__) ? static_cast<void>(0) : refuse_document())
#include <toml++/toml.h>

namespace osb::oci {
namespace {

[[noreturn]] void refuse_line(std::size_t line, std::string_view why) {
    throw Error(ErrorKind::invalid, concat("line ", line, ": ", why));
}

// Prepares a document for the parser. It only detects strings and comments, and does not check that the
// document is well-formed.
//
// toml++ builds dotted keys of any depth and destroys them recursively, so this class limits the depth. In
// version 3.3, its check for blanks has undefined behaviour for the characters U+00A1 to U+0499. TOML does
// not allow these outside of strings; inside of strings, this class replaces them by escapes. So the parser
// sees only ASCII, even if it does not recognise a quote as the start of a string.
class Preparation {
  public:
    explicit Preparation(std::string_view text) : rest_(text) {}

    std::string run() {
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (c == '#') {
                take_comment();
            } else if (c == '"') {
                take_string();
            } else if (c == '\'') {
                take_literal();
            } else {
                if (!is_ascii(c)) refuse_line(line_, "a character outside of a string that is not ASCII");
                count(c);
                take(1);
            }
        }
        return std::move(out_);
    }

  private:
    static bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

    void take(std::size_t count) {
        const std::string_view taken = rest_.substr(0, count);
        line_ += static_cast<std::size_t>(std::count(taken.begin(), taken.end(), '\n'));
        out_ += taken;
        rest_.remove_prefix(taken.size());
    }

    void take_comment() {
        while (!rest_.empty() && rest_.front() != '\n') {
            if (is_ascii(rest_.front())) out_ += rest_.front();
            rest_.remove_prefix(1);
        }
    }

    // A string without an end extends to the end of the line or document; the parser then reports it.
    void take_string() {
        const bool is_long = rest_.starts_with("\"\"\"");
        const std::string_view end = is_long ? "\"\"\"" : "\"";
        take(end.size());
        while (!rest_.empty() && !rest_.starts_with(end)) {
            const char c = rest_.front();
            if (!is_long && c == '\n') return;
            if (c == '\\') {
                take(1);
                if (rest_.empty()) return;
                if (!is_ascii(rest_.front())) refuse_line(line_, "an unknown escape");
                take(1);
            } else if (!is_ascii(c)) {
                escape_character();
            } else {
                take(1);
            }
        }
        take(end.size());
        // A multi-line string may end in up to two quotes of its own.
        for (int i = 0; is_long && i < 2 && rest_.starts_with('"'); ++i) take(1);
    }

    // The length of the literal string at the front of the text, including its quotes.
    static std::size_t literal_size(std::string_view text) {
        constexpr std::string_view kLong = "'''";
        const bool is_long = text.starts_with(kLong);
        const std::size_t quotes = is_long ? kLong.size() : 1;
        std::size_t end = is_long ? text.find(kLong, quotes) : text.find_first_of("'\n", quotes);
        if (end == std::string_view::npos) return text.size();
        if (text[end] == '\n') return end;
        end += quotes;
        for (int i = 0; is_long && i < 2 && text.substr(end).starts_with('\''); ++i) ++end;
        return end;
    }

    // A literal string has no escapes. If it needs one, it becomes a basic string.
    void take_literal() {
        const std::string_view text = rest_.substr(0, literal_size(rest_));
        if (std::all_of(text.begin(), text.end(), is_ascii)) return take(text.size());
        const std::size_t quotes = text.starts_with("'''") ? 3 : 1;
        const bool has_end = text.size() >= 2 * quotes && text.ends_with(text.substr(0, quotes));
        const std::size_t behind = rest_.size() - text.size();
        rest_.remove_prefix(quotes);
        out_.append(quotes, '"');
        while (rest_.size() > behind + (has_end ? quotes : 0)) {
            const char c = rest_.front();
            if (!is_ascii(c)) {
                escape_character();
                continue;
            }
            if (c == '"' || c == '\\') out_ += '\\';
            take(1);
        }
        rest_.remove_prefix(rest_.size() - behind);
        if (has_end) out_.append(quotes, '"');
    }

    // Escapes one character. The text is valid UTF-8.
    void escape_character() {
        const auto lead = static_cast<std::uint8_t>(rest_.front());
        const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        std::uint32_t code_point = lead & (0x7FU >> length);
        for (std::size_t i = 1; i < length; ++i)
            code_point = code_point << 6U | (static_cast<std::uint8_t>(rest_[i]) & 0x3FU);
        out_ += "\\U";
        for (unsigned shift = 32; shift > 0; shift -= 4)
            out_ += "0123456789ABCDEF"[code_point >> (shift - 4) & 0xFU];
        rest_.remove_prefix(length);
    }

    void count(char c) {
        if (c == '.') ++dots_;
        if (c == '[' || c == '{') ++brackets_;
        if ((c == ']' || c == '}') && brackets_ > 0) --brackets_;
        if (dots_ > kMaxDots || brackets_ > kMaxBrackets) refuse_line(line_, "tables are nested too deep");
        if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{') dots_ = 0;
    }

    // Together these limit the depth to some thousand levels, which fits any stack. to_json() checks the
    // rest.
    static constexpr std::size_t kMaxDots = kMaxTomlDepth;  // of one key
    static constexpr std::size_t kMaxBrackets = 32;

    std::string_view rest_;
    std::string out_;
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
    // TOML does not allow NUL bytes, and the parser of toml++ 3.0 fails on some.
    if (text.find('\0') != std::string_view::npos) throw Error(ErrorKind::invalid, "a NUL byte");
    if (!is_utf8(text)) throw Error(ErrorKind::invalid, "not UTF-8");
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    const std::string prepared = Preparation(text).run();
    try {
        return to_json(toml::parse(std::string_view(prepared)), 0);
    } catch (const toml::parse_error& error) {
        refuse_line(error.source().begin.line, escape(error.description()));
    }
}

}  // namespace osb::oci
