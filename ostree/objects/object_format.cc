#include "ostree/objects/object_format.hh"

#include "base/error.hh"
#include "ostree/objects/glib.hh"

namespace osb::ostree {
namespace {

const GVariantType* xattrs_type() {
    return G_VARIANT_TYPE("a(ayay)");
}

GVariantPtr xattrs_variant(std::string_view bytes) {
    return variant_from_bytes(xattrs_type(), as_bytes(bytes), true);
}

std::string to_string(const GVariantPtr& variant) {
    return std::string(as_text(bytes_of(variant.get())));
}

// A big-endian length, four zero bytes (the variant starts at a multiple of 8), and the variant.
std::string length_prefixed(const GVariantPtr& variant) {
    const ByteView bytes = bytes_of(variant.get());
    const auto length = static_cast<std::uint32_t>(bytes.size());
    std::string out;
    out.reserve(8 + bytes.size());
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        out.push_back(static_cast<char>((length >> shift) & 0xFFU));
    out.append(4, '\0');
    out.append(as_text(bytes));
    return out;
}

std::uint32_t be(std::uint32_t value) {
    return GUINT32_TO_BE(value);
}

GVariant* mode_and_owner(const FileMeta& meta) {
    const GVariantPtr xattrs = xattrs_variant(meta.xattrs);
    return g_variant_new("(uuu@a(ayay))", be(meta.uid), be(meta.gid), be(meta.mode), xattrs.get());
}

}  // namespace

XattrBytes serialize_xattrs(const std::vector<std::pair<std::string, std::string>>& xattrs) {
    if (xattrs.empty()) return {};
    GVariantBuilder builder;
    g_variant_builder_init(&builder, xattrs_type());
    for (const auto& [name, value] : xattrs) {
        const std::string_view with_nul(name.c_str(), name.size() + 1);
        g_variant_builder_add(&builder, "(@ay@ay)", byte_array(as_bytes(with_nul)),
                              byte_array(as_bytes(value)));
    }
    return to_string(take(g_variant_builder_end(&builder)));
}

std::vector<std::pair<std::string, std::string>> parse_xattrs(std::string_view bytes) {
    std::vector<std::pair<std::string, std::string>> out;
    const GVariantPtr variant = xattrs_variant(bytes);
    const gsize n = g_variant_n_children(variant.get());
    for (gsize i = 0; i < n; ++i) {
        const GVariantPtr pair = take(g_variant_get_child_value(variant.get(), i));
        const GVariantPtr name = take(g_variant_get_child_value(pair.get(), 0));
        const GVariantPtr value = take(g_variant_get_child_value(pair.get(), 1));
        std::string_view text = as_text(view_byte_array(name.get()));
        if (!text.empty() && text.back() == '\0') text.remove_suffix(1);
        out.emplace_back(text, as_text(view_byte_array(value.get())));
    }
    return out;
}

std::string file_header(const FileMeta& meta, std::string_view target) {
    const GVariantPtr xattrs = xattrs_variant(meta.xattrs);
    const std::string text(target);  // NUL-terminated for GLib
    return length_prefixed(take(g_variant_new("(uuuus@a(ayay))", be(meta.uid), be(meta.gid), be(meta.mode),
                                              0U, text.c_str(), xattrs.get())));
}

std::string archive_file_header(const FileMeta& meta, std::string_view target, std::uint64_t size) {
    const GVariantPtr xattrs = xattrs_variant(meta.xattrs);
    const std::string text(target);
    return length_prefixed(
        take(g_variant_new("(tuuuus@a(ayay))", static_cast<guint64>(GUINT64_TO_BE(size)), be(meta.uid),
                           be(meta.gid), be(meta.mode), 0U, text.c_str(), xattrs.get())));
}

std::string bare_user_meta(const FileMeta& meta) {
    return to_string(take(mode_and_owner(meta)));
}

std::string dirmeta(const FileMeta& meta) {
    return to_string(take(mode_and_owner(meta)));
}

std::string dirtree(const std::vector<DirtreeFile>& files, const std::vector<DirtreeDirectory>& directories) {
    GVariantBuilder file_builder;
    g_variant_builder_init(&file_builder, G_VARIANT_TYPE("a(say)"));
    std::string name;
    for (const DirtreeFile& file : files) {
        name = file.name;
        g_variant_builder_add(&file_builder, "(s@ay)", name.c_str(), byte_array(*file.checksum));
    }
    GVariantBuilder dir_builder;
    g_variant_builder_init(&dir_builder, G_VARIANT_TYPE("a(sayay)"));
    for (const DirtreeDirectory& dir : directories) {
        name = dir.name;
        g_variant_builder_add(&dir_builder, "(s@ay@ay)", name.c_str(), byte_array(dir.tree),
                              byte_array(dir.meta));
    }
    std::string out = to_string(take(g_variant_new("(a(say)a(sayay))", &file_builder, &dir_builder)));
    if (out.size() > kMaxMetadataSize) {
        throw Error(ErrorKind::too_large, concat("a directory of ", files.size() + directories.size(),
                                                 " entries makes a dirtree object of ", out.size(),
                                                 " bytes; ostree accepts ", kMaxMetadataSize));
    }
    return out;
}

std::string loose_path(const Sha256& checksum, ObjectType type, bool archive) {
    std::string out = to_hex(checksum);
    out.insert(2, 1, '/');
    switch (type) {
        case ObjectType::file:
            return out += archive ? ".filez" : ".file";
        case ObjectType::dirtree:
            return out += ".dirtree";
        case ObjectType::dirmeta:
            return out += ".dirmeta";
        case ObjectType::commit:
            return out += ".commit";
    }
    return out;
}

}  // namespace osb::ostree
