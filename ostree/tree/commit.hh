// Reads and creates commit objects. Private to this module.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/tree_writer.hh"

namespace osb::ostree {

// The object of this commit; nullptr if the repository has the commit only partially. Throws Error{not_found}
// if it does not exist.
GVariantPtr load_commit(const Repository& repository, const CommitId& commit);

// The a{sv} with the commit's metadata.
GVariantPtr metadata_of(GVariant* commit_object);

// Returns nullopt if the commit has no parent.
std::optional<CommitId> parent_of(GVariant* commit_object);

// The subject of the commit.
std::string subject_of(GVariant* commit_object);

// The content of a new commit object.
struct CommitFields {
    GVariant* metadata = nullptr;  // a{sv}, borrowed
    std::optional<CommitId> parent;
    std::string subject;
    std::uint64_t time = 0;  // seconds since 1970
    WrittenTree root;
};

// Throws Error{usage} if a commit cannot have this subject: it is not UTF-8, or has a NUL.
void check_subject(const std::string& subject);

GVariantPtr make_commit(const CommitFields& fields);

}  // namespace osb::ostree
