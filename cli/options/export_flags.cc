#include "cli/options/export_flags.hh"

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/numbers.hh"
#include "cli/options/key_files.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "oci/documents/json.hh"
#include "oci/transports/archive_output.hh"
#include "oci/transports/image.hh"
#include "registry/transports/open_sink.hh"
#include "registry/transports/open_source.hh"
#include "registry/trust/image_signatures.hh"
#include "registry/trust/sign_image.hh"
#include "registry/trust/verify_image.hh"

namespace osb::cli {
namespace {

// Container runtimes stop at 127 or 128 layers. A Containerfile adds layers to these.
constexpr unsigned kMostLayers = 120;

// Parses a command: one argument per option, or all arguments as a JSON array, as in a Containerfile's CMD.
std::vector<std::string> parse_cmd(const std::vector<std::string>& given) {
    if (given.size() != 1 || !given.front().starts_with('[')) return given;
    const oci::Json json =
        with_context([] { return "--cmd"; }, [&] { return oci::parse_json(given.front(), "the array"); });
    std::vector<std::string> out;
    for (const oci::Json& item : json) {
        if (!item.is_string()) throw Error(ErrorKind::usage, "--cmd is not an array of strings");
        out.push_back(item.get<std::string>());
    }
    return out;
}

std::map<std::string, std::string> parse_labels(const std::vector<std::string>& given) {
    std::map<std::string, std::string> out;
    for (const std::string& label : given) {
        const std::size_t equals = label.find('=');
        if (equals == std::string::npos || equals == 0) {
            throw Error(ErrorKind::usage, concat("--label ", quoted(label), " is not of the form KEY=VALUE"));
        }
        out[label.substr(0, equals)] = label.substr(equals + 1);
    }
    return out;
}

// Host[:port] and path of a registry name.
std::pair<std::string, std::string> split_name(const oci::Reference& reference) {
    const std::size_t slash = reference.location.find('/');
    return {reference.location.substr(0, slash), reference.location.substr(slash + 1)};
}

// The repository from which blobs may be mounted: that of the previous image, if it is in the same registry.
std::vector<std::string> mount_from(const oci::Reference& previous, const oci::Reference& target) {
    if (previous.transport != oci::Transport::docker || target.transport != oci::Transport::docker) return {};
    const auto [previous_host, previous_path] = split_name(previous);
    const auto [target_host, target_path] = split_name(target);
    if (previous_host != target_host || previous_path == target_path) return {};
    return {previous_path};
}

OrderedJson to_json(const oci::Reference& target, const ostree::ExportResult& result,
                    const std::optional<DeltaReport>& report) {
    OrderedJson layers = OrderedJson::array();
    for (const oci::Descriptor& layer : result.layers) {
        layers.push_back(
            {{"media_type", layer.media_type}, {"digest", layer.digest.to_string()}, {"size", layer.size}});
    }
    OrderedJson out{{"schema", 1},
                    {"commit", result.commit},
                    {"image", target.to_string()},
                    {"digest", result.manifest_digest.to_string()},
                    {"layers", std::move(layers)}};
    if (!report) return out;
    OrderedJson& deltas = out["deltas"] = OrderedJson::array();
    for (const ostree::PushedDelta& delta : report->deltas) {
        deltas.push_back({{"from", delta.from},
                          {"digest", delta.digest.to_string()},
                          {"bytes", delta.size},
                          {"objects_bytes", delta.objects_size},
                          {"unchanged", delta.was_there}});
    }
    out["deltas_pruned"] = report->pruned;
    return out;
}

// Signs the manifest that was written, whatever its tag names meanwhile.
void sign_written(const Session& session, const oci::Reference& target, const oci::Digest& manifest,
                  const registry::PrivateKey& key, const registry::RegistryOptions& access) {
    registry::SignOptions options;
    oci::Reference image = target;
    if (target.transport == oci::Transport::docker) {
        options.identity = concat(target.location, ':', target.tag.empty() ? "latest" : target.tag);
        image = target.with_digest(manifest);
    }
    registry::sign_image(image, key, options, access);
    session.note(concat("signed ", manifest.short_string()));
}

bool is_standard_output(const oci::Reference& target) {
    const bool is_archive =
        target.transport == oci::Transport::oci_archive || target.transport == oci::Transport::docker_archive;
    return is_archive && oci::find_archive_output(target.location).file == "-";
}

}  // namespace

void ExportFlags::declare(Arguments& arguments) {
    arguments.add({
        {.name = "--format",
         .value = "FORMAT",
         .help = "encapsulated: an image that holds the commit; plain: an ordinary root filesystem",
         .default_shown = "encapsulated",
         .allowed = {"encapsulated", "plain"},
         .target = &format_},
        {.name = "--compression",
         .value = "FORMAT[:LEVEL]",
         .help = "compression of the layers: zstd:chunked, zstd, gzip or none",
         .default_shown = "zstd:chunked",
         .offered = {"zstd:chunked", "zstd", "gzip", "none"},
         .target = &compression_},
        {.name = "--max-layers",
         .value = "N",
         .help = "maximum number of layers",
         .default_shown = "64",
         .range = Range{3, kMostLayers},
         .target = &max_layers_},
        {.name = "--previous",
         .value = "IMAGE",
         .kind = ValueKind::image,
         .help = "image of the previous build; packages stay in the layers where it has them",
         .target = &previous_},
        {.name = "--label", .value = "KEY=VALUE", .help = "label to add to the image", .target = &labels_},
        {.name = "--cmd",
         .value = "ARG",
         .help = "command that a container runs: one argument per option, or one JSON array",
         .target = &cmd_},
        jobs_argument(jobs_),
    });
    arguments.add({
        {.name = "--sign-by-key",
         .value = "FILE",
         .kind = ValueKind::file,
         .help = "sign the image with this private key, as 'osb-oci sign' does",
         .target = &sign_key_},
        {.name = "--sign-passphrase-file",
         .value = "FILE",
         .kind = ValueKind::file,
         .help = "file whose first line is the passphrase of that key",
         .needs = {"--sign-by-key"},
         .target = &sign_passphrase_},
    });
    registry_.declare(arguments);
}

bool ExportFlags::given() const {
    return !format_.empty() || !compression_.empty() || max_layers_ || !previous_.empty() ||
           !labels_.empty() || !cmd_.empty() || !sign_key_.empty() || registry_.given();
}

// Before anything is written: the transport has a place for signatures, and the key can be read.
std::optional<registry::PrivateKey> ExportFlags::signing_key(const oci::Reference& target) const {
    if (sign_key_.empty()) return std::nullopt;
    if (!registry::can_be_signed(target)) {
        throw Error(ErrorKind::usage, concat("--sign-by-key: ", oci::to_string(target.transport),
                                             ": has no place for signatures"));
    }
    return read_private_key(sign_key_, sign_passphrase_);
}

oci::LayerFormat ExportFlags::layer_format(const oci::Reference& target) const {
    using Kind = oci::LayerFormat::Kind;
    const bool for_docker = target.transport == oci::Transport::docker_archive ||
                            target.transport == oci::Transport::docker_daemon;
    if (compression_.empty()) return {.kind = for_docker ? Kind::none : Kind::zstd_chunked};
    const oci::LayerFormat out = oci::LayerFormat::parse(compression_);
    if (for_docker && out.kind != Kind::none && out.kind != Kind::gzip) {
        throw Error(ErrorKind::usage, concat(oci::to_string(target.transport),
                                             ": does not support layers in ", out.to_string()))
            .hint("use --compression gzip or none, or another transport");
    }
    return out;
}

ostree::ExportOptions ExportFlags::export_options(const oci::Reference& target) const {
    ostree::ExportOptions out{.compression = layer_format(target),
                              .labels = parse_labels(labels_),
                              .cmd = parse_cmd(cmd_),
                              .jobs = jobs_};
    if (max_layers_) out.max_layers = *max_layers_;
    if (format_ == "plain") out.format = ostree::ImageFormat::plain;
    return out;
}

void ExportFlags::plan(image::SandboxPlan& plan, const std::string& target, const DeltaFlags* deltas) const {
    plan.write_image(target);
    plan.read_image(previous_);
    if (deltas == nullptr) return;
    for (const std::string& from : deltas->from) plan.read_image(from);
}

void ExportFlags::run(const Session& session, const std::string& rev, const oci::Reference& target,
                      const DeltaFlags* deltas) const {
    ostree::ExportOptions options = export_options(target);
    const registry::RegistryOptions access = registry_.options();
    const std::optional<registry::PrivateKey> key = signing_key(target);
    const ostree::Repository repository = ostree::Repository::open(session.options.repo);
    // Resolve the ref first, so that a mistyped one creates no image.
    if (!repository.resolve(rev)) {
        throw ostree::revision_not_found(repository, rev,
                                         concat("the repository has no commit ", quoted(rev)));
    }
    std::vector<ostree::CommitId> delta_origins;
    if (deltas != nullptr && deltas->given()) {
        if (options.format == ostree::ImageFormat::plain)
            throw Error(ErrorKind::usage,
                        "an image of the format plain holds no commit, so it has no deltas");
        delta_origins = deltas->commits(repository, rev, target, access);
    }
    std::vector<std::string> mounts;
    if (!previous_.empty()) {
        const oci::Reference previous = oci::Reference::parse(previous_);
        options.previous =
            with_context([&] { return concat("the previous image ", quoted(previous_)); },
                         [&] {
                             return registry::open_trusted_image(previous, std::nullopt,
                                                                 options_for_other(previous, target, access));
                         });
        // podman stores layers, not their original blobs.
        options.reuses_frames =
            previous.transport == oci::Transport::oci || previous.transport == oci::Transport::directory;
        options.copies_blobs = previous.transport != oci::Transport::containers_storage;
        mounts = mount_from(previous, target);
    }
    const bool is_printed = is_standard_output(target);
    const auto sink = registry::open_sink(target, access, std::move(mounts));
    const ostree::ExportResult result =
        ostree::export_commit(repository, rev, *sink, options, session.progress);
    session.progress.end();
    std::uint64_t size = 0;
    for (const oci::Descriptor& layer : result.layers) size += layer.size;
    session.note(concat("commit ", result.commit.short_text(), " as ",
                        format_count(result.layers.size(), "layer"), ", ", format_bytes(size)));
    if (key) sign_written(session, target, result.manifest_digest, *key, access);
    std::optional<DeltaReport> report;
    if (deltas != nullptr && deltas->given())
        report = push_deltas(session, *deltas, delta_origins, repository, target, result, access);
    if (is_printed) {  // the archive is on standard output, so nothing may follow it
        session.note(result.manifest_digest.to_string());
        return;
    }
    session.print(session.options.json ? to_document(to_json(target, result, report))
                                       : result.manifest_digest.to_string() + '\n');
}

}  // namespace osb::cli
