#include "ostree/tree/commit.hh"

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {

GVariantPtr load_commit(const Repository& repository, const CommitId& commit) {
    GVariant* commit_object = nullptr;
    OstreeRepoCommitState state{};
    GErrorSlot error;
    error.check(ostree_repo_load_commit(repository.handle().repo.get(), commit.c_str(), &commit_object,
                                        &state, error.out()) != 0,
                concat("cannot load the commit ", commit));
    GVariantPtr owned(commit_object);
    if ((static_cast<unsigned>(state) & OSTREE_REPO_COMMIT_STATE_PARTIAL) != 0) return nullptr;
    return owned;
}

GVariantPtr metadata_of(GVariant* commit_object) {
    return take(g_variant_get_child_value(commit_object, 0));
}

std::optional<CommitId> parent_of(GVariant* commit_object) {
    const GStringPtr parent(ostree_commit_get_parent(commit_object));
    return parent ? std::optional(CommitId::parse(parent.get())) : std::nullopt;
}

std::string subject_of(GVariant* commit_object) {
    constexpr gsize kSubject = 3;
    const char* out = nullptr;
    g_variant_get_child(commit_object, kSubject, "&s", &out);
    return out;
}

void check_subject(const std::string& subject) {
    if (is_utf8(subject) && subject.find('\0') == std::string::npos) return;
    throw Error(ErrorKind::usage, concat("the subject ", quoted(subject), " is not UTF-8"));
}

GVariantPtr make_commit(const CommitFields& fields) {
    const Sha256 parent = fields.parent ? fields.parent->checksum() : Sha256{};
    return take(g_variant_new("(@a{sv}@ay@a(say)sst@ay@ay)", fields.metadata,
                              byte_array(fields.parent ? ByteView(parent) : ByteView{}),
                              g_variant_new_array(G_VARIANT_TYPE("(say)"), nullptr, 0),
                              fields.subject.c_str(), "", guint64{GUINT64_TO_BE(fields.time)},
                              byte_array(fields.root.tree), byte_array(fields.root.meta)));
}

}  // namespace osb::ostree
