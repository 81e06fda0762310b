// The bootable layout for a base tree that already has it, after further layers were applied. Files of the
// layers are moved to their places and replace those of the base.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "ostree/layout/bootable_layout.hh"

namespace osb::ostree {

// Applies the layout to trees on one base. It keeps the facts of the base, not the tree.
class DerivedLayout {
  public:
    // `base`: the commit's tree, without the layers.
    explicit DerivedLayout(const Node& base);

    // Does the same as make_bootable() for the tree with the layers. If the base has the bootable layout, it
    // also does the following. Files in /var replace those of the base in /usr/share/factory/var. Files below
    // the layout's links /opt and /usr/local turn these into directories again. A kernel or an initramfs in
    // /boot replaces the one with the same release. The base's kernel is removed if its modules are gone and
    // another kernel exists. The base's links at /ostree and /tmp are kept.
    LayoutReport apply(Node& root, const StoreLink& store_link, ImageBudget& budget) const;

  private:
    void place_local_files(Node& root, const StoreLink& store_link, ImageBudget& budget) const;
    void replace_state(Node& root, LayoutReport& report) const;
    void replace_kernel(Node& root, LayoutReport& report) const;
    bool lost_its_modules(const Node& directory) const;

    bool laid_out_;
    std::string kernel_;                    // release of the base's kernel; "" for none
    bool has_modules_ = false;              // besides the kernel itself
    std::map<std::string, Sha256> placed_;  // files in the kernel's directory except modules
    std::optional<Sha256> ostree_link_;
    std::optional<Sha256> tmp_link_;
    bool has_factory_ = false;
    bool has_factory_var_ = false;
};

}  // namespace osb::ostree
