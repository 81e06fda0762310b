#include "ostree/tree/directory_meta.hh"

#include "base/error.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {

DirectoryMeta read_directory_meta(const Repository& repository, const Sha256& checksum) {
    const std::string bytes = read_metadata(repository, ObjectType::dirmeta, checksum);
    return with_context([&] { return to_hex(checksum); }, [&] { return parse_dirmeta(as_bytes(bytes)); });
}

}  // namespace osb::ostree
