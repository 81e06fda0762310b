// What ostree-receive 1.x says while it works, run with --verbose: it ends with status 0 also when it did not
// take what was pushed, and only its log tells.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace osb::ostree {

class ReceiveLog {
  public:
    // Of the receipt of `commit` under `ref`. A warning is for the user to see where `warn` is set.
    ReceiveLog(std::string ref, std::string commit, bool warn);

    // The next line of its output, as it came. Passes it on to the user's log, escaped.
    void add(std::string_view line);

    // What the ref named before; "" when it was not there. Nothing when it was not told.
    const std::optional<std::string>& before() const noexcept { return before_; }
    // The commit that was made of ours, and that the ref names now; "" for none.
    const std::string& made() const noexcept { return made_; }
    // The server refused it, because what it has is as new or newer.
    bool is_not_newer() const noexcept { return not_newer_; }
    // The server ignored it, because what it has is the same tree.
    bool is_same_tree() const noexcept { return same_tree_; }
    // The last line that is of no logger, or an error: the reason when it failed. Escaped.
    const std::string& last_words() const noexcept { return last_words_; }

  private:
    void add_message(std::string_view message);

    std::string ref_;
    std::string commit_;
    bool warn_;
    bool in_current_ = false;
    std::optional<std::string> before_;
    std::string made_;
    bool not_newer_ = false;
    bool same_tree_ = false;
    std::string last_words_;
};

}  // namespace osb::ostree
