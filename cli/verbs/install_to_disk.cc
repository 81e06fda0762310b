// osb-oci install-to-disk: installs a system on a disk.
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "cli/options/fetch_flag.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "cli/output/size.hh"
#include "cli/reports/transfer_report.hh"
#include "image/ext4/ext4_writer.hh"
#include "image/install/install.hh"
#include "image/install/install_source.hh"
#include "image/install/scratch_repository.hh"
#include "image/settings/config_file.hh"
#include "oci/documents/reference.hh"

namespace osb::cli {
namespace {

OrderedJson to_json(const image::InstallResult& result, const std::string& target,
                    const std::optional<ostree::Transfer>& transfer) {
    return {{"schema", 1},
            {"target", target},
            {"commit", result.commit},
            {"stateroot", result.stateroot},
            {"deployment", result.deployment},
            {"kernel", result.kernel},
            {"size", result.size},
            {"boot_uuid", result.boot_uuid},
            {"root_uuid", result.root_uuid},
            {"bytes_written", result.bytes_written},
            {"transfer", transfer ? transfer_to_json(*transfer) : OrderedJson(nullptr)}};
}

// SOURCE_DATE_EPOCH as defined by reproducible-builds.org; nullopt if it is not set.
std::optional<std::int64_t> source_date_epoch(const Io& io) {
    const std::optional<std::string> text = io.environment("SOURCE_DATE_EPOCH");
    if (!text || text->empty()) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    const bool is_number = error == std::errc() && end == text->data() + text->size();
    if (!is_number || value < 0 || value > image::kLastExt4Time) {
        throw Error(ErrorKind::usage,
                    concat("SOURCE_DATE_EPOCH is not a time that a disk can hold: ", osb::quoted(*text)))
            .hint("write seconds since 1970, up to the year 2446");
    }
    return value;
}

class InstallToDiskVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            {.name = "SOURCE",
             .kind = ValueKind::install_source,
             .help = "image; with --repo, ref or commit; with --url, ref",
             .required = true,
             .target = &source_},
            {.name = "TARGET",
             .kind = ValueKind::file,
             .help = "disk image file to create, or block device",
             .required = true,
             .target = &options_.target},
        });
        declare_source(arguments);
        declare_disk(arguments);
        declare_system(arguments);
        arguments.add({
            {.name = "--in-vm",
             .help = "accepted for compatibility with scripts; no virtual machine is needed",
             .target = &in_vm_},
            jobs_argument(options_.jobs),
        });
        fetch_.declare(arguments);
        registry_.declare(arguments);
    }

    bool calls_in_sandbox() const override { return repo_.empty() && url_.empty(); }

    void run(Session& session) override {
        prepare(session);
        // Open the target first, so that nothing is downloaded if it is not writable.
        image::Installation installation(options_);
        std::optional<ostree::Repository> repository;
        std::optional<image::ScratchRepository> scratch;
        if (!repo_.empty()) repository = ostree::Repository::open(repo_);
        if (!repository || !url_.empty()) scratch.emplace(installation.scratch_parent());
        const image::InstallSource source =
            scratch ? fetch(scratch->repository(), session)
                    : image::source_of_commit(*repository, source_, target_imgref_);
        const image::InstallResult result = installation.run(source, session.progress);
        session.progress.end();
        session.note(concat("installed kernel ", result.kernel, " and ", format_bytes(result.bytes_written),
                            " on ", osb::quoted(options_.target), ", ", format_bytes(result.size)));
        session.print(session.options.json ? to_document(to_json(result, options_.target, source.transfer))
                                           : concat(result.commit, '\n'));
    }

  private:
    void declare_source(Arguments& arguments) {
        Argument platform = platform_argument(platform_);
        platform.help = "platform of the disk, and of the image to choose from an index";
        arguments.add({
            {.name = "--repo",
             .value = "DIR",
             .kind = ValueKind::directory,
             .help = "SOURCE is a ref or commit in this ostree repository",
             .target = &repo_},
            {.name = "--url",
             .value = "URL",
             .help = "SOURCE is a ref in the ostree repository at this URL; with --repo, the system is read "
                     "from there and follows this URL",
             .target = &url_},
            {.name = "--remote",
             .value = "NAME",
             .help = "name of the remote in the installed system",
             .default_shown = "origin",
             .needs = {"--url"},
             .target = &remote_},
            {.name = "--gpg-key",
             .value = "FILE",
             .kind = ValueKind::file,
             .help = "file of public keys; the commit must be signed with one of them",
             .needs = {"--url"},
             .target = &gpg_key_},
            std::move(platform),
        });
    }

    void declare_disk(Arguments& arguments) {
        arguments.add({
            {.name = "--size",
             .value = "SIZE",
             .help = "size of the disk, for example 4G",
             .default_shown = "as much as the system needs, or the whole device",
             .target = &size_},
            {.name = "--boot-size",
             .value = "SIZE",
             .help = "size of BOOT, the partition for kernels",
             .default_shown = "256M or more",
             .target = &boot_size_},
            {.name = "--partition-table",
             .value = "KIND",
             .help = "partition table: mbr or gpt",
             .default_shown = "mbr",
             .allowed = {"mbr", "gpt"},
             .target = &partition_table_},
            {.name = "--format",
             .value = "FORMAT",
             .help = "format of the disk image file: raw or qcow2",
             .default_shown = "raw",
             .allowed = {"raw", "qcow2"},
             .target = &format_},
            {.name = "--wipe", .help = "overwrite a TARGET that holds data", .target = &options_.wipe},
        });
    }

    void declare_system(Arguments& arguments) {
        arguments.add({
            {.name = "--karg",
             .value = "ARG",
             .help = "kernel argument to add",
             .target = &options_.kernel_arguments},
            {.name = "--stateroot",
             .value = "NAME",
             .help = "name of the stateroot, which holds /var",
             .default_shown = "default",
             .target = &options_.stateroot},
            {.name = "--target-imgref",
             .value = "IMAGE",
             .kind = ValueKind::image,
             .help = "image that the installed system follows",
             .default_shown = "SOURCE, if it is in a registry",
             .not_empty = true,
             .target = &target_imgref_},
            {.name = "--config",
             .value = "FILE",
             .kind = ValueKind::file,
             .help = "users, SSH keys, names and files to add (TOML or JSON)",
             .target = &config_},
        });
    }

    void prepare(const Session& session) {
        if (!size_.empty()) options_.size = parse_size("--size", size_);
        if (!boot_size_.empty()) options_.boot_size = parse_size("--boot-size", boot_size_);
        if (partition_table_ == "gpt") options_.partition_table = image::PartitionTableKind::gpt;
        if (format_ == "qcow2") options_.format = image::DiskFormat::qcow2;
        if (!platform_.empty()) options_.platform = oci::Platform::parse(platform_);
        if (!config_.empty()) options_.customizations = image::read_config(config_);
        options_.source_date_epoch = source_date_epoch(session.console.io());
        if (in_vm_) session.note("no virtual machine is needed: disks are written without privileges");
        if (repo_.empty() && url_.empty()) static_cast<void>(oci::Reference::parse(source_));
    }

    image::InstallSource fetch(ostree::Repository& repository, Session& session) const {
        if (!url_.empty()) {
            return image::source_of_remote(repository,
                                           {.url = url_,
                                            .ref = ostree::RefName::parse(source_),
                                            .remote = remote_,
                                            .gpg_key = gpg_key_,
                                            .copy = repo_,
                                            .target_imgref = target_imgref_},
                                           session.progress);
        }
        return image::source_of_image(repository,
                                      {.image = source_,
                                       .platform = options_.platform,
                                       .registry = registry_.options(),
                                       .target_imgref = target_imgref_,
                                       .fetch = fetch_.way(),
                                       .jobs = options_.jobs,
                                       .sandbox = session.sandbox()},
                                      session.progress);
    }

    std::string source_;
    std::string repo_;
    std::string url_;
    std::string remote_ = "origin";
    std::string gpg_key_;
    std::string platform_;
    std::string size_;
    std::string boot_size_;
    std::string partition_table_ = "mbr";
    std::string format_ = "raw";
    std::string target_imgref_;
    std::string config_;
    bool in_vm_ = false;
    FetchFlag fetch_;
    RegistryFlags registry_;
    image::InstallOptions options_;
};

}  // namespace

constexpr auto kInstallToDiskExamples = std::to_array<std::string_view>({
    "osb-oci install-to-disk oci:build/image:v1 disk.img",
    "osb-oci install-to-disk --size 4G --config users.toml docker://registry.example/os:1 disk.img",
    "osb-oci install-to-disk --repo repo --format qcow2 os/x86_64/main disk.qcow2",
    "osb-oci install-to-disk --url https://ostree.example/repo os/x86_64/main disk.img",
    "osb-oci install-to-disk --repo repo --url https://ostree.example/repo os/x86_64/main disk.img",
    "osb-oci install-to-disk --wipe --target-imgref registry.example/os:1 oci:build/image /dev/sdx",
});

const VerbEntry kInstallToDiskVerb{
    .name = "install-to-disk",
    .summary = "Write a bootable disk from an image or a commit",
    .description =
        "Partitions a disk image file or a block device, creates the filesystems BOOT and ROOT, deploys "
        "the system and installs SYSLINUX. SOURCE must contain a kernel, an initramfs and an init "
        "program. The command needs no root privileges, mounts, loop devices or virtual machine; to "
        "write to a device you need write access to it. A target that holds data is refused unless you "
        "give --wipe. With SOURCE_DATE_EPOCH set, the same input gives the same bytes. The commit's "
        "checksum goes to standard output.",
    .examples = kInstallToDiskExamples,
    .related = {"import", "status", "upgrade"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<InstallToDiskVerb>(); },
};

}  // namespace osb::cli
