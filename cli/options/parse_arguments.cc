// Only this source includes CLI11, because it takes seconds to compile.
#include "cli/options/parse_arguments.hh"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/spelling.hh"

namespace osb::cli {
namespace {

// The maximum number of values of a repeated positional argument.
constexpr int kMaxRepeated = 1000;

// Registers the target of a row with the library.
class Binding {
  public:
    Binding(CLI::App& app, const Argument& row) : app_(app), row_(row) {}

    CLI::Option* operator()(std::monostate /*help*/) const { return app_.set_help_flag(names()); }
    CLI::Option* operator()(bool* target) const { return app_.add_flag(names(), *target); }
    CLI::Option* operator()(std::optional<bool>* target) const {
        return app_.add_flag_function(names(), [target](std::int64_t count) { *target = count > 0; });
    }
    CLI::Option* operator()(std::vector<std::string>* target) const {
        // The library splits a positional value in brackets, but no image, ref or commit begins with one.
        if (row_.is_positional()) return app_.add_option(names(), *target)->expected(1, kMaxRepeated);
        // One value per option: it may start with '-', the next word is never another value, and the library
        // does not split brackets.
        return app_.add_option(names(), *target)->expected(1)->allow_extra_args(false)->take_all();
    }
    template<typename T>
    CLI::Option* operator()(T* target) const {
        return app_.add_option(names(), *target);
    }

  private:
    std::string names() const {
        return row_.letter == '\0' ? std::string(row_.name) : concat('-', row_.letter, ',', row_.name);
    }

    CLI::App& app_;
    const Argument& row_;
};

// Both return "" for a valid value, otherwise the problem.
std::string check_allowed(const Argument& row, const std::string& value) {
    if (std::find(row.allowed.begin(), row.allowed.end(), value) != row.allowed.end()) return "";
    std::string values;
    for (const std::string_view allowed : row.allowed) values += concat(values.empty() ? "" : ", ", allowed);
    return concat(quoted(value), " is not one of ", values);
}

std::string check_range(const Argument& row, const std::string& value) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool is_number = error == std::errc() && end == value.data() + value.size();
    if (is_number && number >= row.range->least && number <= row.range->most) return "";
    return concat(quoted(value), " is not a number from ", row.range->least, " to ", row.range->most);
}

void add_row(CLI::App& app, const Argument& row) {
    CLI::Option* option = std::visit(Binding(app, row), row.target);
    // The name in the library's own messages.
    if (!row.is_flag()) option->type_name(std::string(row.is_positional() ? row.name : row.value));
    option->required(row.required);
    // Use our own messages, because the library's differ between versions.
    if (!row.allowed.empty()) {
        option->check([&row](const std::string& value) { return check_allowed(row, value); }, "");
    }
    // An empty path of a policy or key must not mean that none was given.
    if (row.kind == ValueKind::file && !row.is_positional())
        option->check([](const std::string& value) { return value.empty() ? "the path is empty" : ""; }, "");
    if (row.not_empty)
        option->check([](const std::string& value) { return value.empty() ? "the value is empty" : ""; }, "");
    if (row.range) option->check([&row](const std::string& value) { return check_range(row, value); }, "");
}

void add_relations(CLI::App& app, const Argument& row) {
    CLI::Option* option = app.get_option(std::string(row.name));
    for (const std::string_view name : row.excludes) option->excludes(app.get_option(std::string(name)));
    for (const std::string_view name : row.needs) option->needs(app.get_option(std::string(name)));
}

const Argument* find_letter(const Arguments& table, char letter) {
    const auto found = std::find_if(table.rows().begin(), table.rows().end(),
                                    [letter](const Argument& row) { return row.letter == letter; });
    return found == table.rows().end() ? nullptr : &*found;
}

// "-x" for the first unknown letter of "-qx"; "" if all are known.
std::string unknown_letter(const Arguments& table, std::string_view letters) {
    for (const char letter : letters) {
        const Argument* const row = find_letter(table, letter);
        if (row == nullptr) return {'-', letter};
        if (!row->is_flag()) break;  // the rest is the value
    }
    return "";
}

// Problems with the names and the number of arguments. Members are "" if there is no such problem.
struct Fault {
    std::string unknown;    // an unknown option
    std::string valueless;  // a final option without its value
    std::string extra;      // an argument after the last expected one
};

Fault find_fault(const Arguments& table, std::span<const char* const> args) {
    Fault out;
    std::size_t places = 0;
    for (const Argument& row : table.rows()) {
        if (row.is_positional()) places += row.is_repeated() ? std::size_t{kMaxRepeated} : 1;
    }
    bool options_ended = false;
    for (std::size_t i = 0; i < args.size() && out.unknown.empty(); ++i) {
        const std::string_view arg = args[i];
        const bool is_option = !options_ended && arg.size() > 1 && arg[0] == '-';
        if (is_option && arg == "--") {
            options_ended = true;
        } else if (is_option && arg[1] == '-') {
            const std::string_view name = arg.substr(0, arg.find('='));
            const Argument* const row = table.find(name);
            if (row == nullptr) {
                out.unknown = name;
            } else if (!row->is_flag() && name.size() == arg.size() && ++i == args.size()) {
                out.valueless = name;
            }
        } else if (is_option && std::isalpha(static_cast<unsigned char>(arg[1])) != 0) {
            out.unknown = unknown_letter(table, arg.substr(1));
        } else if (places > 0) {
            --places;
        } else if (out.extra.empty()) {
            out.extra = arg;
        }
    }
    return out;
}

std::string help_advice(std::string_view verb) {
    return concat("'osb-oci ", verb, " --help' shows the options");
}

std::string option_advice(const Arguments& table, std::string_view verb, std::string_view unknown) {
    std::vector<std::string> names;
    for (const Argument& row : table.rows()) {
        if (!row.is_positional()) names.emplace_back(row.name);
    }
    // "-x" is not a misspelled name.
    const std::optional<std::string> nearest =
        unknown.starts_with("--") ? nearest_name(unknown, names) : std::nullopt;
    if (nearest) return concat("did you mean '", *nearest, "'?");
    return help_advice(verb);
}

// Throws the best explanation of the library's error. Returns if there is none.
void throw_fault(const Arguments& table, std::string_view verb, std::span<const char* const> args) {
    const Fault fault = find_fault(table, args);
    if (!fault.unknown.empty()) {
        throw Error(ErrorKind::usage, concat(verb, ": unknown option ", quoted(fault.unknown)))
            .hint(option_advice(table, verb, fault.unknown));
    }
    if (!fault.valueless.empty()) {
        throw Error(ErrorKind::usage, concat(verb, ": the option ", fault.valueless, " needs a value"))
            .hint(help_advice(verb));
    }
    if (!fault.extra.empty()) {
        throw Error(ErrorKind::usage, concat(verb, ": unexpected argument ", quoted(fault.extra)))
            .hint(help_advice(verb));
    }
}

// Converts the library's message to the form of our messages.
std::string reworded(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ' ');
    const bool word = text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0;
    if (word) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return escape(text);
}

}  // namespace

bool parse_arguments(const Arguments& table, std::string_view verb, std::span<const char* const> args) {
    const std::string name = concat("osb-oci ", verb);
    CLI::App app("", name);
    for (const Argument& row : table.rows()) add_row(app, row);
    for (const Argument& row : table.rows()) add_relations(app, row);
    std::vector<const char*> argv{name.c_str()};
    argv.insert(argv.end(), args.begin(), args.end());
    try {
        app.parse(static_cast<int>(argv.size()), argv.data());
    } catch (const CLI::CallForHelp&) {
        return false;
    } catch (const CLI::Error& error) {
        throw_fault(table, verb, args);
        throw Error(ErrorKind::usage, concat(verb, ": ", reworded(error.what()))).hint(help_advice(verb));
    }
    return true;
}

}  // namespace osb::cli
