#include "ostree/objects/ostree_versions.hh"

#include <glib.h>
#include <ostree.h>

#include "base/bytes.hh"

namespace osb::ostree {

std::vector<LibraryVersion> ostree_versions() {
    return {{"libostree", OSTREE_VERSION_S},
            {"GLib", concat(glib_major_version, ".", glib_minor_version, ".", glib_micro_version)}};
}

}  // namespace osb::ostree
