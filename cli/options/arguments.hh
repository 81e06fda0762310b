// The command line of a verb as data: one row per option, flag or positional argument. The parser
// (cli/options/parse_arguments.hh), the help (cli/options/help.hh), the man pages (cli/options/manual.hh) and
// the completion (cli/verbs/completion.hh) use these rows, so each fact is written once, here.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace osb::cli {

// The variable that receives the value. Its type determines the kind of argument: bool                    a
// flag; true if it is given std::optional<bool>     a flag that also accepts =true and =false unsigned,
// std::string   an option or positional argument that may occur once std::vector             an option that
// may be repeated, with one value each time std::monostate          the request for help, which has no value
// A variable keeps its value if the argument is not given. Pointers are borrowed: they must be valid until
// the command line has been parsed.
using Target = std::variant<std::monostate, bool*, std::optional<bool>*, unsigned*, std::optional<unsigned>*,
                            std::string*, std::vector<std::string>*>;

// An inclusive range.
struct Range {
    unsigned least;
    unsigned most;
};

// The type of an argument's value, for completion.
enum class ValueKind {
    text,            // anything; completion offers nothing
    file,            // path of a file
    directory,       // path of a directory
    image,           // an image of any transport
    revision,        // a ref or commit of the repository; completion offers only refs
    deployment,      // a deployment of the sysroot
    push_target,     // docker://, file:// or ssh://
    install_source,  // a revision with --repo, otherwise an image
    diff_operand,    // an image, a deployment or a revision
    lint_target,     // an image, a revision or a directory
    tree,            // an image, or a revision of the repository
};

inline constexpr std::string_view kVerbGroup = "Options";

// A row. Texts are literals, or live as long as the program. A help text names neither the default nor the
// range nor exclusions: the columns have these.
struct Argument {
    std::string_view name;        // "--repo", or "IMAGE" for a positional argument
    char letter = '\0';           // 'q' of -q
    std::string_view value = {};  // placeholder of the value in the help: "DIR"; empty for flags
    ValueKind kind = ValueKind::text;
    std::string_view help;
    std::string_view default_shown = {};  // in words: "one per core"
    std::string_view group = kVerbGroup;  // the heading in the help; for options and flags
    bool required = false;
    std::vector<std::string_view> allowed = {};  // the only valid values; empty: any
    std::vector<std::string_view> offered = {};  // values for completion if others are valid too
    std::optional<Range> range = std::nullopt;   // of a number
    bool not_empty = false;                      // refuses "", which may mean to the verb that none was given
    std::vector<std::string_view> excludes = {};  // names of rows that must not be given with it
    std::vector<std::string_view> needs = {};     // names of rows that must be given with it
    Target target;

    bool is_positional() const noexcept { return !name.starts_with('-'); }
    // True if it has no value or an optional value.
    bool is_flag() const noexcept;
    // An option that may be given again, or a positional argument with one or more values. Only the last
    // positional argument may be repeated.
    bool is_repeated() const noexcept { return std::holds_alternative<std::vector<std::string>*>(target); }
};

// The rows of a command line, in the order of the help. Positional arguments are in their order on the line.
class Arguments {
  public:
    void add(std::initializer_list<Argument> rows) { rows_.insert(rows_.end(), rows); }

    std::span<const Argument> rows() const noexcept { return rows_; }
    // Returns nullptr if there is no row with that name.
    const Argument* find(std::string_view name) const noexcept;
    // The names of rows that must not be given with `row`. Either of the two rows may declare this.
    std::vector<std::string_view> excluded_by(const Argument& row) const;

  private:
    std::vector<Argument> rows_;
};

}  // namespace osb::cli
