#include "tests/support/golden_commit.hh"

#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>
#include "base/hash.hh"
#include "ostree/objects/glib.hh"

namespace osb::test {
namespace {

using ostree::GErrorSlot;
using ostree::GObjectPtr;
using ostree::GStringPtr;
using ostree::GVariantPtr;
using ostree::take;

constexpr const char* kUsrLabel = "system_u:object_r:usr_t:s0";
constexpr const char* kBootLabel = "system_u:object_r:boot_t:s0";
constexpr std::uint64_t kTime = 872879442;
constexpr std::uint64_t kDay = 86400;

struct GoldenFile {
    const char* path;
    const char* content;  // of a link: the target
    std::uint32_t mode;   // 0: a link
    const char* capability = nullptr;
};

// The value of the capability is text, not what the kernel would take.
constexpr GoldenFile kFiles[] = {
    {"usr/lib/modules/5.10.18-200.x86_64/vmlinuz", "this-is-a-kernel", 0644},
    {"usr/lib/modules/5.10.18-200.x86_64/initramfs", "this-is-an-initramfs", 0644},
    {"usr/bin/bash", "the-bash-shell", 0755},
    {"usr/bin/sh", "bash", 0},
    {"usr/bin/arping", "arping-binary", 0755, "0sAAAAAgAgAAAAAAAAAAAAAAAAAAA="},
    {"usr/lib/emptyfile", "", 0644},
    {"usr/lib64/emptyfile2", "", 0644},
    {"usr/bin/hardlink-a", "testlink", 0644},
    {"usr/bin/hardlink-b", "testlink", 0644},
    {"usr/etc/someconfig.conf", "someconfig", 0644},
    {"usr/etc/polkit.conf", "a-polkit-config", 0644},
    {"usr/lib/sysimage/pkgdb", "some-package-database", 0644},
    {"usr/lib/pkgdb/pkgdb", "some-package-database", 0644},
    {"opt", "var/opt", 0},
};
constexpr GoldenFile kNewBash{"usr/bin/bash", "bash-v0", 0644};

GVariantPtr xattrs_of(const char* label, const char* capability) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ayay)"));
    const auto add = [&builder](const char* name, const char* value) {
        // Names end in NUL, values do not.
        const std::string_view text(name);
        g_variant_builder_add(&builder, "(@ay@ay)",
                              ostree::byte_array(as_bytes(std::string_view(name, text.size() + 1))),
                              ostree::byte_array(as_bytes(std::string_view(value))));
    };
    if (capability != nullptr) add("security.capability", capability);
    add("security.selinux", label);
    return take(g_variant_ref_sink(g_variant_builder_end(&builder)));
}

std::string write_directory_meta(OstreeRepo* repo, const char* label) {
    const GObjectPtr<GFileInfo> info(g_file_info_new());
    g_file_info_set_attribute_uint32(info.get(), "unix::uid", 0);
    g_file_info_set_attribute_uint32(info.get(), "unix::gid", 0);
    g_file_info_set_attribute_uint32(info.get(), "unix::mode", S_IFDIR | 0755);
    const GVariantPtr meta =
        take(ostree_create_directory_metadata(info.get(), xattrs_of(label, nullptr).get()));
    guchar* checksum = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_write_metadata(repo, OSTREE_OBJECT_TYPE_DIR_META, nullptr, meta.get(), &checksum,
                                           nullptr, error.out()) != 0,
                "write dirmeta");
    std::string out = to_hex({checksum, 32});
    g_free(checksum);
    return out;
}

std::string write_content(OstreeRepo* repo, const GoldenFile& file) {
    const GVariantPtr xattrs = xattrs_of(kUsrLabel, file.capability);
    const std::string_view content = file.content;
    GErrorSlot error;
    const GStringPtr checksum(
        file.mode == 0
            ? ostree_repo_write_symlink(repo, nullptr, 0, 0, xattrs.get(), file.content, nullptr, error.out())
            : ostree_repo_write_regfile_inline(repo, nullptr, 0, 0, S_IFREG | file.mode, xattrs.get(),
                                               reinterpret_cast<const guint8*>(content.data()),
                                               content.size(), nullptr, error.out()));
    error.check(checksum != nullptr, "write content");
    return checksum.get();
}

// The directory that `path` is in, made with all above it; its name without them.
std::pair<GObjectPtr<OstreeMutableTree>, std::string> parent_in(OstreeMutableTree* root,
                                                                const std::string& path,
                                                                const std::string& meta) {
    // Step by step: ostree_mutable_tree_ensure_parent_dirs() of 2022.7 leaks.
    const std::filesystem::path whole(path);
    GObjectPtr<OstreeMutableTree> parent(static_cast<OstreeMutableTree*>(g_object_ref(root)));
    const auto describe = [&meta](OstreeMutableTree* directory) {
        if (ostree_mutable_tree_get_metadata_checksum(directory) == nullptr)
            ostree_mutable_tree_set_metadata_checksum(directory, meta.c_str());
    };
    describe(root);
    for (const auto& part : whole.parent_path()) {
        OstreeMutableTree* child = nullptr;
        GErrorSlot error;
        error.check(ostree_mutable_tree_ensure_dir(parent.get(), part.c_str(), &child, error.out()) != 0,
                    "make a directory");
        parent.reset(child);
        describe(child);
    }
    return {std::move(parent), whole.filename().string()};
}

void put_file(OstreeRepo* repo, OstreeMutableTree* root, const GoldenFile& file, const std::string& meta) {
    const auto [parent, name] = parent_in(root, file.path, meta);
    GErrorSlot error;
    error.check(ostree_mutable_tree_replace_file(parent.get(), name.c_str(),
                                                 write_content(repo, file).c_str(), error.out()) != 0,
                "put a file");
}

void put_directory(OstreeMutableTree* root, const char* name, const std::string& meta) {
    OstreeMutableTree* directory = nullptr;
    GErrorSlot error;
    error.check(ostree_mutable_tree_ensure_dir(root, name, &directory, error.out()) != 0, "make a directory");
    const GObjectPtr<OstreeMutableTree> owned(directory);
    ostree_mutable_tree_set_metadata_checksum(directory, meta.c_str());
}

GVariantPtr commit_metadata() {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
    const auto add = [&builder](const char* key, GVariant* value) {
        g_variant_builder_add(&builder, "{sv}", key, value);
    };
    const char* const command[] = {"/usr/bin/bash"};
    add("buildsys.checksum",
        g_variant_new_string("41af286dc0b172ed2f1ca934fd2278de4a1192302ffa07087cea2682e7d372e3"));
    add("ostree.container-cmd", g_variant_new_strv(command, 1));
    add("version", g_variant_new_string("42.0"));
    add("ostree.bootable", g_variant_new_boolean(TRUE));
    return take(g_variant_ref_sink(g_variant_builder_end(&builder)));
}

std::string commit_tree(OstreeRepo* repo, OstreeMutableTree* root, const std::string& parent,
                        std::uint64_t time) {
    GFile* written = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_write_mtree(repo, root, &written, nullptr, error.out()) != 0, "write the tree");
    const GObjectPtr<GFile> owned(written);
    char* checksum = nullptr;
    error.check(
        ostree_repo_write_commit_with_time(repo, parent.empty() ? nullptr : parent.c_str(), nullptr, nullptr,
                                           commit_metadata().get(), OSTREE_REPO_FILE(written), time,
                                           &checksum, nullptr, error.out()) != 0,
        "write the commit");
    const GStringPtr owned_checksum(checksum);
    return checksum;
}

GObjectPtr<OstreeRepo> open_repo(const std::string& path, bool create) {
    const GObjectPtr<GFile> file(g_file_new_for_path(path.c_str()));
    GObjectPtr<OstreeRepo> repo(ostree_repo_new(file.get()));
    GErrorSlot error;
    const bool done =
        create ? ostree_repo_create(repo.get(), OSTREE_REPO_MODE_ARCHIVE, nullptr, error.out()) != 0
               : ostree_repo_open(repo.get(), nullptr, error.out()) != 0;
    error.check(done, "open");
    return repo;
}

void set_detached(OstreeRepo* repo, const std::string& commit) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&builder, "{sv}", "my-detached-key", g_variant_new_string("my-detached-value"));
    const GVariantPtr detached = take(g_variant_ref_sink(g_variant_builder_end(&builder)));
    GErrorSlot error;
    error.check(ostree_repo_write_commit_detached_metadata(repo, commit.c_str(), detached.get(), nullptr,
                                                           error.out()) != 0,
                "write detached metadata");
}

std::string content_checksum_of(OstreeRepo* repo, const std::string& commit) {
    GVariant* variant = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_load_commit(repo, commit.c_str(), &variant, nullptr, error.out()) != 0, "load");
    const GVariantPtr owned(variant);
    return GStringPtr(ostree_commit_get_content_checksum(variant)).get();
}

}  // namespace

GoldenCommits make_golden_repository(const std::string& path) {
    std::filesystem::create_directory(path);
    const auto repo = open_repo(path, true);
    GErrorSlot error;
    error.check(ostree_repo_prepare_transaction(repo.get(), nullptr, nullptr, error.out()) != 0, "begin");
    const std::string usr_meta = write_directory_meta(repo.get(), kUsrLabel);
    const GObjectPtr<OstreeMutableTree> root(ostree_mutable_tree_new());
    for (const GoldenFile& file : kFiles) put_file(repo.get(), root.get(), file, usr_meta);
    put_directory(root.get(), "boot", write_directory_meta(repo.get(), kBootLabel));
    put_directory(root.get(), "run", usr_meta);
    put_directory(root.get(), "tmp", usr_meta);
    GoldenCommits out;
    out.first = commit_tree(repo.get(), root.get(), "", kTime);
    put_file(repo.get(), root.get(), kNewBash, usr_meta);
    out.second = commit_tree(repo.get(), root.get(), out.first, kTime + kDay);
    ostree_repo_transaction_set_ref(repo.get(), nullptr, "golden", out.second.c_str());
    error.check(ostree_repo_commit_transaction(repo.get(), nullptr, nullptr, error.out()) != 0, "commit");
    set_detached(repo.get(), out.first);
    out.content_checksum = content_checksum_of(repo.get(), out.first);
    return out;
}

}  // namespace osb::test
