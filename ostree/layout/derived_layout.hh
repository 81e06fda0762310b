// The bootable layout of a tree that was laid out before, when layers have been put on top: what they brought
// goes where it belongs, and takes the place of what the base has there.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "ostree/layout/bootable_layout.hh"

namespace osb::ostree {

class DerivedLayout {
  public:
    // `base`: the tree before the layers, as its commit has it.
    explicit DerivedLayout(const Node& base);

    // As make_bootable(), for the tree with the layers on top. In addition, where the base was laid out:
    // files in /var replace those that the base has in /usr/share/factory/var; files below links that the
    // layout made of /opt and /usr/local make these directories again; a kernel or an initramfs in /boot
    // replaces that of its release, and the base's kernel goes when its modules are gone and another is
    // there; and links that the base has at /ostree and /tmp stay as they are.
    LayoutReport apply(Node& root, const StoreLink& store_link, ImageBudget& budget) const;

  private:
    void place_local_files(Node& root, const StoreLink& store_link, ImageBudget& budget) const;
    void replace_state(Node& root, LayoutReport& report) const;
    void replace_kernel(Node& root, LayoutReport& report) const;
    bool lost_its_modules(const Node& directory) const;

    bool laid_out_;
    std::string kernel_;                    // release of the base's kernel; "" for none
    bool has_modules_ = false;              // besides the kernel itself
    std::map<std::string, Sha256> placed_;  // files in the kernel's directory, other than modules
    std::optional<Sha256> ostree_link_;
    std::optional<Sha256> tmp_link_;
    bool has_factory_ = false;
    bool has_factory_var_ = false;
};

}  // namespace osb::ostree
