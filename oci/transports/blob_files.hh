// Blobs as files: their path in a layout or an archive; and for a transport that stores an image in a
// directory, atomic writes and clean-up after killed writers. Private to this room.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hh"
#include "oci/transports/image_sink.hh"

namespace osb::oci {

// The path of a blob in an image layout: "blobs/sha256/<digits>".
std::string blob_path(const Digest& digest);
// Creates a directory of mode 0755. Idempotent. Throws Error naming it.
void make_directory(int parent, const std::string& name);
// Opens a directory that is not a symbolic link. Throws Error naming it.
Fd open_directory(int parent, const std::string& name);
// True if the directory has an entry of this name. Throws Error{io}.
bool has_entry(int directory, const char* name);
// The names of all entries, without "." and "..". Throws Error{io}.
std::vector<std::string> list_entries(int directory);
// Removes the temporary files of killed writers. A live writer holds a lock on its files.
void remove_leftovers(int directory);
// Writes a file, syncs it, and atomically gives it its name. Throws Error{io, no_space}.
void replace_synced(int directory, const std::string& name, std::string_view content);
// Hashes the first `size` bytes of an open file. Returns hexadecimal digits.
std::string hash_file(int fd, std::uint64_t size, HashAlgorithm algorithm);

// Starts a blob in a temporary file of `directory`. finish() checks the digest, syncs the file, and renames
// it to the name and directory that `place` returns. `directory` is borrowed: `place` must keep it open.
struct BlobPlace {
    Fd directory;
    std::string name;
};
std::unique_ptr<BlobUpload> start_blob_file(int directory, std::function<BlobPlace(const Digest&)> place);

// True if `path` in `directory` is a regular file with the size and the digest of the descriptor. Reads the
// file, because the right name and size do not prove its content.
bool holds_blob(int directory, const std::string& path, const Descriptor& descriptor);

}  // namespace osb::oci
