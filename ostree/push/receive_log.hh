// Interprets the output of ostree-receive 1.x with --verbose. Its exit status is 0 even if it did not accept
// the push, so only its log shows the result.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"

namespace osb::ostree {

// The state of the server's ref before the push.
struct RefBefore {
    bool told = false;               // the server reported it
    std::optional<CommitId> commit;  // nullopt if the ref did not exist

    std::string_view text() const noexcept;  // for display
};

// Collects the results of one run from its output.
class ReceiveLog {
  public:
    // For a push of `commit` to `ref`. `warn`: show the server's warnings to the user.
    ReceiveLog(RefName ref, const CommitId& commit, bool warn);

    // Adds the next raw line of output. Passes it on to the user's log, escaped.
    void add(std::string_view line);

    const RefBefore& before() const noexcept { return before_; }
    // The server's copy of our commit, to which the ref points now.
    const std::optional<CommitId>& made() const noexcept { return made_; }
    // The server refused the commit, because its own is as new or newer.
    bool is_not_newer() const noexcept { return not_newer_; }
    // The server ignored the commit, because its own has the same tree.
    bool is_same_tree() const noexcept { return same_tree_; }
    // The last line that is an error or not from a logger: the reason of a failure. Escaped.
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
