// Commit objects: read, and made. Internal to this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/tree_writer.hh"

namespace osb::ostree {

// The object of this commit; nullptr when the repository holds it only in part. Throws Error{not_found}
// when it is not there at all.
GVariantPtr load_commit(const Repository& repository, const CommitId& commit);

// Its a{sv}.
GVariantPtr metadata_of(GVariant* commit_object);

// Nothing when it has no parent.
std::optional<CommitId> parent_of(GVariant* commit_object);

struct CommitFields {
    GVariant* metadata = nullptr;  // a{sv}, borrowed
    std::optional<CommitId> parent;
    std::string subject;
    std::uint64_t time = 0;  // seconds since 1970
    WrittenTree root;
};

GVariantPtr make_commit(const CommitFields& fields);

}  // namespace osb::ostree
