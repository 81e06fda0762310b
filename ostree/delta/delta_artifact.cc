#include "ostree/delta/delta_artifact.hh"

#include <charconv>
#include <limits>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/transports/image.hh"
#include "ostree/delta/delta_superblock.hh"

namespace osb::ostree {
namespace {

constexpr const char* kFrom = "osb.delta.from";
constexpr const char* kTo = "osb.delta.to";
constexpr const char* kSize = "osb.delta.size";
constexpr const char* kObjectsSize = "osb.delta.objects-size";
constexpr const char* kUnpackedSize = "osb.delta.unpacked-size";

using Annotations = std::map<std::string, std::string>;

std::string text_of(const Annotations& annotations, const char* key) {
    const auto found = annotations.find(key);
    return found == annotations.end() ? std::string() : found->second;
}

CommitId commit_of(const Annotations& annotations, const char* key) {
    const std::string text = text_of(annotations, key);
    const std::optional<CommitId> commit = CommitId::try_parse(text);
    if (!commit) throw Error(ErrorKind::invalid, concat(key, ": ", quoted(text), " is not a commit"));
    return *commit;
}

std::uint64_t size_of(const Annotations& annotations, const char* key) {
    const std::string text = text_of(annotations, key);
    if (text.empty()) return 0;
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (error != std::errc() || end != text.data() + text.size() || out > kMax)
        throw Error(ErrorKind::invalid, concat(key, ": ", quoted(text), " is not a size"));
    return out;
}

std::uint64_t size_of_blobs(const DeltaArtifact& delta) {
    constexpr std::uint64_t kMax = std::uint64_t{1} << 62U;
    std::uint64_t out = delta.superblock.size;
    for (const oci::Descriptor& part : delta.parts) {
        if (part.size > kMax - out) throw Error(ErrorKind::too_large, "a delta of such a size");
        out += part.size;
    }
    return out;
}

}  // namespace

DeltaFacts parse_delta_facts(const Annotations& annotations) {
    return {.from = commit_of(annotations, kFrom),
            .to = commit_of(annotations, kTo),
            .size = size_of(annotations, kSize),
            .objects_size = size_of(annotations, kObjectsSize),
            .unpacked_size = size_of(annotations, kUnpackedSize)};
}

DeltaArtifact parse_delta_artifact(const oci::Artifact& artifact) {
    if (artifact.type != kDeltaArtifactType)
        throw Error(ErrorKind::invalid, concat("an artifact of type ", quoted(artifact.type), ", no delta"));
    if (artifact.layers.empty() || artifact.layers.front().media_type != kDeltaSuperblockType)
        throw Error(ErrorKind::invalid, "a delta without a superblock");
    DeltaArtifact out{.facts = parse_delta_facts(artifact.annotations),
                      .superblock = artifact.layers.front(),
                      .parts = {artifact.layers.begin() + 1, artifact.layers.end()}};
    for (const oci::Descriptor& part : out.parts) {
        if (part.media_type != kDeltaPartType)
            throw Error(ErrorKind::invalid,
                        concat("a part of a delta with the type ", quoted(part.media_type)));
    }
    if (out.superblock.size > kMaxSuperblock)
        throw Error(ErrorKind::too_large, concat("a superblock of ", out.superblock.size, " bytes"));
    if (size_of_blobs(out) != out.facts.size)
        throw Error(ErrorKind::invalid, "a delta whose blobs have another size than it states");
    return out;
}

DeltaArtifact read_delta_artifact(oci::ImageSource& source, const oci::Descriptor& entry,
                                  const oci::Digest& image) {
    const DeltaFacts listed = parse_delta_facts(entry.annotations);
    const oci::Artifact artifact =
        oci::Artifact::parse(oci::read_document(source, entry, "delta"), entry.media_type);
    if (!artifact.subject || artifact.subject->digest != image)
        throw Error(ErrorKind::invalid, "a delta of another image");
    DeltaArtifact out = parse_delta_artifact(artifact);
    if (out.facts.from != listed.from || out.facts.to != listed.to)
        throw Error(ErrorKind::invalid, "a delta between other commits than its entry names");
    return out;
}

oci::Artifact make_delta_artifact(const DeltaArtifact& delta, const oci::Descriptor& image) {
    if (delta.parts.size() > kMaxDeltaParts) {
        throw Error(ErrorKind::too_large,
                    concat("a delta of ", delta.parts.size(), " parts; readers accept ", kMaxDeltaParts));
    }
    oci::Artifact out{
        .type = std::string(kDeltaArtifactType), .layers = {delta.superblock}, .subject = image};
    out.layers.insert(out.layers.end(), delta.parts.begin(), delta.parts.end());
    out.annotations = {{kFrom, std::string(delta.facts.from.text())},
                       {kTo, std::string(delta.facts.to.text())},
                       {kSize, concat(size_of_blobs(delta))},
                       {kObjectsSize, concat(delta.facts.objects_size)},
                       {kUnpackedSize, concat(delta.facts.unpacked_size)}};
    return out;
}

}  // namespace osb::ostree
