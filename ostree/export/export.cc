#include "ostree/export/export.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/manifest_writer.hh"
#include "ostree/export/encapsulated_tar.hh"
#include "ostree/export/layer_export.hh"
#include "ostree/export/layer_plan.hh"
#include "ostree/export/plain_tar.hh"
#include "ostree/export/run_config.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/apk_database.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxDatabase = 64UL * 1024 * 1024;

// The metadata of the commit.
struct Facts {
    std::string subject;
    std::string version;
    std::string kernel;
    std::optional<bool> bootable;
    std::int64_t time = 0;
    oci::Platform platform = oci::Platform::host();
    RunConfig run;
};

Facts facts_of(const Repository& repository, const CommitId& commit) {
    Facts out;
    const GVariantPtr commit_object = load_commit(repository, commit);
    const GVariantPtr metadata = metadata_of(commit_object.get());
    out.version = lookup_string(metadata.get(), "version");
    out.kernel = lookup_string(metadata.get(), "ostree.linux");
    gboolean bootable = FALSE;
    if (g_variant_lookup(metadata.get(), "ostree.bootable", "b", &bootable) != FALSE)
        out.bootable = bootable != FALSE;
    const char* subject = nullptr;
    g_variant_get_child(commit_object.get(), 3, "&s", &subject);
    out.subject = subject;
    out.time = static_cast<std::int64_t>(ostree_commit_get_timestamp(commit_object.get()));
    const std::optional<oci::Platform> platform = read_commit_platform(repository, commit);
    if (platform && !platform->os.empty()) out.platform = *platform;
    const std::string config = lookup_string(metadata.get(), "ostree.container.image-config");
    if (!config.empty()) out.run = parse_run_config(config);
    if (std::vector<std::string> cmd = lookup_strings(metadata.get(), "ostree.container-cmd"); !cmd.empty())
        out.run.cmd = std::move(cmd);
    return out;
}

class Export {
  public:
    Export(const Repository& repository, oci::ImageSink& sink, const ExportOptions& options,
           Progress& progress)
        : repository_(repository), sink_(sink), options_(options), progress_(progress) {}

    ExportResult run(const std::string& rev) {
        const std::optional<CommitId> commit = repository_.resolve(rev);
        if (!commit)
            throw revision_not_found(repository_, rev, concat("the repository has no commit ", quoted(rev)));
        walk_ = walk_commit(repository_, *commit);
        if (is_plain()) {
            walk_ = plain_walk(walk_);
        } else {
            warn_of_names();
        }
        facts_ = facts_of(repository_, *commit);
        plan();
        layers_ = LayerExport(repository_, walk_, plan_, sink_, options_, progress_).write_all();
        return write_documents();
    }

  private:
    void plan() {
        std::vector<KeptLayer> kept;
        std::optional<oci::Manifest> previous;
        if (options_.previous) {
            previous = options_.previous->manifest;
            if (!is_plain() && options_.copies_blobs)
                kept = find_kept_layers(repository_, walk_, *options_.previous, options_.compression);
        }
        plan_ = plan_layers(
            walk_, owners(), [this](const WalkedFile& file) { return content_size(file); },
            options_.max_layers - 1, previous, kept);
    }

    // Warns of names that containers cannot see. The commit keeps them in any case.
    void warn_of_names() const {
        std::size_t hidden = 0;
        const std::string* first = nullptr;
        const auto look_at = [&](const std::string& path) {
            if (is_shown(path)) return;
            if (hidden++ == 0) first = &path;
        };
        for (const WalkedDirectory& directory : walk_.directories) look_at(directory.path);
        for (const WalkedFile& file : walk_.files)
            std::for_each(file.paths.begin(), file.paths.end(), look_at);
        if (hidden == 0) return;
        log_warning(concat("containers cannot see ", quoted(*first),
                           hidden > 1 ? concat(" and ", hidden - 1, " more") : std::string{},
                           ": such names have a special meaning in images"));
    }

    // The unpacked size, because the stored size differs between repositories and the plan must not.
    std::uint64_t content_size(const WalkedFile& file) const {
        return read_object_header(repository_, file.checksum).size;
    }

    // Reads apk's database, which is part of the commit.
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

    bool is_plain() const noexcept { return options_.format == ImageFormat::plain; }

    static std::string layer_name(const PlannedLayer& layer) {
        constexpr std::size_t kNamed = 5;
        if (layer.components.size() > kNamed) return concat(layer.components.size(), " components");
        std::string out;
        for (const std::string& name : layer.components) out += (out.empty() ? "" : " and ") + name;
        return out;
    }

    std::string commit_layer_name() const {
        if (is_plain()) return "directories";
        return facts_.subject.empty() ? concat("ostree export of commit ", *walk_.commit) : facts_.subject;
    }

    std::map<std::string, std::string> labels() const {
        std::map<std::string, std::string> out;
        if (is_plain()) {
            out = facts_.run.labels;
        } else {
            out["ostree.commit"] = walk_.commit->text();
            out["ostree.final-diffid"] = layers_.back().diff_id.to_string();
            if (facts_.bootable) out["ostree.bootable"] = *facts_.bootable ? "true" : "false";
            if (!facts_.kernel.empty()) out["ostree.linux"] = facts_.kernel;
        }
        if (facts_.bootable) out["containers.bootc"] = "1";
        if (!facts_.version.empty()) out["org.opencontainers.image.version"] = facts_.version;
        for (const auto& [key, value] : options_.labels) out[key] = value;
        return out;
    }

    ExportResult write_documents() {
        oci::ConfigFields config{.platform = facts_.platform, .created = facts_.time, .labels = labels()};
        config.cmd = options_.cmd.empty() ? facts_.run.cmd : options_.cmd;
        config.environment = facts_.run.environment;
        config.working_directory = facts_.run.working_directory;
        config.user = facts_.run.user;
        // An explicit command replaces the entrypoint.
        if (options_.cmd.empty()) config.entrypoint = facts_.run.entrypoint;
        std::vector<oci::Descriptor> descriptors;
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            config.diff_ids.push_back(layers_[i].diff_id);
            config.history.push_back({.created = facts_.time,
                                      .created_by = i > 0 ? layer_name(plan_[i - 1]) : commit_layer_name()});
            descriptors.push_back(layers_[i].descriptor);
        }
        const std::string config_text = oci::write_config(config);
        const oci::Descriptor described = oci::describe(oci::kMediaTypeConfig, config_text);
        oci::put_blob(sink_, described, as_bytes(config_text));
        const std::string manifest = oci::write_manifest(described, descriptors, config.labels);
        sink_.put_manifest(manifest, oci::kMediaTypeManifest);
        return {walk_.commit.value(), oci::Digest::of(as_bytes(manifest)), std::move(descriptors)};
    }

    const Repository& repository_;
    oci::ImageSink& sink_;
    const ExportOptions& options_;
    Progress& progress_;
    CommitWalk walk_;
    Facts facts_;
    std::vector<PlannedLayer> plan_;
    std::vector<oci::WrittenLayer> layers_;
};

}  // namespace

ExportResult export_commit(const Repository& repository, const std::string& rev, oci::ImageSink& sink,
                           const ExportOptions& options, Progress& progress) {
    if (options.max_layers < 3) throw Error(ErrorKind::usage, "an image has at least 3 layers");
    // Importers find the commit through these labels.
    for (const char* key : {"ostree.commit", "ostree.final-diffid"}) {
        if (options.labels.contains(key))
            throw Error(ErrorKind::usage, concat("the label ", key, " is reserved"));
    }
    return Export(repository, sink, options, progress).run(rev);
}

}  // namespace osb::ostree
