#include "tests/support/commit_listing.hh"

#include <stdexcept>

#include "ostree/objects/glib.hh"

namespace osb::test {
namespace {

using ostree::GErrorSlot;
using ostree::GHashTablePtr;
using ostree::GObjectPtr;
using ostree::GStringPtr;
using ostree::GVariantPtr;
using ostree::take;

GObjectPtr<OstreeRepo> open_repo(const std::string& path) {
    const GObjectPtr<GFile> file(g_file_new_for_path(path.c_str()));
    GObjectPtr<OstreeRepo> repo(ostree_repo_new(file.get()));
    GErrorSlot error;
    error.check(ostree_repo_open(repo.get(), nullptr, error.out()) != 0, "open");
    return repo;
}

std::string resolve_rev(OstreeRepo* repo, const std::string& rev) {
    char* checksum = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_resolve_rev(repo, rev.c_str(), FALSE, &checksum, error.out()) != 0, "resolve");
    const GStringPtr owned(checksum);
    return checksum;
}

std::string read_stream(GInputStream* stream) {
    std::string out;
    char buffer[4096];
    GErrorSlot error;
    for (;;) {
        const gssize n = g_input_stream_read(stream, buffer, sizeof buffer, nullptr, error.out());
        if (n < 0) error.raise("read");
        if (n == 0) return out;
        out.append(buffer, static_cast<std::size_t>(n));
    }
}

void set_xattrs(GVariant* xattrs, Listed& out) {
    const gsize n = g_variant_n_children(xattrs);
    for (gsize i = 0; i < n; ++i) {
        const GVariantPtr pair = take(g_variant_get_child_value(xattrs, i));
        const GVariantPtr name = take(g_variant_get_child_value(pair.get(), 0));
        const GVariantPtr value = take(g_variant_get_child_value(pair.get(), 1));
        const char* const text = static_cast<const char*>(g_variant_get_data(name.get()));
        out.xattrs[text] = as_text(ostree::view_byte_array(value.get()));
    }
}

Listed list_file(OstreeRepo* repo, const std::string& checksum) {
    GInputStream* input = nullptr;
    GFileInfo* info = nullptr;
    GVariant* xattrs = nullptr;
    GErrorSlot error;
    error.check(
        ostree_repo_load_file(repo, checksum.c_str(), &input, &info, &xattrs, nullptr, error.out()) != 0,
        "load");
    const GObjectPtr<GInputStream> owned_input(input);
    const GObjectPtr<GFileInfo> owned_info(info);
    const GVariantPtr owned_xattrs(xattrs);
    Listed out;
    out.mode = g_file_info_get_attribute_uint32(info, "unix::mode") & 07777U;
    out.uid = g_file_info_get_attribute_uint32(info, "unix::uid");
    out.gid = g_file_info_get_attribute_uint32(info, "unix::gid");
    const bool is_link = g_file_info_get_file_type(info) == G_FILE_TYPE_SYMBOLIC_LINK;
    out.type = is_link ? 'l' : 'f';
    out.content = is_link ? g_file_info_get_symlink_target(info) : read_stream(input);
    set_xattrs(xattrs, out);
    return out;
}

GVariantPtr load(OstreeRepo* repo, OstreeObjectType type, GVariant* checksum) {
    const GStringPtr hex(ostree_checksum_from_bytes_v(checksum));
    GVariant* variant = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_load_variant(repo, type, hex.get(), &variant, error.out()) != 0, "load metadata");
    return GVariantPtr(variant);
}

void list_directory(OstreeRepo* repo, GVariant* tree_checksum, GVariant* meta_checksum,
                    const std::string& path, Listing& out) {
    const GVariantPtr meta = load(repo, OSTREE_OBJECT_TYPE_DIR_META, meta_checksum);
    Listed& self = out[path.empty() ? "/" : path];
    self.type = 'd';
    g_variant_get_child(meta.get(), 0, "u", &self.uid);
    g_variant_get_child(meta.get(), 1, "u", &self.gid);
    g_variant_get_child(meta.get(), 2, "u", &self.mode);
    self.uid = GUINT32_FROM_BE(self.uid);
    self.gid = GUINT32_FROM_BE(self.gid);
    self.mode = GUINT32_FROM_BE(self.mode) & 07777U;
    set_xattrs(take(g_variant_get_child_value(meta.get(), 3)).get(), self);
    const GVariantPtr tree = load(repo, OSTREE_OBJECT_TYPE_DIR_TREE, tree_checksum);
    const GVariantPtr files = take(g_variant_get_child_value(tree.get(), 0));
    for (gsize i = 0; i < g_variant_n_children(files.get()); ++i) {
        const char* name = nullptr;
        GVariant* checksum = nullptr;
        g_variant_get_child(files.get(), i, "(&s@ay)", &name, &checksum);
        const GVariantPtr owned(checksum);
        const GStringPtr hex(ostree_checksum_from_bytes_v(checksum));
        out[path + '/' + name] = list_file(repo, hex.get());
    }
    const GVariantPtr directories = take(g_variant_get_child_value(tree.get(), 1));
    for (gsize i = 0; i < g_variant_n_children(directories.get()); ++i) {
        const char* name = nullptr;
        GVariant* subtree = nullptr;
        GVariant* submeta = nullptr;
        g_variant_get_child(directories.get(), i, "(&s@ay@ay)", &name, &subtree, &submeta);
        const GVariantPtr owned_tree(subtree);
        const GVariantPtr owned_meta(submeta);
        list_directory(repo, subtree, submeta, path + '/' + name, out);
    }
}

GVariantPtr load_commit(OstreeRepo* repo, const std::string& rev) {
    GVariant* commit = nullptr;
    GErrorSlot error;
    error.check(
        ostree_repo_load_commit(repo, resolve_rev(repo, rev).c_str(), &commit, nullptr, error.out()) != 0,
        "load commit");
    return GVariantPtr(commit);
}

}  // namespace

Listing list_commit(const std::string& repo_path, const std::string& rev) {
    const auto repo = open_repo(repo_path);
    const GVariantPtr commit = load_commit(repo.get(), rev);
    Listing out;
    list_directory(repo.get(), take(g_variant_get_child_value(commit.get(), 6)).get(),
                   take(g_variant_get_child_value(commit.get(), 7)).get(), "", out);
    return out;
}

std::string commit_string(const std::string& repo_path, const std::string& rev, const std::string& key) {
    const auto repo = open_repo(repo_path);
    const GVariantPtr commit = load_commit(repo.get(), rev);
    const GVariantPtr metadata = take(g_variant_get_child_value(commit.get(), 0));
    const GVariantPtr value(g_variant_lookup_value(metadata.get(), key.c_str(), G_VARIANT_TYPE_STRING));
    return value ? g_variant_get_string(value.get(), nullptr) : "";
}

std::size_t verify_all_objects(const std::string& repo_path) {
    const auto repo = open_repo(repo_path);
    GHashTable* objects = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_list_objects(repo.get(), OSTREE_REPO_LIST_OBJECTS_ALL, &objects, nullptr,
                                         error.out()) != 0,
                "list objects");
    const GHashTablePtr owned(objects);
    GHashTableIter iter;
    g_hash_table_iter_init(&iter, objects);
    void* key = nullptr;
    std::size_t count = 0;
    while (g_hash_table_iter_next(&iter, &key, nullptr) != 0) {
        const char* checksum = nullptr;
        OstreeObjectType type{};
        ostree_object_name_deserialize(static_cast<GVariant*>(key), &checksum, &type);
        error.check(ostree_repo_fsck_object(repo.get(), type, checksum, nullptr, error.out()) != 0, checksum);
        ++count;
    }
    return count;
}

}  // namespace osb::test
