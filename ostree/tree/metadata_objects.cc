#include "ostree/tree/metadata_objects.hh"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/xattr_policy.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {
namespace {

[[noreturn]] void fail(std::string_view what, std::string_view why) {
    throw Error(ErrorKind::invalid, concat("a malformed ", what, " object: ", why));
}

GVariantPtr child_of(GVariant* variant, gsize index) {
    return take(g_variant_get_child_value(variant, index));
}

GVariantPtr normal(const GVariantType* type, ByteView bytes, std::string_view what) {
    if (bytes.size() > kMaxMetadataSize) {
        throw Error(ErrorKind::too_large, concat("a ", what, " object of ", bytes.size(),
                                                 " bytes; ostree accepts ", kMaxMetadataSize));
    }
    GVariantPtr out = variant_from_bytes(type, bytes, /*trusted=*/false);
    if (g_variant_is_normal_form(out.get()) == FALSE) fail(what, "not in normal form");
    return out;
}

Sha256 checksum_in(GVariant* entry, gsize index) {
    return checksum_of(child_of(entry, index).get());
}

// Checks the names of one list of a dirtree.
class Names {
  public:
    std::string take(GVariant* entry) {
        const char* text = nullptr;
        g_variant_get_child(entry, 0, "&s", &text);
        std::string name(text);
        if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
            fail("dirtree", concat("the name ", quoted(name)));
        if (name.size() > kMaxFileName)
            fail("dirtree", concat("a name of ", name.size(), " bytes: ", quoted(name)));
        if (last_ && name <= *last_) {
            fail("dirtree", concat(quoted(name), name == *last_ ? " appears twice" : " is out of order"));
        }
        last_ = name;
        return name;
    }

  private:
    std::optional<std::string> last_;
};

// Both lists must be sorted.
void check_disjoint(const DirtreeObject& object) {
    auto file = object.files.begin();
    for (const DirtreeObject::Directory& directory : object.directories) {
        while (file != object.files.end() && file->name < directory.name) ++file;
        if (file != object.files.end() && file->name == directory.name)
            fail("dirtree", concat(quoted(directory.name), " is a file and a directory"));
    }
}

std::string_view xattr_name(ByteView bytes) {
    std::string_view name = as_text(bytes);
    if (name.empty() || name.back() != '\0')
        throw Error(ErrorKind::invalid, "an extended attribute whose name has no end");
    name.remove_suffix(1);
    if (name.empty() || name.size() > kMaxXattrName || name.find('\0') != std::string_view::npos) {
        throw Error(ErrorKind::invalid,
                    concat("an extended attribute with a name of ", name.size(), " bytes: ", quoted(name)));
    }
    return name;
}

}  // namespace

void check_xattrs(std::string_view bytes) {
    if (bytes.size() > kMaxXattrsStored) {
        throw Error(ErrorKind::too_large, concat("extended attributes of ", bytes.size(),
                                                 " bytes: the limit is ", kMaxXattrsStored));
    }
    const GVariantPtr variant = variant_from_bytes(G_VARIANT_TYPE("a(ayay)"), as_bytes(bytes), false);
    if (g_variant_is_normal_form(variant.get()) == FALSE)
        throw Error(ErrorKind::invalid, "malformed extended attributes");
    std::string last;
    for (gsize i = 0; i < g_variant_n_children(variant.get()); ++i) {
        const GVariantPtr pair = child_of(variant.get(), i);
        const GVariantPtr name = child_of(pair.get(), 0);
        const std::string_view text = xattr_name(view_byte_array(name.get()));
        if (text <= last) {
            throw Error(ErrorKind::invalid, concat("the extended attribute ", quoted(text),
                                                   " appears twice, or is out of order"));
        }
        last = text;
    }
}

void check_link_target(std::string_view target) {
    if (target.empty()) throw Error(ErrorKind::invalid, "a symbolic link to nothing");
    if (!is_utf8(target) || target.find('\0') != std::string_view::npos) {
        throw Error(ErrorKind::invalid, "a symbolic link whose target is not UTF-8, which ostree requires");
    }
    if (target.size() <= kMaxLinkTarget) return;
    throw Error(ErrorKind::too_large, concat("a symbolic link with a target of ", target.size(),
                                             " bytes: Linux accepts ", kMaxLinkTarget));
}

void check_tree_place(std::string_view path, std::size_t depth) {
    if (depth > kMaxDepth) {
        throw Error(ErrorKind::too_large,
                    concat("directories more than ", kMaxDepth, " deep: ", quoted(path)));
    }
    if (path.size() <= kMaxTreePath) return;
    throw Error(ErrorKind::too_large,
                concat("a path of ", path.size(), " bytes: the limit is ", kMaxTreePath, ": ", quoted(path)));
}

DirtreeObject parse_dirtree(ByteView bytes) {
    const GVariantPtr variant = normal(OSTREE_TREE_GVARIANT_FORMAT, bytes, "dirtree");
    DirtreeObject out;
    const GVariantPtr files = child_of(variant.get(), 0);
    const gsize file_count = g_variant_n_children(files.get());
    out.files.reserve(file_count);
    Names file_names;
    for (gsize i = 0; i < file_count; ++i) {
        const GVariantPtr entry = child_of(files.get(), i);
        std::string name = file_names.take(entry.get());
        out.files.push_back({std::move(name), checksum_in(entry.get(), 1)});
    }
    const GVariantPtr directories = child_of(variant.get(), 1);
    const gsize directory_count = g_variant_n_children(directories.get());
    out.directories.reserve(directory_count);
    Names directory_names;
    for (gsize i = 0; i < directory_count; ++i) {
        const GVariantPtr entry = child_of(directories.get(), i);
        std::string name = directory_names.take(entry.get());
        out.directories.push_back(
            {std::move(name), checksum_in(entry.get(), 1), checksum_in(entry.get(), 2)});
    }
    check_disjoint(out);
    return out;
}

DirectoryMeta parse_dirmeta(ByteView bytes) {
    const GVariantPtr variant = normal(OSTREE_DIRMETA_GVARIANT_FORMAT, bytes, "dirmeta");
    DirectoryMeta out;
    g_variant_get_child(variant.get(), 0, "u", &out.uid);
    g_variant_get_child(variant.get(), 1, "u", &out.gid);
    g_variant_get_child(variant.get(), 2, "u", &out.mode);
    out.uid = GUINT32_FROM_BE(out.uid);
    out.gid = GUINT32_FROM_BE(out.gid);
    out.mode = GUINT32_FROM_BE(out.mode);
    if (!S_ISDIR(out.mode) || (out.mode & ~(static_cast<std::uint32_t>(S_IFMT) | 07777U)) != 0)
        fail("dirmeta", "its mode is not that of a directory");
    out.mode &= 07777U;
    const GVariantPtr xattrs = child_of(variant.get(), 3);
    // No attributes are represented by empty XattrBytes.
    if (g_variant_n_children(xattrs.get()) != 0) out.xattrs = as_text(bytes_of(xattrs.get()));
    check_xattrs(out.xattrs);
    return out;
}

CommitObject parse_commit(ByteView bytes) {
    const GVariantPtr variant = normal(OSTREE_COMMIT_GVARIANT_FORMAT, bytes, "commit");
    CommitObject out;
    const GVariantPtr parent = child_of(variant.get(), 1);
    if (g_variant_n_children(parent.get()) != 0) out.parent = CommitId(checksum_of(parent.get()));
    out.tree = checksum_in(variant.get(), 6);
    out.meta = checksum_in(variant.get(), 7);
    return out;
}

}  // namespace osb::ostree
