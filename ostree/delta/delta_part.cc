#include "ostree/delta/delta_part.hh"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "ostree/delta/malformed_delta.hh"
#include "ostree/objects/glib.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

// Limits of one part. libostree makes parts of 16 MB, and matches blocks of some kilobytes.
constexpr gsize kMaxModes = 65'536;
constexpr gsize kMaxAttributes = 65'536;
constexpr std::size_t kMaxPieces = 1'000'000;

constexpr const char* kPartFormat = "(a(uuu)aa(ayay)ayay)";

enum Instruction : std::uint8_t {
    whole = 'S',       // an object whose bytes are in the payload
    open = 'o',        // starts an object of pieces
    write = 'w',       // a piece of the payload, or of the base if one is set
    set_base = 'r',    // the following pieces are those of an existing object
    unset_base = 'R',  // the following pieces are those of the payload
    close = 'c',       // ends the object
    patch = 'B',       // the whole content, by a patch of the base
};

ByteView bytes_of_child(GVariant* variant, gsize index) {
    const GVariantPtr child = take(g_variant_get_child_value(variant, index));
    return bytes_of(child.get());
}

}  // namespace

// The modes and attributes that instructions refer to by their index.
struct DeltaPartReader::Tables {
    GVariantPtr part;
    std::vector<FileMeta> modes;
    std::vector<XattrBytes> xattrs;
};

DeltaPartReader::DeltaPartReader(ByteView bytes) : tables_(std::make_unique<Tables>()) {
    // GLib borrows the bytes; the views below refer to them, because nothing is copied out of a byte array.
    tables_->part = take(g_variant_new_from_data(G_VARIANT_TYPE(kPartFormat), bytes.data(), bytes.size(),
                                                 FALSE, nullptr, nullptr));
    GVariant* const part = tables_->part.get();
    const GVariantPtr modes = take(g_variant_get_child_value(part, 0));
    const GVariantPtr xattrs = take(g_variant_get_child_value(part, 1));
    if (g_variant_n_children(modes.get()) > kMaxModes || g_variant_n_children(xattrs.get()) > kMaxAttributes)
        fail_delta("too many modes or attributes in a part");
    for (gsize i = 0; i < g_variant_n_children(modes.get()); ++i) {
        guint32 uid = 0;
        guint32 gid = 0;
        guint32 mode = 0;
        g_variant_get_child(modes.get(), i, "(uuu)", &uid, &gid, &mode);
        tables_->modes.push_back({.uid = GUINT32_FROM_BE(uid),
                                  .gid = GUINT32_FROM_BE(gid),
                                  .mode = GUINT32_FROM_BE(mode),
                                  .xattrs = {}});
    }
    for (gsize i = 0; i < g_variant_n_children(xattrs.get()); ++i) {
        tables_->xattrs.emplace_back(as_text(bytes_of_child(xattrs.get(), i)));
        check_xattrs(tables_->xattrs.back());
    }
    payload_ = bytes_of_child(part, 2);
    instructions_ = bytes_of_child(part, 3);
}

DeltaPartReader::~DeltaPartReader() = default;

std::uint8_t DeltaPartReader::next_byte() {
    if (instructions_.empty()) fail_delta("its instructions end too early");
    const std::uint8_t out = instructions_.front();
    instructions_ = instructions_.subspan(1);
    return out;
}

// Seven bits in a byte, the lowest first; the highest bit of a byte says that another one follows.
std::uint64_t DeltaPartReader::next_number() {
    constexpr unsigned kBits = 7;
    constexpr unsigned kMaxShift = 63;
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift <= kMaxShift; shift += kBits) {
        const std::uint8_t byte = next_byte();
        out |= std::uint64_t{byte & 0x7fU} << shift;
        if ((byte & 0x80U) == 0) return out;
    }
    fail_delta("a number that is too long");
}

ByteView DeltaPartReader::payload_range(std::uint64_t offset, std::uint64_t length) const {
    if (offset > payload_.size() || length > payload_.size() - offset)
        fail_delta("a range outside the payload");
    return payload_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
}

FileMeta DeltaPartReader::next_meta() {
    const std::uint64_t mode = next_number();
    const std::uint64_t xattrs = next_number();
    if (mode >= tables_->modes.size() || xattrs >= tables_->xattrs.size())
        fail_delta("a mode or attributes that it does not have");
    FileMeta out = tables_->modes[static_cast<std::size_t>(mode)];
    out.xattrs = tables_->xattrs[static_cast<std::size_t>(xattrs)];
    if (!S_ISREG(out.mode) && !S_ISLNK(out.mode))
        fail_delta("a file that is neither regular nor a symbolic link");
    return out;
}

Sha256 DeltaPartReader::next_base() {
    Sha256 out{};
    const ByteView bytes = payload_range(next_number(), out.size());
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
}

std::optional<DeltaObject> DeltaPartReader::next(ObjectType type) {
    while (!instructions_.empty()) {
        const std::uint8_t code = next_byte();
        if (code == Instruction::whole) return read_whole(type);
        if (code == Instruction::open) {
            if (type != ObjectType::file) fail_delta("a directory that is made of pieces");
            return read_pieces();
        }
        if (!change_base(code)) fail_delta("an unexpected instruction outside an object");
    }
    return std::nullopt;
}

// Bases are set and unset inside objects and between them.
bool DeltaPartReader::change_base(std::uint8_t code) {
    if (code == Instruction::set_base) {
        base_ = next_base();
    } else if (code == Instruction::unset_base) {
        base_.reset();
    } else {
        return false;
    }
    return true;
}

// The order of offset and length differs between the two kinds.
DeltaObject DeltaPartReader::read_whole(ObjectType type) {
    DeltaObject out;
    if (type != ObjectType::file) {
        const std::uint64_t length = next_number();
        out.metadata = payload_range(next_number(), length);
        return out;
    }
    out.meta = next_meta();
    out.size = next_number();
    const std::uint64_t offset = next_number();
    payload_range(offset, out.size);
    out.pieces = {{.source = PieceSource::payload, .offset = offset, .length = out.size}};
    return out;
}

DeltaObject DeltaPartReader::read_pieces() {
    DeltaObject out;
    out.meta = next_meta();
    out.size = next_number();
    if (!S_ISREG(out.meta.mode)) fail_delta("a symbolic link that is made of pieces");
    std::uint64_t made = 0;
    std::optional<Sha256> out_base;
    for (std::uint8_t code = next_byte(); code != Instruction::close; code = next_byte()) {
        if (change_base(code)) continue;
        if (code == Instruction::write) {
            const std::uint64_t length = next_number();
            const std::uint64_t offset = next_number();
            if (!base_) payload_range(offset, length);
            if (length == 0) fail_delta("an empty piece");
            if (length > out.size - made) fail_delta("an object that is longer than it says");
            if (base_ && out_base && *out_base != *base_) fail_delta("an object of several bases");
            if (base_) out_base = base_;
            if (++pieces_ > kMaxPieces) fail_delta("too many pieces in a part");
            made += length;
            out.pieces.push_back({.source = base_ ? PieceSource::object : PieceSource::payload,
                                  .offset = offset,
                                  .length = length,
                                  .base = base_.value_or(Sha256{})});
        } else if (code == Instruction::patch && base_ && out.pieces.empty() && out.size > 0) {
            const std::uint64_t offset = next_number();
            const std::uint64_t length = next_number();
            payload_range(offset, length);
            out.pieces.push_back(
                {.source = PieceSource::patch, .offset = offset, .length = length, .base = *base_});
            made = out.size;
        } else {
            fail_delta("an unexpected instruction inside an object");
        }
    }
    if (made != out.size) fail_delta("an object that is shorter than it says");
    base_.reset();
    return out;
}

}  // namespace osb::ostree
