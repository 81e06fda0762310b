#include "ostree/tree/commit.hh"

#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {

GVariantPtr load_commit(const Repository& repository, const std::string& checksum) {
    GVariant* commit = nullptr;
    OstreeRepoCommitState state{};
    GErrorSlot error;
    error.check(ostree_repo_load_commit(repository.handle().repo.get(), checksum.c_str(), &commit, &state,
                                        error.out()) != 0,
                concat("cannot load the commit ", checksum));
    GVariantPtr owned(commit);
    if ((static_cast<unsigned>(state) & OSTREE_REPO_COMMIT_STATE_PARTIAL) != 0) return nullptr;
    return owned;
}

GVariantPtr metadata_of(GVariant* commit) {
    return take(g_variant_get_child_value(commit, 0));
}

std::string parent_of(GVariant* commit) {
    const GStringPtr parent(ostree_commit_get_parent(commit));
    return parent ? std::string(parent.get()) : std::string{};
}

GVariantPtr make_commit(const CommitFields& fields) {
    const Sha256 parent = fields.parent.empty() ? Sha256{} : parse_sha256(fields.parent);
    return take(g_variant_new("(@a{sv}@ay@a(say)sst@ay@ay)", fields.metadata,
                              byte_array(fields.parent.empty() ? ByteView{} : ByteView(parent)),
                              g_variant_new_array(G_VARIANT_TYPE("(say)"), nullptr, 0),
                              fields.subject.c_str(), "", guint64{GUINT64_TO_BE(fields.time)},
                              byte_array(fields.root.tree), byte_array(fields.root.meta)));
}

}  // namespace osb::ostree
