#include "ostree/export.hh"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "oci/manifest_writer.hh"
#include "ostree/apk_database.hh"
#include "ostree/commit.hh"
#include "ostree/encapsulated_tar.hh"
#include "ostree/layer_plan.hh"
#include "ostree/object_reader.hh"
#include "ostree/plain_tar.hh"
#include "ostree/repository_handle.hh"
#include "ostree/run_config.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxQueued = 16UL * 1024 * 1024;
constexpr std::size_t kMaxDatabase = 64UL * 1024 * 1024;
constexpr unsigned kMaxUploads = 3;  // of one layer

// What the commit says of itself.
struct Facts {
    std::string subject;
    std::string version;
    std::string kernel;
    std::optional<bool> bootable;
    std::int64_t time = 0;
    oci::Platform platform = oci::Platform::host();
    RunConfig run;
};

// The strings that an a{sv} has under `key`; none when there are none.
std::vector<std::string> lookup_strings(GVariant* dict, const char* key) {
    std::vector<std::string> out;
    const GVariantPtr value(g_variant_lookup_value(dict, key, G_VARIANT_TYPE_STRING_ARRAY));
    for (gsize i = 0; value && i < g_variant_n_children(value.get()); ++i) {
        const char* text = nullptr;
        g_variant_get_child(value.get(), i, "&s", &text);
        out.emplace_back(text);
    }
    return out;
}

Facts facts_of(GVariant* commit) {
    Facts out;
    const GVariantPtr metadata = metadata_of(commit);
    out.version = lookup_string(metadata.get(), "version");
    out.kernel = lookup_string(metadata.get(), "ostree.linux");
    gboolean bootable = FALSE;
    if (g_variant_lookup(metadata.get(), "ostree.bootable", "b", &bootable) != FALSE)
        out.bootable = bootable != FALSE;
    const char* subject = nullptr;
    g_variant_get_child(commit, 3, "&s", &subject);
    out.subject = subject;
    out.time = static_cast<std::int64_t>(ostree_commit_get_timestamp(commit));
    // A commit that was imported knows for which machine its image was.
    const std::string config = lookup_string(metadata.get(), "ostree.container.image-config");
    if (!config.empty()) {
        out.platform = oci::ImageConfig::parse(config).platform;
        out.run = parse_run_config(config);
    }
    if (std::vector<std::string> cmd = lookup_strings(metadata.get(), "ostree.container-cmd"); !cmd.empty())
        out.run.cmd = std::move(cmd);
    return out;
}

class NullSink final : public Sink {
  public:
    void write(ByteView /*bytes*/) override {}
};

// Reports the bytes that pass, those of a second try only where they go beyond the first.
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

class Export {
  public:
    Export(const Repository& repository, oci::ImageSink& sink, const ExportOptions& options,
           Progress& progress)
        : repository_(repository), sink_(sink), options_(options), progress_(progress) {}

    ExportResult run(const std::string& rev) {
        const std::optional<std::string> checksum = repository_.resolve(rev);
        if (!checksum)
            throw Error(ErrorKind::not_found, concat("the repository has no commit ", quoted(rev)));
        walk_ = walk_commit(repository_, *checksum);
        if (is_plain()) walk_ = plain_walk(walk_);
        facts_ = facts_of(load_commit(repository_, *checksum).get());
        plan_ = plan_layers(
            walk_, owners(), [this](const WalkedFile& file) { return stored_size(file); },
            options_.max_layers - 1, options_.previous);
        write_layers();
        return write_documents();
    }

  private:
    struct Layer {
        std::optional<oci::WrittenLayer> written;
        std::string name;
    };

    std::uint64_t stored_size(const WalkedFile& file) const {
        guint64 size = 0;
        GErrorSlot error;
        error.check(ostree_repo_query_object_storage_size(
                        repository_.handle().repo.get(), OSTREE_OBJECT_TYPE_FILE,
                        to_hex(file.checksum).c_str(), &size, nullptr, error.out()) != 0,
                    "cannot look up the size of an object");
        return size;
    }

    // From apk's database, which is part of the commit.
    Owners owners() const {
        for (const WalkedFile& file : walk_.files) {
            for (const char* path : {"usr/lib/apk/db/installed", "lib/apk/db/installed"}) {
                if (std::find(file.paths.begin(), file.paths.end(), path) == file.paths.end()) continue;
                const ContentObject object = open_object(repository_, file.checksum);
                if (object.content) return package_owners(read_all(*object.content, kMaxDatabase, path));
            }
        }
        return {};
    }

    void write_layers() {
        layers_.resize(plan_.size() + 1);
        progress_.begin("writing layers", std::nullopt);
        const unsigned jobs =
            options_.jobs != 0 ? options_.jobs : std::max(1U, std::thread::hardware_concurrency());
        TaskPool pool(jobs, kMaxQueued);
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            pool.add_producer([this, i, &pool] { write_layer(i, pool); });
        }
        pool.run();
    }

    oci::WrittenLayer make_layer(std::size_t index, Sink& target, TaskPool& pool) {
        const auto writer = oci::make_layer_writer(target, options_.compression, &pool);
        if (is_plain()) {
            write_plain(index, writer->tar());
        } else {
            write_encapsulated(index, writer->tar());
        }
        return writer->finish();
    }

    // Made and written; again where the target lost it on its way.
    oci::WrittenLayer upload_layer(std::size_t index, TaskPool& pool) {
        std::uint64_t counted = 0;
        for (unsigned tries = 1;; ++tries) {
            try {
                const auto upload = sink_.start_blob(std::nullopt);
                CountingSink counting(*upload, progress_, counted);
                oci::WrittenLayer written = make_layer(index, counting, pool);
                upload->finish(written.descriptor.digest);
                return written;
            } catch (const oci::UploadLost& error) {
                if (tries == kMaxUploads) throw;
                log_warning(concat(error.message(), "; the layer is sent again"));
            }
        }
    }

    void write_layer(std::size_t index, TaskPool& pool) {
        std::optional<oci::WrittenLayer> there;
        if (sink_.may_have_blobs()) {
            NullSink nowhere;
            there = make_layer(index, nowhere, pool);
            if (sink_.has_blob(there->descriptor)) {
                progress_.advance(there->descriptor.size);
            } else {
                there.reset();
            }
        }
        oci::WrittenLayer written = there ? std::move(*there) : upload_layer(index, pool);
        if (index > 0)
            written.descriptor.annotations[kComponentsAnnotation] = components_text(plan_[index - 1]);
        layers_[index].name = index > 0 ? layer_name(plan_[index - 1]) : commit_layer_name();
        layers_[index].written = std::move(written);
    }

    void write_encapsulated(std::size_t index, oci::TarWriter& tar) const {
        EncapsulatedTar encapsulated(repository_, walk_);
        if (index == 0) {
            encapsulated.write_commit(tar);
            return;
        }
        encapsulated.write_repository(tar);
        for (const WalkedFile* file : plan_[index - 1].files) encapsulated.write_file(tar, *file);
    }

    void write_plain(std::size_t index, oci::TarWriter& tar) const {
        PlainTar plain(repository_, walk_);
        if (index == 0) {
            plain.write_directories(tar);
            return;
        }
        for (const WalkedFile* file : plan_[index - 1].files) plain.write_file(tar, *file);
    }

    bool is_plain() const noexcept { return options_.format == ImageFormat::plain; }

    static std::string components_text(const PlannedLayer& layer) {
        std::string out;
        for (const std::string& name : layer.components) out += (out.empty() ? "" : ",") + name;
        return out;
    }

    static std::string layer_name(const PlannedLayer& layer) {
        constexpr std::size_t kNamed = 5;
        if (layer.components.size() > kNamed) return concat(layer.components.size(), " components");
        std::string out;
        for (const std::string& name : layer.components) out += (out.empty() ? "" : " and ") + name;
        return out;
    }

    std::string commit_layer_name() const {
        if (is_plain()) return "directories";
        return facts_.subject.empty() ? concat("ostree export of commit ", walk_.checksum) : facts_.subject;
    }

    std::map<std::string, std::string> labels() const {
        std::map<std::string, std::string> out;
        if (is_plain()) {
            out = facts_.run.labels;
        } else {
            out["ostree.commit"] = walk_.checksum;
            out["ostree.final-diffid"] = layers_.back().written->diff_id.to_string();
            if (facts_.bootable) out["ostree.bootable"] = *facts_.bootable ? "true" : "false";
            if (!facts_.kernel.empty()) out["ostree.linux"] = facts_.kernel;
        }
        if (facts_.bootable) out["containers.bootc"] = "1";
        if (!facts_.version.empty()) out["org.opencontainers.image.version"] = facts_.version;
        for (const auto& [key, value] : options_.labels) out[key] = value;
        return out;
    }

    void put_blob(const std::string& bytes) {
        const auto upload = sink_.start_blob(bytes.size());
        upload->write(as_bytes(bytes));
        upload->finish(oci::Digest::of(as_bytes(bytes)));
    }

    ExportResult write_documents() {
        oci::ConfigFields config{.platform = facts_.platform, .created = facts_.time, .labels = labels()};
        config.cmd = options_.cmd.empty() ? facts_.run.cmd : options_.cmd;
        config.environment = facts_.run.environment;
        config.working_directory = facts_.run.working_directory;
        config.user = facts_.run.user;
        // What is asked for is what runs.
        if (options_.cmd.empty()) config.entrypoint = facts_.run.entrypoint;
        std::vector<oci::Descriptor> descriptors;
        for (const Layer& layer : layers_) {
            config.diff_ids.push_back(layer.written->diff_id);
            config.history.push_back({.created = facts_.time, .created_by = layer.name});
            descriptors.push_back(layer.written->descriptor);
        }
        const std::string config_text = oci::write_config(config);
        put_blob(config_text);
        const std::string manifest = oci::write_manifest(oci::describe(oci::kMediaTypeConfig, config_text),
                                                         descriptors, config.labels);
        sink_.put_manifest(manifest, oci::kMediaTypeManifest);
        return {walk_.checksum, oci::Digest::of(as_bytes(manifest)), std::move(descriptors)};
    }

    const Repository& repository_;
    oci::ImageSink& sink_;
    const ExportOptions& options_;
    Progress& progress_;
    CommitWalk walk_;
    Facts facts_;
    std::vector<PlannedLayer> plan_;
    std::vector<Layer> layers_;
};

}  // namespace

ExportResult export_commit(const Repository& repository, const std::string& rev, oci::ImageSink& sink,
                           const ExportOptions& options, Progress& progress) {
    if (options.max_layers < 3) throw Error(ErrorKind::usage, "an image has at least 3 layers");
    return Export(repository, sink, options, progress).run(rev);
}

}  // namespace osb::ostree
