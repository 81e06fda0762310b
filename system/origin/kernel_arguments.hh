// The arguments of a deployment's kernel: a list of words, and the changes that `kargs` and upgrades make to
// it. They mean what they mean to `ostree admin kargs` and `rpm-ostree kargs`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

// Each text is one argument or several with blanks between them; "KEY", "KEY=VALUE". Done in this order.
struct KernelArgumentEdits {
    std::vector<std::string> remove;   // KEY, where it is there once; KEY=VALUE
    std::vector<std::string> replace;  // KEY or KEY=NEW, where KEY is there once; KEY=OLD=NEW
    std::vector<std::string> append;   // at the end, also where it is there
    std::vector<std::string> append_if_missing;

    bool empty() const {
        return remove.empty() && replace.empty() && append.empty() && append_if_missing.empty();
    }
};

// The arguments with these changes; what is not concerned keeps its place. Throws Error{not_found} when
// there is nothing to delete or replace; Error{usage} when a change could mean several arguments, is
// malformed, concerns an argument that is not the user's to change
// (image/deployment/argument_rules.hh), or adds "--", at
// which the kernel stops: it would not see what a trial adds.
std::vector<std::string> edit_kernel_arguments(std::vector<std::string> arguments,
                                               const KernelArgumentEdits& edits);

}  // namespace osb::system
