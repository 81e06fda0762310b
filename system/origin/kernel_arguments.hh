// Edits the kernel arguments of a deployment, for `kargs` and upgrades. The operations have the meaning that
// they have in `ostree admin kargs` and `rpm-ostree kargs`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

// The edits, applied in this order. Each text is one argument or several, separated by blanks: "KEY" or
// "KEY=VALUE".
struct KernelArgumentEdits {
    std::vector<std::string> remove;   // KEY, if it occurs once; KEY=VALUE
    std::vector<std::string> replace;  // KEY or KEY=NEW, if KEY occurs once; KEY=OLD=NEW
    std::vector<std::string> append;   // at the end, even if it is present
    std::vector<std::string> append_if_missing;

    bool empty() const {
        return remove.empty() && replace.empty() && append.empty() && append_if_missing.empty();
    }
};

// Returns the arguments with these edits. Other arguments keep their place. Throws Error{not_found} if an
// argument to delete or replace is missing. Throws Error{usage} for an edit that
// - is ambiguous or malformed,
// - concerns a reserved argument (image/deployment/argument_rules.hh),
// - adds "--", at which the kernel stops parsing: it would not see the arguments of a trial.
std::vector<std::string> edit_kernel_arguments(std::vector<std::string> arguments,
                                               const KernelArgumentEdits& edits);

}  // namespace osb::system
