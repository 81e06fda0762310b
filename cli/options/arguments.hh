// The command line of a verb as data: one row per option, flag or positional argument. The parser
// (cli/options/parse_arguments.hh), the help (cli/options/help.hh), the man pages (cli/options/manual.hh) and
// the completion (cli/verbs/completion.hh) are made from these rows, so each fact is written once, here.
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

// Where a value goes. Its type decides what the argument is:
// bool                    a flag; true when it is given
// std::optional<bool>     a flag that also takes =true and =false
// unsigned, std::string   an option or positional argument that may be given once
// std::vector             an option that may be repeated, with one value each time
// std::monostate          the request for help, which has no value
// A variable keeps its value when the argument is not given. Pointers are borrowed: they must live until the
// command line is parsed.
using Target = std::variant<std::monostate, bool*, std::optional<bool>*, unsigned*, std::optional<unsigned>*,
                            std::string*, std::vector<std::string>*>;

// Both ends belong to it.
struct Range {
    unsigned least;
    unsigned most;
};

// The values of an argument, for completion.
enum class ValueKind {
    text,            // anything: nothing is offered
    file,            // path of a file
    directory,       // path of a directory
    image,           // an image of any transport
    revision,        // a ref of the repository; a commit's checksum, too, but nobody types one
    deployment,      // a deployment of the sysroot
    push_target,     // docker://, file:// or ssh://
    install_source,  // a revision with --repo, else an image
};

inline constexpr std::string_view kVerbGroup = "Options";

// One row. Texts are literals, or live as long as the program does. Help texts name neither the default nor
// the range nor what excludes what: the columns have that.
struct Argument {
    std::string_view name;        // "--repo", or "IMAGE" of a positional argument
    char letter = '\0';           // 'q' of -q
    std::string_view value = {};  // placeholder of the value in the help: "DIR"; nothing for flags
    ValueKind kind = ValueKind::text;
    std::string_view help;
    std::string_view default_shown = {};  // in words: "one a core"
    std::string_view group = kVerbGroup;  // the help's heading; of options and flags
    bool required = false;
    std::vector<std::string_view> allowed = {};   // the only values; nothing: any
    std::vector<std::string_view> offered = {};   // values that completion offers where others are allowed
    std::optional<Range> range = std::nullopt;    // of a number
    std::vector<std::string_view> excludes = {};  // names of rows that may not be given with it
    std::vector<std::string_view> needs = {};     // names of rows that must be given with it
    Target target;

    bool is_positional() const noexcept { return !name.starts_with('-'); }
    // Has no value, or one that is optional.
    bool is_flag() const noexcept;
    bool is_repeated() const noexcept { return std::holds_alternative<std::vector<std::string>*>(target); }
};

// The rows of a command line, in the order of the help; that of positional arguments is theirs on the line.
class Arguments {
  public:
    void add(std::initializer_list<Argument> rows) { rows_.insert(rows_.end(), rows); }

    std::span<const Argument> rows() const noexcept { return rows_; }
    // nullptr when there is none of that name.
    const Argument* find(std::string_view name) const noexcept;
    // What may not be given with `row`, whichever of the two rows says so.
    std::vector<std::string_view> excluded_by(const Argument& row) const;

  private:
    std::vector<Argument> rows_;
};

}  // namespace osb::cli
