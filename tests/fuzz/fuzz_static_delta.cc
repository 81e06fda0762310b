// Static deltas. The first byte chooses: a superblock; the instructions of a part, decompressed, with the
// types of its objects; a part in xz; the annotations of an artifact's manifest.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hh"
#include "oci/codec/unxz.hh"
#include "ostree/delta/delta_artifact.hh"
#include "ostree/delta/delta_content.hh"
#include "ostree/delta/delta_part.hh"
#include "ostree/delta/delta_superblock.hh"

namespace {

using namespace osb;  // NOLINT(google-build-using-namespace): one file, which is a program

constexpr std::size_t kMaxRead = 1U << 20U;

void require(bool holds) {
    if (!holds) std::abort();
}

// What a source gives: at most `limit` bytes are read.
std::uint64_t count(Source& source, std::uint64_t limit) {
    std::vector<std::uint8_t> buffer(4096);
    std::uint64_t out = 0;
    while (out < limit) {
        const std::size_t n = source.read(buffer);
        if (n == 0) break;
        require(n <= buffer.size());
        out += n;
    }
    return out;
}

void check_object(const ostree::DeltaObject& object, ByteView payload) {
    std::uint64_t made = 0;
    for (const ostree::DeltaPiece& piece : object.pieces) {
        const bool in_payload = piece.source != ostree::PieceSource::object;
        require(!in_payload ||
                (piece.offset <= payload.size() && piece.length <= payload.size() - piece.offset));
        made += piece.source == ostree::PieceSource::patch ? object.size : piece.length;
    }
    require(made == object.size);
    const auto base = std::make_shared<const ostree::BaseObject>(std::string(1000, 'b'));
    try {
        const auto content = ostree::open_content(object, payload, [&](const Sha256&) { return base; });
        const std::uint64_t got = count(*content, kMaxRead);
        require(got == object.size || got >= kMaxRead);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): a wrong patch or range
    }
}

void read_part(ByteView bytes, std::uint8_t types) {
    ostree::DeltaPartReader reader(bytes);
    for (unsigned i = 0; i < 64; ++i) {
        const auto type = static_cast<ostree::ObjectType>((types >> (i % 4 * 2)) & 3U);
        const std::optional<ostree::DeltaObject> object = reader.next(type);
        if (!object) return;
        if (type == ostree::ObjectType::file) check_object(*object, reader.payload());
    }
}

void read_superblock(ByteView bytes) {
    const ostree::DeltaSuperblock block = ostree::parse_superblock(bytes);
    require(block.parts.size() <= ostree::kMaxDeltaParts);
    require(sha256(as_bytes(block.commit_object)) == block.to.checksum());
}

void read_artifact(std::string_view text) {
    const oci::Artifact artifact = oci::Artifact::parse(text, "");
    const ostree::DeltaArtifact delta = ostree::parse_delta_artifact(artifact);
    const oci::Artifact again = ostree::make_delta_artifact(delta, delta.superblock);
    require(ostree::parse_delta_artifact(oci::Artifact::parse(again.write(), "")).facts.to == delta.facts.to);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const ByteView rest(data + 2, size - 2);
    try {
        switch (data[0] % 4) {
            case 0:
                read_superblock(rest);
                break;
            case 1:
                read_part(rest, data[1]);
                break;
            case 2: {
                MemorySource source(rest);
                count(*oci::unxz(source), kMaxRead);
                break;
            }
            default:
                read_artifact(as_text(rest));
        }
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): refused input is what most of it is
    }
    return 0;
}
