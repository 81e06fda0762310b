#include "ostree/push/delta_push.hh"

#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "oci/documents/manifest_writer.hh"
#include "oci/transports/image.hh"
#include "ostree/delta/delta_artifact.hh"
#include "ostree/delta/make_delta.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/image_tables.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/push/object_closure.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kUploadBuffer = 256UL * 1024;

oci::Descriptor describe_file(std::string_view media_type, const std::string& path) {
    const Fd file = open_regular(AT_FDCWD, path);
    const std::uint64_t size = file_size(file.get());
    FileRangeSource source(file.get(), 0, size, path);
    Hasher hasher;
    std::vector<std::uint8_t> buffer(kUploadBuffer);
    while (const std::size_t n = source.read(buffer)) hasher.update(ByteView(buffer).first(n));
    return {.media_type = std::string(media_type),
            .digest = oci::Digest::parse(concat("sha256:", hasher.finish_hex())),
            .size = size,
            .annotations = {},
            .platform = {},
            .artifact_type = {}};
}

void upload_once(oci::ImageSink& sink, const oci::Descriptor& blob, const std::string& path,
                 Progress& progress) {
    const Fd file = open_regular(AT_FDCWD, path);
    FileRangeSource source(file.get(), 0, blob.size, path);
    const std::unique_ptr<oci::BlobUpload> upload = sink.start_blob(blob.size);
    std::vector<std::uint8_t> buffer(kUploadBuffer);
    while (const std::size_t n = source.read(buffer)) {
        check_interrupt();
        upload->write(ByteView(buffer).first(n));
        progress.advance(n);
    }
    upload->finish(blob.digest);
}

void upload_file(oci::ImageSink& sink, const oci::Descriptor& blob, const std::string& path,
                 Progress& progress) {
    if (sink.has_blob(blob)) return progress.advance(blob.size);
    oci::repeat_lost_upload("the delta", [&] { upload_once(sink, blob, path, progress); });
}

class DeltaPush {
  public:
    DeltaPush(const Repository& repository, const oci::Reference& name, const oci::Digest& manifest,
              const registry::RegistryOptions& options, Progress& progress)
        : repository_(repository),
          name_(name.with_digest(manifest)),
          access_(options),
          progress_(progress),
          image_(oci::open_image(access_.open_source(name_, registry::Endpoints::destination), std::nullopt)),
          tables_(image_),
          known_(image_.source->referrers(manifest, std::string(kDeltaArtifactType))) {}

    PushedDelta push(const CommitId& from, const CommitId& to) {
        if (auto present = find_present(from, to)) return std::move(*present);
        progress_.begin(concat("making a delta from ", from.short_text()), std::nullopt);
        const DeltaFiles files = make_delta(repository_, from, to);
        DeltaArtifact delta = describe(files, from, to);
        delta.facts.size = parse_delta_facts(make_delta_artifact(delta, image()).annotations).size;
        PushedDelta out{.from = from, .digest = upload(files, delta)};
        out.size = delta.facts.size;
        out.objects_size = delta.facts.objects_size;
        if (out.size >= out.objects_size) {
            log_warning(concat("the delta from ", from.short_text(), " has ", out.size,
                               " bytes, and the objects that it replaces ", out.objects_size,
                               ": machines will fetch the objects"));
        }
        return out;
    }

    CommitId commit() const {
        const std::optional<CommitId> commit = promised_whole_commit(image_);
        if (!commit) throw Error(ErrorKind::internal, "a pushed image without a commit");
        return *commit;
    }

  private:
    oci::Descriptor image() const {
        return {.media_type = image_.manifest.media_type,
                .digest = image_.manifest.digest,
                .size = image_.manifest.raw.size(),
                .annotations = {},
                .platform = {},
                .artifact_type = {}};
    }

    // A list may name what is gone, or what is not a delta.
    std::optional<PushedDelta> find_present(const CommitId& from, const CommitId& to) const {
        for (const oci::Descriptor& entry : known_) {
            try {
                const DeltaFacts listed = parse_delta_facts(entry.annotations);
                if (listed.from != from || listed.to != to) continue;
                const DeltaFacts facts =
                    read_delta_artifact(*image_.source, entry, image_.manifest.digest).facts;
                return PushedDelta{.from = from,
                                   .digest = entry.digest,
                                   .size = facts.size,
                                   .objects_size = facts.objects_size,
                                   .was_there = true};
            } catch (const Error& error) {
                if (error.kind() == ErrorKind::unavailable) throw;
                log_debug(concat("a delta is passed over: ", error.message()));
            }
        }
        return std::nullopt;
    }

    DeltaArtifact describe(const DeltaFiles& files, const CommitId& from, const CommitId& to) {
        DeltaArtifact out{.facts = {.from = from, .to = to},
                          .superblock = describe_file(kDeltaSuperblockType, files.superblock_path()),
                          .parts = {}};
        for (std::size_t i = 0; i < files.content().parts.size(); ++i)
            out.parts.push_back(describe_file(kDeltaPartType, files.part_path(i)));
        out.facts.objects_size = size_of_objects(from);
        for (const DeltaPartInfo& part : files.content().parts) {
            for (const DeltaTarget& target : part.targets) {
                if (target.type == ObjectType::file)
                    out.facts.unpacked_size += read_object_header(repository_, target.checksum).size;
            }
        }
        return out;
    }

    // The bytes that a machine with only `from` fetches of the image, tables of contents included.
    std::uint64_t size_of_objects(const CommitId& from) {
        ObjectClosure closure(repository_);
        closure.add(read_complete_root(repository_, from));
        const auto is_missing = [&closure](const LayerObject& object) {
            const ObjectType type = object.name.suffix == "dirtree"   ? ObjectType::dirtree
                                    : object.name.suffix == "dirmeta" ? ObjectType::dirmeta
                                                                      : ObjectType::file;
            return object.name.suffix.starts_with("commit") ||
                   !closure.contains({parse_sha256(object.name.checksum), type});
        };
        std::uint64_t out = 0;
        for (std::size_t i = 0; i < image_.manifest.layers.size(); ++i) {
            const std::uint64_t before = tables_.bytes_read();
            const std::shared_ptr<const LayerObjects> objects = tables_.find(i);
            if (table_sizes_.size() == i) table_sizes_.push_back(tables_.bytes_read() - before);
            if (objects == nullptr) {
                out += image_.manifest.layers[i].size;
                continue;
            }
            const std::uint64_t bytes = plan_layer(*objects, is_missing).bytes;
            if (bytes > 0) out += bytes + table_sizes_[i];
        }
        return out;
    }

    oci::Digest upload(const DeltaFiles& files, const DeltaArtifact& delta) {
        const std::string manifest = make_delta_artifact(delta, image()).write();
        oci::Digest digest = oci::Digest::of(as_bytes(manifest));
        const std::shared_ptr<oci::ImageSink> sink = access_.open_sink(name_.with_digest(digest));
        progress_.begin("pushing the delta", delta.facts.size);
        upload_file(*sink, delta.superblock, files.superblock_path(), progress_);
        for (std::size_t i = 0; i < delta.parts.size(); ++i)
            upload_file(*sink, delta.parts[i], files.part_path(i), progress_);
        oci::put_blob(*sink, oci::describe(oci::kMediaTypeEmpty, std::string(oci::kEmptyConfig)),
                      as_bytes(oci::kEmptyConfig));
        sink->put_manifest(manifest, oci::kMediaTypeManifest);
        return digest;
    }

    const Repository& repository_;
    oci::Reference name_;
    registry::RegistryAccess access_;
    Progress& progress_;
    oci::Image image_;
    ImageTables tables_;
    std::vector<std::uint64_t> table_sizes_;
    std::vector<oci::Descriptor> known_;
};

}  // namespace

std::vector<PushedDelta> push_deltas(const Repository& repository, const oci::Reference& image,
                                     const oci::Digest& manifest, const std::vector<CommitId>& from,
                                     const registry::RegistryOptions& options, Progress& progress) {
    DeltaPush push(repository, image, manifest, options, progress);
    const CommitId to = push.commit();
    std::vector<PushedDelta> out;
    for (const CommitId& commit : from) {
        const bool is_known = std::any_of(out.begin(), out.end(),
                                          [&](const PushedDelta& delta) { return delta.from == commit; });
        if (commit == to || is_known) continue;
        out.push_back(with_context([&] { return concat("delta from ", commit.short_text()); },
                                   [&] { return push.push(commit, to); }));
    }
    return out;
}

}  // namespace osb::ostree
