#include "ostree/delta/make_delta.hh"

#include <fcntl.h>

#include "base/error.hh"
#include "base/state_file.hh"
#include "ostree/objects/interrupt_watch.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/commit.hh"

namespace osb::ostree {
namespace {

// bsdiff needs 17 bytes of memory for each byte of the old file, and compression of a part 370 MB. They do
// not run at once.
constexpr guint32 kMaxBsdiffSize = 40;  // of both versions together, in MB
constexpr guint32 kMaxPartSize = 16;    // in MB

void require_commit(const Repository& repository, const CommitId& commit) {
    if (load_commit(repository, commit) != nullptr) return;
    throw Error(ErrorKind::not_found, concat("the repository holds the commit ", commit, " only in part"))
        .hint("fetch the rest of the commit first");
}

// `file`: for the superblock, with the parts beside it; "" for deltas/.
void generate(const Repository& repository, const CommitId& from, const CommitId& to,
              const std::string& file) {
    require_commit(repository, from);
    require_commit(repository, to);
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    // No object is left out of the delta, however large it is.
    g_variant_builder_add(&builder, "{sv}", "min-fallback-size", g_variant_new_uint32(0));
    g_variant_builder_add(&builder, "{sv}", "max-bsdiff-size", g_variant_new_uint32(kMaxBsdiffSize));
    g_variant_builder_add(&builder, "{sv}", "max-chunk-size", g_variant_new_uint32(kMaxPartSize));
    if (!file.empty())
        g_variant_builder_add(&builder, "{sv}", "filename", g_variant_new_bytestring(file.c_str()));
    const GVariantPtr parameters = take(g_variant_builder_end(&builder));
    GErrorSlot error;
    InterruptWatch watch;
    const bool done =
        ostree_repo_static_delta_generate(repository.handle().repo.get(),
                                          OSTREE_STATIC_DELTA_GENERATE_OPT_MAJOR, from.c_str(), to.c_str(),
                                          nullptr, parameters.get(), watch.cancellable(), error.out()) != 0;
    watch.finish();
    error.check(done, concat("cannot make a delta from ", from.short_text(), " to ", to.short_text()));
}

}  // namespace

DeltaFiles make_delta(const Repository& repository, const CommitId& from, const CommitId& to) {
    auto directory = std::make_unique<ScratchDirectory>();
    const std::string file = concat(directory->path(), "/superblock");
    generate(repository, from, to, file);
    const std::string bytes = read_regular_file(AT_FDCWD, file, kMaxSuperblock);
    return {std::move(directory), parse_superblock(as_bytes(bytes))};
}

void make_delta_in_place(Repository& repository, const CommitId& from, const CommitId& to) {
    generate(repository, from, to, "");
}

}  // namespace osb::ostree
