#include "ostree/delta/delta_superblock.hh"

#include <algorithm>

#include "base/error.hh"
#include "ostree/delta/malformed_delta.hh"
#include "ostree/objects/glib.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

constexpr const char* kSuperblockFormat =
    "(a{sv}tayay"
    "(a{sv}aya(say)sstayay)"
    "aya(uayttay)a(yaytt))";
constexpr std::size_t kChecksum = 32;
constexpr std::size_t kTarget = 1 + kChecksum;

enum Member : gsize { metadata = 0, from = 2, to = 3, commit = 4, parts = 6, fallbacks = 7 };

GVariantPtr member_of(GVariant* variant, gsize index) {
    return take(g_variant_get_child_value(variant, index));
}

ObjectType object_type(std::uint8_t byte) {
    switch (byte) {
        case OSTREE_OBJECT_TYPE_FILE:
            return ObjectType::file;
        case OSTREE_OBJECT_TYPE_DIR_TREE:
            return ObjectType::dirtree;
        case OSTREE_OBJECT_TYPE_DIR_META:
            return ObjectType::dirmeta;
        case OSTREE_OBJECT_TYPE_COMMIT:
            return ObjectType::commit;
        default:
            fail_delta("an object of an unknown type");
    }
}

Sha256 to_checksum(ByteView bytes) {
    if (bytes.size() != kChecksum) fail_delta("a malformed checksum");
    Sha256 out{};
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
}

std::vector<DeltaTarget> parse_targets(ByteView bytes) {
    if (bytes.size() % kTarget != 0) fail_delta("a malformed list of objects");
    std::vector<DeltaTarget> out;
    out.reserve(bytes.size() / kTarget);
    for (std::size_t at = 0; at < bytes.size(); at += kTarget)
        out.push_back({object_type(bytes[at]), to_checksum(bytes.subspan(at + 1, kChecksum))});
    return out;
}

// The version is in the byte order of the machine that made the delta, and 0 in every known one.
DeltaPartInfo parse_part(GVariant* entry) {
    guint32 version = 0;
    g_variant_get_child(entry, 0, "u", &version);
    if (version != 0) throw Error(ErrorKind::unsupported, "static delta: a part of a newer version");
    const GVariantPtr checksum = member_of(entry, 1);
    const GVariantPtr targets = member_of(entry, 4);
    return {to_checksum(view_byte_array(checksum.get())), parse_targets(view_byte_array(targets.get()))};
}

std::string find_detached(GVariant* metadata, const std::optional<CommitId>& from, const CommitId& to) {
    const std::string key = concat(delta_directory(from, to), "/commitmeta");
    const GVariantPtr value(g_variant_lookup_value(metadata, key.c_str(), G_VARIANT_TYPE_VARDICT));
    return value ? std::string(as_text(bytes_of(value.get()))) : std::string();
}

}  // namespace

std::string delta_directory(const std::optional<CommitId>& from, const CommitId& to) {
    // Checksums in base64, with '_' for '/', split after two characters.
    const auto base64 = [](const CommitId& id) {
        char out[OSTREE_SHA256_STRING_LEN] = {};
        ostree_checksum_b64_inplace_from_bytes(id.checksum().data(), out);
        return std::string(out);
    };
    std::string name = from ? concat(base64(*from), '-', base64(to)) : base64(to);
    return concat("deltas/", name.substr(0, 2), '/', name.substr(2));
}

DeltaSuperblock parse_superblock(ByteView bytes) {
    if (bytes.size() > kMaxSuperblock)
        throw Error(ErrorKind::too_large, concat("static delta: a superblock of ", bytes.size(), " bytes"));
    const GVariantPtr block = variant_from_bytes(G_VARIANT_TYPE(kSuperblockFormat), bytes, /*trusted=*/false);
    if (g_variant_is_normal_form(block.get()) == FALSE) fail_delta("a malformed superblock");
    const GVariantPtr from_bytes = member_of(block.get(), Member::from);
    const GVariantPtr to_bytes = member_of(block.get(), Member::to);
    std::optional<CommitId> from;
    if (const ByteView view = view_byte_array(from_bytes.get()); !view.empty())
        from = CommitId(to_checksum(view));
    DeltaSuperblock out{.from = from, .to = CommitId(to_checksum(view_byte_array(to_bytes.get())))};
    const GVariantPtr commit = member_of(block.get(), Member::commit);
    out.commit_object = as_text(bytes_of(commit.get()));
    if (sha256(as_bytes(out.commit_object)) != out.to.checksum())
        throw Error(ErrorKind::digest_mismatch, "static delta: its commit object has another checksum");
    parse_commit(as_bytes(out.commit_object));
    const GVariantPtr metadata = member_of(block.get(), Member::metadata);
    out.detached = find_detached(metadata.get(), from, out.to);
    const GVariantPtr fallbacks = member_of(block.get(), Member::fallbacks);
    if (g_variant_n_children(fallbacks.get()) > 0)
        throw Error(ErrorKind::unsupported, "static delta: it needs loose objects as well");
    const GVariantPtr parts = member_of(block.get(), Member::parts);
    const gsize count = g_variant_n_children(parts.get());
    if (count > kMaxDeltaParts) throw Error(ErrorKind::too_large, concat("static delta: ", count, " parts"));
    for (gsize i = 0; i < count; ++i) out.parts.push_back(parse_part(member_of(parts.get(), i).get()));
    return out;
}

}  // namespace osb::ostree
