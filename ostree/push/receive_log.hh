// What ostree-receive 1.x says while it works, run with --verbose: it ends with status 0 also when it did not
// take what was pushed, and only its log tells.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"

namespace osb::ostree {

// What the server's ref named before.
struct RefBefore {
    bool told = false;               // whether the server said it at all
    std::optional<CommitId> commit;  // nothing when the ref was not there

    std::string_view text() const noexcept;  // for people
};

class ReceiveLog {
  public:
    // Of the receipt of `commit` under `ref`. A warning is for the user to see where `warn` is set.
    ReceiveLog(RefName ref, const CommitId& commit, bool warn);

    // The next line of its output, as it came. Passes it on to the user's log, escaped.
    void add(std::string_view line);

    const RefBefore& before() const noexcept { return before_; }
    // The commit that was made of ours, and that the ref names now.
    const std::optional<CommitId>& made() const noexcept { return made_; }
    // The server refused it, because what it has is as new or newer.
    bool is_not_newer() const noexcept { return not_newer_; }
    // The server ignored it, because what it has is the same tree.
    bool is_same_tree() const noexcept { return same_tree_; }
    // The last line that is of no logger, or an error: the reason when it failed. Escaped.
    const std::string& last_words() const noexcept { return last_words_; }

  private:
    void add_message(std::string_view message);

    RefName ref_;
    CommitId commit_;
    bool warn_;
    bool in_current_ = false;
    RefBefore before_;
    std::optional<CommitId> made_;
    bool not_newer_ = false;
    bool same_tree_ = false;
    std::string last_words_;
};

}  // namespace osb::ostree
