// Storing of dirtree and dirmeta objects that come from outside.
#pragma once

#include "base/bytes.hh"
#include "base/hash.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/object_writer.hh"

namespace osb::ostree {

// Throws Error{digest_mismatch} if an object's bytes have the checksum `actual` and not `expected`.
void check_checksum(const Sha256& expected, const Sha256& actual);

// Stores a dirtree or dirmeta object. Throws Error: digest_mismatch for other bytes than the checksum's;
// invalid for a malformed object; unsupported for a directory that the repository's mode cannot store.
// Thread-safe.
void store_directory_object(ObjectWriter& writer, ObjectType type, const Sha256& checksum, ByteView bytes);

}  // namespace osb::ostree
