// The tree as ostree would deploy it: the conversion that import makes, without writing anything.
#pragma once

#include <string>
#include <vector>

#include "image/lint/lint_tree.hh"

namespace osb::image {

// A kernel at the place where ostree looks for it. `image` and `initramfs` are paths in `tree`.
struct LintKernel {
    const LintTree* tree = nullptr;  // borrowed
    std::string release;
    std::string image;
    std::string initramfs;  // "" if there is none
};

// A reason why the tree cannot be converted.
struct LayoutProblem {
    std::string_view check;  // "usr-merge", "kernel" or "layout"
    std::string path;        // "" for the whole tree
    std::string message;     // escaped
    std::string fix;
};

// The result.
struct DeployedView {
    std::vector<LintKernel> kernels;
    std::vector<LayoutProblem> problems;
    // True if no kernel was overlooked: each step of the conversion worked, and no conflict hides the
    // modules, among which the kernel is.
    bool is_converted = false;
};

// Finds the kernels of a tree. Converts a tree that is not laid out for ostree in memory, as
// ostree::make_bootable() does. Borrows `tree`. Throws Error{too_large}.
DeployedView view_deployed(const LintTree& tree);

}  // namespace osb::image
