#include "image/install/install.hh"

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "image/boot/boot_files.hh"
#include "image/boot/syslinux.hh"
#include "image/deployment/argument_rules.hh"
#include "image/deployment/command_line.hh"
#include "image/deployment/kargs_d.hh"
#include "image/deployment/kernel.hh"
#include "image/deployment/machine_check.hh"
#include "image/deployment/os_release.hh"
#include "image/deployment/sysroot_layout.hh"
#include "image/disk/byte_size.hh"
#include "image/disk/disk_target.hh"
#include "image/disk/probe.hh"
#include "image/disk/qcow2.hh"
#include "image/ext4/content_writer.hh"
#include "image/ext4/ext4_writer.hh"
#include "image/install/disk_sizes.hh"
#include "image/install/installed_record.hh"
#include "image/settings/customize.hh"
#include "ostree/sysroot/deployment_id.hh"
#include "ostree/sysroot/kernel_options.hh"
#include "ostree/tree/commit_info.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {
namespace {

std::uint64_t round_up(std::uint64_t size) {
    return (size + kAlignment - 1) / kAlignment * kAlignment;
}

std::uint64_t content_bytes(const FileTree& tree) {
    std::uint64_t total = 0;
    for (const Inode& inode : tree.inodes()) {
        if (inode.kind == InodeKind::file) total += inode.content.size;
    }
    return total;
}

// libostree treats a directory with time 0 as one that it has already read.
constexpr std::int64_t kFirstTime = 1;

void check_given_argument(const std::string& argument) {
    const bool bad = std::any_of(argument.begin(), argument.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    if (bad || argument.empty()) {
        throw Error(ErrorKind::usage, concat("not a kernel argument: ", quoted(argument)));
    }
    for (const std::string& word : split_kernel_arguments(argument)) {
        if (is_set_for_disk(argument_name(word))) {
            throw Error(ErrorKind::usage, concat("the kernel argument ", quoted(word), " is reserved"));
        }
        if (argument_name(word).empty()) {
            throw Error(ErrorKind::usage, concat("the kernel argument ", quoted(word), " has no name"));
        }
        if (!ostree::ends_kernel_options(word)) continue;
        throw Error(ErrorKind::usage, concat("the kernel argument ", quoted(argument),
                                             " would end the kernel's arguments: others come after it"));
    }
}

void check_stateroot(const std::string& name) {
    const bool good = !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                 c == '.' || c == '_' || c == '-';
                      });
    if (!good) {
        throw Error(ErrorKind::usage, concat("not a name for a stateroot: ", quoted(name)))
            .hint("use letters, digits, '.', '_' and '-'");
    }
}

// The identifiers of a disk.
struct Identity {
    Uuid disk{};
    Uuid boot{};
    Uuid root{};
    Uuid boot_partition{};
    Uuid root_partition{};
    Uuid boot_hash{};
    Uuid root_hash{};
    std::int64_t time = 0;

    static Identity random() {
        Identity out;
        for (Uuid* uuid : out.all()) *uuid = random_uuid();
        out.time = std::clamp<std::int64_t>(::time(nullptr), kFirstTime, kLastExt4Time);
        return out;
    }

    static Identity derived(const std::string& seed, std::int64_t time) {
        Identity out;
        char name = 'a';
        for (Uuid* uuid : out.all()) *uuid = derived_uuid(seed, std::string(1, name++));
        out.time = std::max(time, kFirstTime);
        return out;
    }

  private:
    std::array<Uuid*, 7> all() {
        return {&disk, &boot, &root, &boot_partition, &root_partition, &boot_hash, &root_hash};
    }
};

}  // namespace

struct Installation::Impl {
    explicit Impl(InstallOptions given)
        : options(std::move(given)),
          target(options.target, options.wipe),
          syslinux((check(), find_syslinux())) {}

    void check() const {
        check_stateroot(options.stateroot);
        for (const auto* arguments : {&options.kernel_arguments, &options.customizations.kernel_arguments}) {
            for (const std::string& argument : *arguments) check_given_argument(argument);
        }
        if (target.is_device() && options.format != DiskFormat::raw) {
            throw Error(ErrorKind::usage, "--format is for files; a block device always gets a raw disk");
        }
        if (target.is_device() && options.size && *options.size > target.fixed_size()) {
            throw Error(ErrorKind::no_space,
                        concat("the target ", quoted(options.target), " has ",
                               *target.fixed_size() / kMebibyte, " MiB, less than --size requires"));
        }
    }

    InstallOptions options;
    DiskTarget target;
    SyslinuxFiles syslinux;
    Identity identity;
    DiskLayout disk;
    std::uint64_t disk_size = 0;
    std::uint64_t boot_size = 0;

    void choose_identity(const InstallSource& source) {
        if (!options.source_date_epoch) {
            identity = Identity::random();
            return;
        }
        // Disks that differ in any of these values get different identifiers, so that their filesystems are
        // not confused.
        std::string seed = "osb disk 2";
        const auto add = [&seed](std::string_view text) { seed += concat('\n', text.size(), ':', text); };
        add(source.commit.text());
        for (const std::string& text :
             {options.stateroot, source.origin.text(), source.remote_config, options.customizations.text}) {
            add(text);
        }
        for (const auto& [name, text] : source.repository_files) add(concat(name, '\n', text));
        for (const std::int64_t number :
             {static_cast<std::int64_t>(options.size.value_or(0)),
              static_cast<std::int64_t>(options.boot_size.value_or(0)), *options.source_date_epoch}) {
            add(std::to_string(number));
        }
        add(options.partition_table == PartitionTableKind::gpt ? "gpt" : "mbr");
        for (const std::string& argument : options.kernel_arguments) add(argument);
        identity = Identity::derived(seed, *options.source_date_epoch);
    }

    // If an argument occurs several times, the last one wins. Therefore the user's arguments come last.
    std::vector<std::string> kernel_arguments(std::vector<std::string> chosen) const {
        const std::vector<std::string>& customized = options.customizations.kernel_arguments;
        chosen.insert(chosen.end(), customized.begin(), customized.end());
        chosen.insert(chosen.end(), options.kernel_arguments.begin(), options.kernel_arguments.end());
        std::vector<std::string> out{concat("root=UUID=", to_string(identity.root)), "rw",
                                     concat("boot=UUID=", to_string(identity.boot))};
        if (!sets_argument(chosen, "console")) {
            // The last console is /dev/console.
            out.insert(out.end(), {"console=tty0", "console=ttyS0,115200"});
        }
        // An unattended machine restarts after a panic. The delay is long enough to read the screen.
        if (!sets_argument(chosen, "panic")) out.emplace_back("panic=60");
        out.insert(out.end(), chosen.begin(), chosen.end());
        return out;
    }

    std::uint64_t wanted(const std::string& mountpoint) const {
        for (const FilesystemCustomization& filesystem : options.customizations.filesystems) {
            if (filesystem.mountpoint == mountpoint) return round_up(filesystem.min_size);
        }
        return 0;
    }

    void choose_boot_size(const FileTree& boot, const Kernel& kernel) {
        std::uint64_t kernel_size = kernel.image.size + kernel.initramfs.size;
        for (const KernelFile& file : kernel.others) kernel_size += file.size;
        if (!options.boot_size) {
            boot_size = std::max(usual_boot_size(boot, kernel_size), wanted("/boot"));
            return;
        }
        boot_size = round_up(*options.boot_size);
        const std::uint64_t least = least_boot_size(boot, kernel_size);
        if (boot_size >= least) return;
        throw Error(ErrorKind::no_space,
                    concat("BOOT of ", boot_size / kMebibyte, " MiB is too small: three kernels need ",
                           least / kMebibyte, " MiB"))
            .hint("choose a larger --boot-size");
    }

    void choose_disk_size(const FileTree& root) {
        const auto disk_with = [&](std::uint64_t for_root) {
            return disk_size_for(options.partition_table, boot_size, std::max(for_root, wanted("/")));
        };
        const std::uint64_t least = disk_with(least_root_size(root));
        if (options.size) {
            disk_size = *options.size / kSectorSize * kSectorSize;
        } else if (target.fixed_size() && (target.is_device() || *target.fixed_size() >= least)) {
            disk_size = *target.fixed_size();
        } else {
            disk_size = disk_with(usual_root_size(root));
        }
        if (disk_size < least) {
            throw Error(ErrorKind::no_space,
                        concat("the system does not fit: it needs a disk of ", least / kMebibyte,
                               " MiB, and the target has ", disk_size / kMebibyte, " MiB"))
                .hint(target.is_device() ? "use a larger device" : "choose a larger --size, or none");
        }
        const std::uint64_t upgradable = disk_with(upgradable_root_size(root));
        if (disk_size < upgradable) {
            log_warning(
                concat("the disk of ", disk_size / kMebibyte,
                       " MiB has no room for three different systems (current, rollback, next), which "
                       "need ",
                       upgradable / kMebibyte, " MiB: an upgrade may find too little space"));
        }
        disk = lay_out_disk(options.partition_table, disk_size, boot_size);
        disk.disk_id = identity.disk;
        disk.boot.uuid = identity.boot_partition;
        disk.root.uuid = identity.root_partition;
    }

    void write_root(const SysrootLayout& layout, const ostree::Repository& repository, Progress& progress) {
        const DiskArea area = target.area().part(disk.root.start, disk.root.size, "the root filesystem");
        area.clear_edges();
        Ext4Writer filesystem(area, layout.root,
                              {.label = "ROOT",
                               .uuid = identity.root,
                               .hash_seed = identity.root_hash,
                               .time = identity.time,
                               .reserved_percent = 1});
        progress.begin("writing the root filesystem", content_bytes(layout.root));
        filesystem.write_tree();
        write_contents(area, layout.root, filesystem, repository, options.jobs, progress);
        filesystem.finish();
    }

    void write_boot(const SysrootLayout& layout, const BootFiles& files, const ostree::Repository& repository,
                    Progress& progress) {
        const DiskArea area = target.area().part(disk.boot.start, disk.boot.size, "the BOOT filesystem");
        area.clear_edges();
        Ext4Writer filesystem(area, layout.boot,
                              {.label = "BOOT",
                               .uuid = identity.boot,
                               .hash_seed = identity.boot_hash,
                               .time = identity.time,
                               .for_bootloader = true});
        progress.begin("writing BOOT", content_bytes(layout.boot));
        filesystem.write_tree();
        write_contents(area, layout.boot, filesystem, repository, options.jobs, progress);
        filesystem.finish();
        install_bootloader(area, filesystem, files, syslinux, disk.boot);
    }

    // The last write: from here on the disk boots.
    void write_first_sectors() {
        check_filesystem(target.fd(), disk.boot.start, disk.boot.size, {"BOOT", identity.boot}, "BOOT");
        check_filesystem(target.fd(), disk.root.start, disk.root.size, {"ROOT", identity.root}, "ROOT");
        write_partition_table(target.fd(), options.target, disk);
        const std::string& code =
            options.partition_table == PartitionTableKind::gpt ? syslinux.gpt_mbr : syslinux.mbr;
        target.area().write(0, as_bytes(code));
    }

    InstallResult run(const InstallSource& source, Progress& progress) {
        progress.begin("looking at the system", std::nullopt);
        choose_identity(source);
        const oci::Platform machine = options.platform.value_or(oci::Platform::host());
        const auto said = ostree::read_commit_platform(*source.repository, source.commit);
        if (said) check_disk_platform(*said, machine);
        const ostree::CommitWalk walk = ostree::walk_commit(*source.repository, source.commit);
        const Kernel kernel = find_kernel(*source.repository, walk);
        const BootMode mode = boot_mode_of(walk);
        DeploymentSpec spec{
            .stateroot = options.stateroot,
            .kernel_arguments = kernel_arguments(read_kargs(*source.repository, walk, machine)),
            .origin = source.origin,
            .refs = source.refs,
            .repository_config = repository_config(mode) + source.remote_config,
            .repository_files = source.repository_files,
            .time = identity.time};
        check_command_line(spec.kernel_arguments, spec.stateroot, kernel);
        // The title could be escaped here, but libostree writes it again with the next deployment.
        check_title(read_os_release(*source.repository, walk),
                    ostree::read_commit_info(*source.repository, source.commit).version);
        SysrootLayout layout = lay_out_sysroot(*source.repository, walk, kernel, spec, options.jobs);
        const InstalledRecord record(layout);
        customize(layout, options.customizations, *source.repository, identity.time);
        record.add_to(layout, identity.time);
        const BootFiles boot_files = add_boot_files(layout, mode, syslinux, identity.time);

        choose_boot_size(layout.boot, kernel);
        choose_disk_size(layout.root);
        const std::uint64_t bytes = content_bytes(layout.root) + content_bytes(layout.boot);
        const std::uint64_t table_bytes = (layout.root.inodes().size() + 1) * 512 + 64 * kMebibyte;
        target.begin(disk_size, bytes + table_bytes);
        write_root(layout, *source.repository, progress);
        write_boot(layout, boot_files, *source.repository, progress);
        finish(progress);
        return {.commit = source.commit,
                .stateroot = options.stateroot,
                .kernel = kernel.release,
                .size = disk_size,
                .boot_uuid = to_string(identity.boot),
                .root_uuid = to_string(identity.root),
                .deployment = concat('/', ostree::DeploymentId{options.stateroot, source.commit}.path()),
                .bytes_written = bytes};
    }

    void finish(Progress& progress) {
        progress.begin("waiting for the disk", std::nullopt);
        // Sync the systems on a device before the partition table announces them.
        if (target.is_device()) target.sync();
        write_first_sectors();
        if (options.format == DiskFormat::qcow2) {
            progress.begin("writing qcow2", disk_size);
            target.replace(convert_to_qcow2(target.area(), target.fd(), target.create_unnamed(), progress));
        }
        target.sync();
        target.publish();
    }
};

Installation::Installation(InstallOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Installation::~Installation() = default;

std::string Installation::scratch_parent() const {
    return impl_->target.directory();
}

InstallResult Installation::run(const InstallSource& source, Progress& progress) {
    try {
        return impl_->run(source, progress);
    } catch (...) {
        progress.end();
        log_warning(impl_->target.state());
        throw;
    }
}

}  // namespace osb::image
