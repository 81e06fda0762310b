// Commit objects: read, and made. Internal to this folder.
#pragma once

#include <cstdint>
#include <string>

#include "ostree/objects/glib.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/tree_writer.hh"

namespace osb::ostree {

// The commit with this checksum; nullptr when the repository holds it only in part. Throws Error{not_found}
// when it is not there at all.
GVariantPtr load_commit(const Repository& repository, const std::string& checksum);

// Its a{sv}.
GVariantPtr metadata_of(GVariant* commit);

// The checksum of its parent; "" for none.
std::string parent_of(GVariant* commit);

struct CommitFields {
    GVariant* metadata = nullptr;  // a{sv}, borrowed
    std::string parent;            // checksum; "" for none
    std::string subject;
    std::uint64_t time = 0;  // seconds since 1970
    WrittenTree root;
};

GVariantPtr make_commit(const CommitFields& fields);

}  // namespace osb::ostree
