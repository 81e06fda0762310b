#include "ostree/objects/summary.hh"

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "ostree/objects/interrupt_watch.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/repository_lock.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxSummary = 128UL * 1024 * 1024;  // libostree's limit, in bytes

// The refs and commits of a summary; nullopt if it is malformed.
std::optional<std::map<std::string, CommitId>> refs_in(std::string_view bytes) {
    std::map<std::string, CommitId> out;
    const GVariantPtr summary =
        variant_from_bytes(OSTREE_SUMMARY_GVARIANT_FORMAT, as_bytes(bytes), /*trusted=*/false);
    if (g_variant_is_normal_form(summary.get()) == FALSE) return std::nullopt;
    const GVariantPtr refs = take(g_variant_get_child_value(summary.get(), 0));
    for (gsize i = 0; i < g_variant_n_children(refs.get()); ++i) {
        const GVariantPtr entry = take(g_variant_get_child_value(refs.get(), i));
        const char* name = nullptr;
        g_variant_get_child(entry.get(), 0, "&s", &name);
        const GVariantPtr target = take(g_variant_get_child_value(entry.get(), 1));
        const GVariantPtr checksum = take(g_variant_get_child_value(target.get(), 1));
        const auto commit = CommitId::try_parse(to_hex(view_byte_array(checksum.get())));
        if (!commit) return std::nullopt;
        out.emplace(name, *commit);
    }
    return out;
}

bool has_file(OstreeRepo* repo, const char* name) {
    return ::faccessat(ostree_repo_get_dfd(repo), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

std::map<std::string, CommitId> local_refs(const Repository& repository) {
    GHashTable* table = nullptr;
    GErrorSlot error;
    const auto flags = static_cast<OstreeRepoListRefsExtFlags>(
        static_cast<unsigned>(OSTREE_REPO_LIST_REFS_EXT_EXCLUDE_REMOTES) |
        static_cast<unsigned>(OSTREE_REPO_LIST_REFS_EXT_EXCLUDE_MIRRORS));
    error.check(ostree_repo_list_refs_ext(repository.handle().repo.get(), nullptr, &table, flags, nullptr,
                                          error.out()) != 0,
                "cannot list the repository's refs");
    const GHashTablePtr owned(table);
    std::map<std::string, CommitId> out;
    GHashTableIter iter;
    g_hash_table_iter_init(&iter, table);
    void* key = nullptr;
    void* value = nullptr;
    while (g_hash_table_iter_next(&iter, &key, &value) != 0)
        out.emplace(static_cast<const char*>(key), CommitId::parse(static_cast<const char*>(value)));
    return out;
}

bool is_summary_current(const Repository& repository) {
    OstreeRepo* const repo = repository.handle().repo.get();
    if (!has_file(repo, "summary")) return false;
    return refs_in(read_regular_file(ostree_repo_get_dfd(repo), "summary", kMaxSummary)) ==
           local_refs(repository);
}

void rewrite_summary(const Repository& repository) {
    OstreeRepo* const repo = repository.handle().repo.get();
    if (has_file(repo, "summary.sig")) {
        log_warning(concat("the signature of the summary of ", quoted(repository.path()),
                           " is no longer valid and is removed; sign it again with 'ostree summary'"));
    }
    const Fd lock = wait_for_lock(repository, RepositoryLock::shared);
    GErrorSlot error;
    InterruptWatch watch;
    const bool done = ostree_repo_regenerate_summary(repo, nullptr, watch.cancellable(), error.out()) != 0;
    watch.finish();
    error.check(done, concat("cannot write the summary of ", quoted(repository.path())));
    if (ostree_repo_get_disable_fsync(repo) == FALSE && ::fsync(ostree_repo_get_dfd(repo)) != 0)
        throw_errno(concat("cannot sync ", quoted(repository.path())));
}

void update_summary(const Repository& repository) {
    // Programs that do not use our lock may write a summary between our reading of the refs and our rename.
    constexpr int kAttempts = 5;
    for (int attempt = 0; attempt < kAttempts && !is_summary_current(repository); ++attempt)
        rewrite_summary(repository);
}

std::string make_summary(const RefName& ref, const CommitId& id, const std::string& commit_object) {
    const GVariantPtr variant =
        variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, as_bytes(commit_object), false);
    GVariantBuilder facts;
    g_variant_builder_init(&facts, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(
        &facts, "{sv}", "ostree.commit.timestamp",
        g_variant_new_uint64(GUINT64_TO_BE(guint64{ostree_commit_get_timestamp(variant.get())})));
    GVariantBuilder refs;
    g_variant_builder_init(&refs, G_VARIANT_TYPE("a(s(taya{sv}))"));
    g_variant_builder_add(&refs, "(s(t@ay@a{sv}))", ref.c_str(), guint64{commit_object.size()},
                          byte_array(id.checksum()), g_variant_builder_end(&facts));
    GVariantBuilder metadata;
    g_variant_builder_init(&metadata, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&metadata, "{sv}", "ostree.summary.mode", g_variant_new_string("archive-z2"));
    const GVariantPtr summary = take(g_variant_new("(@a(s(taya{sv}))@a{sv})", g_variant_builder_end(&refs),
                                                   g_variant_builder_end(&metadata)));
    return std::string(as_text(bytes_of(summary.get())));
}

}  // namespace osb::ostree
