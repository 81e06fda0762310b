#include "ostree/import/tree_layout.hh"

#include <sys/stat.h>

#include <utility>

#include "base/log.hh"
#include "ostree/layout/bootable_layout.hh"
#include "ostree/layout/extension_layout.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {

LaidOutTree lay_out(Node tree, Layout layout, const DerivedLayout* derived, const StoreLink& store_link,
                    ImageBudget& budget) {
    LaidOutTree out{.root = std::move(tree)};
    if (layout == Layout::plain) return out;
    if (layout == Layout::extension) {
        out.notes = make_extension(out.root, store_link, budget).notes;
        return out;
    }
    LayoutReport report = derived != nullptr ? derived->apply(out.root, store_link, budget)
                                             : make_bootable(out.root, store_link, budget);
    for (const std::string& warning : report.warnings) log_warning(warning);
    out.kernel = std::move(report.kernel);
    out.notes = std::move(report.notes);
    return out;
}

StoreLink link_store(ObjectWriter& writer) {
    return [&writer](std::string_view target, std::uint32_t uid, std::uint32_t gid) {
        check_link_target(target);
        return writer.write_file({.uid = uid, .gid = gid, .mode = S_IFLNK | 0777U, .xattrs = {}}, target, {});
    };
}

bool fits_layout(bool laid_out, Layout layout) noexcept {
    // A commit may have more than an extension has.
    return layout != Layout::extension && laid_out == (layout == Layout::bootable);
}

std::string layout_name(Layout layout) {
    switch (layout) {
        case Layout::bootable:
            return "bootable";
        case Layout::extension:
            return "extension";
        case Layout::plain:
            break;
    }
    return "plain";
}

}  // namespace osb::ostree
