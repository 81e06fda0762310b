// The one unit that includes CLI11: it takes seconds to compile.
#include "cli/options/parse_arguments.hh"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <string>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::cli {
namespace {

// Tells the library what a row's target is.
class Binding {
  public:
    Binding(CLI::App& app, const Argument& row) : app_(app), row_(row) {}

    CLI::Option* operator()(std::monostate /*help*/) const { return app_.set_help_flag(names()); }
    CLI::Option* operator()(bool* target) const { return app_.add_flag(names(), *target); }
    CLI::Option* operator()(std::optional<bool>* target) const {
        return app_.add_flag_function(names(), [target](std::int64_t count) { *target = count > 0; });
    }
    CLI::Option* operator()(std::vector<std::string>* target) const {
        // One value an option: it may begin with '-', what follows is never taken for another one, and the
        // library does not take brackets apart.
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

void add_row(CLI::App& app, const Argument& row) {
    CLI::Option* option = std::visit(Binding(app, row), row.target);
    // For the library's own messages.
    if (!row.is_flag()) option->type_name(std::string(row.is_positional() ? row.name : row.value));
    option->required(row.required);
    if (!row.allowed.empty()) {
        const std::vector<std::string> allowed(row.allowed.begin(), row.allowed.end());
        option->check(CLI::IsMember(allowed).description(""));
    }
    if (row.range) option->check(CLI::Range(row.range->least, row.range->most).description(""));
}

void add_relations(CLI::App& app, const Argument& row) {
    CLI::Option* option = app.get_option(std::string(row.name));
    for (const std::string_view name : row.excludes) option->excludes(app.get_option(std::string(name)));
    for (const std::string_view name : row.needs) option->needs(app.get_option(std::string(name)));
}

// The library's sentence in the form of ours.
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
        throw Error(ErrorKind::usage, concat(verb, ": ", reworded(error.what())))
            .hint(concat("'", name, " --help' shows the options"));
    }
    return true;
}

}  // namespace osb::cli
