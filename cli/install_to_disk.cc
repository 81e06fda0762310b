// osb-oci install-to-disk: a system goes onto a disk.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <optional>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "cli/format.hh"
#include "cli/json_output.hh"
#include "cli/registry_flags.hh"
#include "cli/size.hh"
#include "cli/verb.hh"
#include "image/config_file.hh"
#include "image/install.hh"
#include "image/install_source.hh"
#include "image/scratch_repository.hh"
#include "oci/reference.hh"

namespace osb::cli {
namespace {

OrderedJson to_json(const image::InstallResult& result, const std::string& target) {
    return {{"schema", 1},
            {"target", target},
            {"commit", result.commit},
            {"stateroot", result.stateroot},
            {"deployment", result.deployment},
            {"kernel", result.kernel},
            {"size", result.size},
            {"boot_uuid", result.boot_uuid},
            {"root_uuid", result.root_uuid},
            {"bytes_written", result.bytes_written}};
}

// What reproducible-builds.org defines; nothing when it is not set.
std::optional<std::int64_t> source_date_epoch(const Io& io) {
    const std::optional<std::string> text = io.environment("SOURCE_DATE_EPOCH");
    if (!text || text->empty()) return std::nullopt;
    constexpr std::uint64_t kLast = (1ULL << 34) - 1;  // what ext4 can store, nearly
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size() || value > kLast) {
        throw Error(ErrorKind::usage, concat("SOURCE_DATE_EPOCH is no time: ", osb::quoted(*text)));
    }
    return static_cast<std::int64_t>(value);
}

class InstallToDiskVerb final : public Verb {
  public:
    void declare(CLI::App& app) override {
        app.add_option("SOURCE", source_, "an image; with --repo a ref or commit, with --url a ref")
            ->required();
        app.add_option("TARGET", options_.target, "a disk image file that is to be made, or a block device")
            ->required();
        declare_source(app);
        app.add_option("--size", size_, "of the disk, e.g. 4G [as large as needed, or the device]")
            ->type_name("SIZE");
        app.add_option("--boot-size", boot_size_, "of the partition for kernels [256M or more]")
            ->type_name("SIZE");
        app.add_option("--partition-table", partition_table_, "mbr or gpt [mbr]")
            ->type_name("KIND")
            ->check(CLI::IsMember({"mbr", "gpt"}));
        app.add_option("--format", format_, "of a disk image file: raw or qcow2 [raw]")
            ->type_name("FORMAT")
            ->check(CLI::IsMember({"raw", "qcow2"}));
        app.add_option("--karg", options_.kernel_arguments, "a kernel argument to add; may be repeated")
            ->type_name("ARG")
            ->allow_extra_args(false);
        app.add_option("--stateroot", options_.stateroot, "the name under which /var is kept [default]")
            ->type_name("NAME");
        app.add_option("--target-imgref", target_imgref_,
                       "the image that the system is to follow [SOURCE, when it is in a registry]")
            ->type_name("IMAGE");
        app.add_option("--config", config_, "users, keys, names and files to add (TOML or JSON)")
            ->type_name("FILE");
        app.add_flag("--wipe", options_.wipe, "install also when TARGET holds data, which is lost");
        app.add_flag("--in-vm", in_vm_, "accepted for scripts: no virtual machine is needed, nor privileges");
        app.add_option("--jobs", options_.jobs, "threads that work [one a core]")
            ->type_name("N")
            ->check(CLI::Range(1, kMaxJobs));
        registry_.declare(app);
    }

    void run(Session& session) override {
        prepare(session);
        // The target first: what cannot be written to makes nothing be fetched.
        image::Installation installation(options_);
        std::optional<ostree::Repository> repository;
        std::optional<image::ScratchRepository> scratch;
        image::InstallSource source;
        if (!repo_.empty()) {
            repository = ostree::Repository::open(repo_);
            source = image::source_of_commit(*repository, source_, target_imgref_);
        } else {
            scratch.emplace(installation.scratch_parent());
            source = fetch(scratch->repository(), session);
        }
        const image::InstallResult result = installation.run(source, session.progress);
        session.progress.end();
        session.note(concat("installed kernel ", result.kernel, " and ", format_bytes(result.bytes_written),
                            " on ", osb::quoted(options_.target), ", ", format_bytes(result.size)));
        session.print(session.options.json ? to_document(to_json(result, options_.target))
                                           : result.commit + '\n');
    }

  private:
    static constexpr int kMaxJobs = 1024;

    void declare_source(CLI::App& app) {
        CLI::Option* repo =
            app.add_option("--repo", repo_, "SOURCE is a ref or commit of this repository")->type_name("DIR");
        CLI::Option* url =
            app.add_option("--url", url_, "SOURCE is a ref of the ostree repository at this URL")
                ->type_name("URL");
        url->excludes(repo);
        app.add_option("--remote", remote_, "with --url: the remote's name in the system [origin]")
            ->type_name("NAME")
            ->needs(url);
        app.add_option("--gpg-key", gpg_key_, "with --url: keys that the commit must be signed with")
            ->type_name("FILE")
            ->needs(url);
        app.add_option("--platform", platform_, "which image of an index [this machine's]")
            ->type_name("OS/ARCH[/VARIANT]")
            ->excludes(repo)
            ->excludes(url);
    }

    void prepare(const Session& session) {
        if (!size_.empty()) options_.size = parse_size("--size", size_);
        if (!boot_size_.empty()) options_.boot_size = parse_size("--boot-size", boot_size_);
        if (partition_table_ == "gpt") options_.partition_table = image::PartitionTableKind::gpt;
        if (format_ == "qcow2") options_.format = image::DiskFormat::qcow2;
        if (!config_.empty()) options_.customizations = image::read_config(config_);
        options_.source_date_epoch = source_date_epoch(session.console.io());
        if (in_vm_) session.note("no virtual machine is needed: disks are written without privileges");
        if (repo_.empty() && url_.empty()) static_cast<void>(oci::Reference::parse(source_));
    }

    image::InstallSource fetch(ostree::Repository& repository, Session& session) const {
        if (!url_.empty()) {
            return image::source_of_remote(repository,
                                           {.url = url_,
                                            .ref = source_,
                                            .remote = remote_,
                                            .gpg_key = gpg_key_,
                                            .target_imgref = target_imgref_},
                                           session.progress);
        }
        image::ImageSourceOptions options{.image = source_,
                                          .registry = registry_.options(),
                                          .target_imgref = target_imgref_,
                                          .jobs = options_.jobs};
        if (!platform_.empty()) options.platform = oci::Platform::parse(platform_);
        return image::source_of_image(repository, options, session.progress);
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
    RegistryFlags registry_;
    image::InstallOptions options_;
};

}  // namespace

const VerbEntry kInstallToDiskVerb{
    .name = "install-to-disk",
    .summary = "Makes a bootable disk of an image or a commit",
    .examples =
        "  osb-oci install-to-disk oci:build/image:v1 disk.img\n"
        "  osb-oci install-to-disk --size 4G --config users.toml docker://registry.example/os:1 disk.img\n"
        "  osb-oci install-to-disk --repo repo --format qcow2 os/x86_64/main disk.qcow2\n"
        "  osb-oci install-to-disk --url https://ostree.example/repo os/x86_64/main disk.img\n"
        "  osb-oci install-to-disk --wipe --target-imgref registry.example/os:1 oci:build/image /dev/sdx\n",
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<InstallToDiskVerb>(); },
};

}  // namespace osb::cli
