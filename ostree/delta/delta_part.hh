// The instructions of a part of a static delta (OSTREE_STATIC_DELTA_PART_PAYLOAD_FORMAT_V0 in libostree's
// ostree-repo-static-delta-private.h): each object is made of pieces of the part's payload and of objects
// that exist already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hh"
#include "base/hash.hh"
#include "ostree/objects/object_format.hh"

namespace osb::ostree {

// Where a piece of an object's content comes from.
enum class PieceSource {
    payload,  // bytes of the payload
    object,   // bytes of the existing object `base`
    patch,    // the whole content: the existing object `base`, changed by a patch in the payload (bspatch.hh)
};

struct DeltaPiece {
    PieceSource source = PieceSource::payload;
    std::uint64_t offset = 0;  // in the payload, or for `object` in that object
    std::uint64_t length = 0;  // of the piece; for `patch` of the patch
    Sha256 base{};
};

// An object as the instructions describe it. Views refer to the part.
struct DeltaObject {
    ByteView metadata;  // of a dirtree, dirmeta or commit object: its bytes
    // Of a content object:
    FileMeta meta;
    std::uint64_t size = 0;  // of the content in bytes; for a symbolic link of its target
    std::vector<DeltaPiece> pieces;
};

// Reads the instructions of one part. Not thread-safe.
class DeltaPartReader {
  public:
    // `bytes`: the part, decompressed; borrowed, and so are the views in the results. Throws Error{invalid}
    // for malformed bytes.
    explicit DeltaPartReader(ByteView bytes);
    DeltaPartReader(const DeltaPartReader&) = delete;
    DeltaPartReader& operator=(const DeltaPartReader&) = delete;
    ~DeltaPartReader();

    // The next object, which is of this type; nullopt after the last one. Offsets and lengths lie in the
    // payload, pieces are not empty and add up to the size, at most one existing object is used, and modes
    // and attributes are those of a file. Offsets into the existing object are not checked. Throws
    // Error{invalid}.
    std::optional<DeltaObject> next(ObjectType type);

    ByteView payload() const noexcept { return payload_; }

  private:
    struct Tables;
    std::uint8_t next_byte();
    std::uint64_t next_number();
    ByteView payload_range(std::uint64_t offset, std::uint64_t length) const;
    DeltaObject read_whole(ObjectType type);
    DeltaObject read_pieces();
    bool change_base(std::uint8_t code);
    FileMeta next_meta();
    Sha256 next_base();

    std::unique_ptr<Tables> tables_;
    ByteView payload_;
    ByteView instructions_;
    std::optional<Sha256> base_;  // of the following pieces
    std::size_t pieces_ = 0;
};

}  // namespace osb::ostree
