#include "ostree/export/layer_export.hh"

#include <map>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "ostree/export/encapsulated_tar.hh"
#include "ostree/export/kept_blob.hh"
#include "ostree/export/plain_tar.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {
namespace {

class NullSink final : public Sink {
  public:
    void write(ByteView /*bytes*/) override {}
};

// Reports the bytes that pass. A retry reports only the bytes beyond those of the first try.
class CountingSink final : public Sink {
  public:
    CountingSink(Sink& inner, Progress& progress, std::uint64_t& counted)
        : inner_(inner), progress_(progress), counted_(counted) {}
    void write(ByteView bytes) override {
        inner_.write(bytes);
        done_ += bytes.size();
        if (done_ <= counted_) return;
        progress_.advance(done_ - counted_);
        counted_ = done_;
    }

  private:
    Sink& inner_;
    Progress& progress_;
    std::uint64_t& counted_;
    std::uint64_t done_ = 0;
};

void keep_components_alone(std::map<std::string, std::string>& annotations) {
    std::erase_if(annotations,
                  [](const auto& annotation) { return annotation.first != kComponentsAnnotation; });
}

std::string components_text(const PlannedLayer& layer) {
    std::string out;
    for (const std::string& name : layer.components) out += (out.empty() ? "" : ",") + name;
    return out;
}

// Errors of a blob that is not what its descriptor says. Others end the export.
bool is_damage(ErrorKind kind) {
    return kind == ErrorKind::digest_mismatch || kind == ErrorKind::not_found || kind == ErrorKind::invalid;
}

void warn_of_previous(const KeptLayer& kept, const std::string& why) {
    log_warning(concat("layer ", kept.index + 1, " of the previous image, ",
                       kept.descriptor.digest.short_string(), ", is written again: ", why));
}

}  // namespace

LayerExport::LayerExport(const Repository& repository, const CommitWalk& walk,
                         const std::vector<PlannedLayer>& plan, oci::ImageSink& sink,
                         const ExportOptions& options, Progress& progress)
    : repository_(repository),
      walk_(walk),
      plan_(plan),
      sink_(sink),
      options_(options),
      progress_(progress),
      record_(repository, options.compression),
      contents_(repository),
      first_(record_.empty()) {
    const bool is_plain = options.format == ImageFormat::plain;
    if (is_plain || !options.previous || !options.copies_blobs || !options.reuses_frames) return;
    if (options.compression.kind != oci::LayerFormat::Kind::zstd_chunked) return;
    frames_ = std::make_unique<PreviousFrames>(*options.previous, record_.blobs());
}

std::vector<oci::WrittenLayer> LayerExport::write_all() {
    std::vector<std::optional<oci::WrittenLayer>> written(plan_.size() + 1);
    progress_.begin("writing layers", std::nullopt);
    TaskPool pool(options_.jobs);
    for (std::size_t i = 0; i < written.size(); ++i) {
        pool.add_producer([this, i, &pool, &written] { written[i] = write_layer(i, pool); });
    }
    pool.run();
    std::vector<oci::WrittenLayer> out;
    out.reserve(written.size());
    for (std::optional<oci::WrittenLayer>& layer : written) out.push_back(std::move(layer.value()));
    return out;
}

oci::WrittenLayer LayerExport::write_layer(std::size_t index, TaskPool& pool) const {
    if (index > 0 && plan_[index - 1].kept) {
        if (auto kept = take_over(plan_[index - 1])) return std::move(*kept);
    }
    const Sha256 inputs = recipe(index);
    std::optional<oci::WrittenLayer> layer = record_.find(inputs);
    if (layer && !is_there(*layer)) layer.reset();
    const bool known = layer.has_value();
    // Another repository, or the original of this copy, may have sent the layer already. So it is worthwhile
    // to generate the layer first for its digest.
    if (!layer && first_ && sink_.may_have_blobs()) {
        NullSink nowhere;
        layer = with_frames([&] { return make_layer(index, nowhere, pool); });
        if (!is_there(*layer)) layer.reset();
    }
    if (!known) {
        if (!layer) layer = upload_layer(index, pool);
        record_.save(inputs, *layer);
    }
    if (index > 0 && options_.format == ImageFormat::encapsulated)
        contents_.save(*layer, options_.compression, walk_, plan_[index - 1].files);
    if (index > 0) layer->descriptor.annotations[kComponentsAnnotation] = components_text(plan_[index - 1]);
    return std::move(*layer);
}

std::optional<oci::WrittenLayer> LayerExport::take_over(const PlannedLayer& layer) const {
    const KeptLayer& kept = layer.kept.value();
    oci::WrittenLayer out{.descriptor = kept.descriptor, .diff_id = kept.diff_id};
    // Such annotations give the position of a table of contents, from which podman could show other files.
    if (!kept.is_verified) keep_components_alone(out.descriptor.annotations);
    // podman drops the annotation when it adds layers.
    out.descriptor.annotations.try_emplace(kComponentsAnnotation, components_text(layer));
    const bool present = is_there(out);
    if (present && kept.is_verified) return out;
    try {
        if (copy_layer(kept, present)) return out;
        warn_of_previous(kept, "it does not match its config");
    } catch (const Error& error) {
        if (!is_damage(error.kind())) throw;
        warn_of_previous(kept, error.what());
    }
    return std::nullopt;
}

// Copies a layer of the previous image, which may be untrue, to the target. Returns false if its content is
// not the layer.
bool LayerExport::copy_layer(const KeptLayer& kept, bool is_present) const {
    // The target has a blob with that digest, but only its bytes prove that it is this layer.
    const auto upload = is_present ? nullptr : sink_.start_blob(kept.descriptor.size);
    NullSink nowhere;
    std::uint64_t counted = is_present ? kept.descriptor.size : 0;
    CountingSink counting(is_present ? static_cast<Sink&>(nowhere) : *upload, progress_, counted);
    if (!copy_kept_blob(*options_.previous->source, kept, counting)) return false;
    if (upload) upload->finish(kept.descriptor.digest);
    return true;
}

bool LayerExport::is_there(const oci::WrittenLayer& layer) const {
    if (!sink_.has_blob(layer.descriptor)) return false;
    progress_.advance(layer.descriptor.size);
    return true;
}

// Generates and writes a layer, and retries if the target lost the upload.
oci::WrittenLayer LayerExport::upload_layer(std::size_t index, TaskPool& pool) const {
    std::uint64_t counted = 0;
    const auto attempt = [&] {
        const auto upload = sink_.start_blob(std::nullopt);
        CountingSink counting(*upload, progress_, counted);
        oci::WrittenLayer written = make_layer(index, counting, pool);
        upload->finish(written.descriptor.digest);
        return written;
    };
    return oci::repeat_lost_upload("the layer", [&] { return with_frames(attempt); });
}

// Writes a layer again, without frames of the previous image, if they are damaged. Other layers that are
// being written end in the same error or correctly.
template<typename Attempt>
oci::WrittenLayer LayerExport::with_frames(const Attempt& attempt) const {
    try {
        return attempt();
    } catch (const UnusableFrames& error) {
        log_warning(concat("frames of the previous image are damaged, its files are compressed again: ",
                           error.what()));
        frames_->disable();
    }
    return attempt();
}

oci::WrittenLayer LayerExport::make_layer(std::size_t index, Sink& target, TaskPool& pool) const {
    const auto writer = oci::make_layer_writer(target, options_.compression, &pool);
    if (options_.format == ImageFormat::plain) {
        write_plain(index, writer->tar());
    } else {
        write_encapsulated(index, *writer);
    }
    return writer->finish();
}

void LayerExport::write_encapsulated(std::size_t index, oci::LayerWriter& writer) const {
    oci::TarWriter& tar = writer.tar();
    std::optional<PreviousReader> previous;
    if (frames_ && writer.ready_frames() != nullptr) previous.emplace(*frames_, *writer.ready_frames());
    EncapsulatedTar encapsulated(repository_, walk_, previous ? &*previous : nullptr);
    if (index == 0) {
        encapsulated.write_commit(tar);
        return;
    }
    encapsulated.write_repository(tar);
    for (const WalkedFile* file : plan_[index - 1].files) encapsulated.write_file(tar, *file);
}

void LayerExport::write_plain(std::size_t index, oci::TarWriter& tar) const {
    PlainTar plain(repository_, walk_);
    if (index == 0) {
        plain.write_directories(tar);
        return;
    }
    for (const WalkedFile* file : plan_[index - 1].files) plain.write_file(tar, *file);
}

Sha256 LayerExport::recipe(std::size_t index) const {
    const bool plain = options_.format == ImageFormat::plain;
    LayerRecipe out(plain ? "plain" : "encapsulated", options_.compression);
    // The layer of a file also has its parent directories, with the modes of the commit.
    out.add_directories(walk_.directories);
    if (index > 0) {
        out.add_files(plan_[index - 1].files);
    } else if (!plain) {
        out.add(walk_.commit.value().text());
        out.add(read_detached_metadata(repository_, *walk_.commit));
    }
    return out.finish();
}

}  // namespace osb::ostree
