#include "ostree/directory_meta.hh"

#include <sys/stat.h>

#include "base/error.hh"
#include "ostree/glib.hh"
#include "ostree/object_reader.hh"

namespace osb::ostree {

DirectoryMeta read_directory_meta(const Repository& repository, const Sha256& checksum) {
    const std::string bytes = read_metadata(repository, ObjectType::dirmeta, checksum);
    const GVariantPtr variant = variant_from_bytes(OSTREE_DIRMETA_GVARIANT_FORMAT, as_bytes(bytes), false);
    DirectoryMeta out;
    GVariant* xattrs = nullptr;
    g_variant_get(variant.get(), "(uuu@a(ayay))", &out.uid, &out.gid, &out.mode, &xattrs);
    const GVariantPtr owned(xattrs);
    out.uid = GUINT32_FROM_BE(out.uid);
    out.gid = GUINT32_FROM_BE(out.gid);
    out.mode = GUINT32_FROM_BE(out.mode);
    if (g_variant_is_normal_form(variant.get()) == FALSE || !S_ISDIR(out.mode)) {
        throw Error(ErrorKind::invalid, concat("the dirmeta object ", to_hex(checksum), " is malformed"));
    }
    out.mode &= 07777U;
    // Of no attributes nothing is left, as everywhere.
    if (g_variant_n_children(xattrs) != 0) out.xattrs = as_text(bytes_of(xattrs));
    return out;
}

}  // namespace osb::ostree
