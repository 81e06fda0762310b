#include "image/disk/partition_table.hh"

#include <libfdisk.h>

#include <algorithm>
#include <memory>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"

namespace osb::image {
namespace {

// Types of the Discoverable Partitions Specification: XBOOTLDR, which holds loader/entries, and the generic
// type for Linux filesystems.
constexpr const char* kGptBoot = "BC13C2FF-59E6-4262-A352-B275FD6F7172";
constexpr const char* kGptLinux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
constexpr unsigned kMbrLinux = 0x83;

struct ContextDeleter {
    void operator()(fdisk_context* context) const noexcept { fdisk_unref_context(context); }
};
struct PartitionDeleter {
    void operator()(fdisk_partition* partition) const noexcept { fdisk_unref_partition(partition); }
};
struct TypeDeleter {
    void operator()(fdisk_parttype* type) const noexcept { fdisk_unref_parttype(type); }
};

// libfdisk returns 0 or a negated errno.
void check(int code, std::string_view what) {
    if (code < 0) throw errno_error(-code, what);
}

class TableWriter {
  public:
    TableWriter(int fd, const std::string& name, const DiskLayout& layout)
        : layout_(layout), what_(concat("cannot write the partition table of ", quoted(name))) {
        context_.reset(fdisk_new_context());
        if (!context_) throw Error(ErrorKind::internal, what_);
        check(fdisk_assign_device_by_fd(context_.get(), fd, name.c_str(), 0), what_);
    }
    TableWriter(const TableWriter&) = delete;
    TableWriter& operator=(const TableWriter&) = delete;
    ~TableWriter() { fdisk_deassign_device(context_.get(), 1); }

    void write() {
        const bool gpt = layout_.kind == PartitionTableKind::gpt;
        check(fdisk_create_disklabel(context_.get(), gpt ? "gpt" : "dos"), what_);
        const std::string id =
            gpt ? to_string(layout_.disk_id) : "0x" + to_hex(ByteView(layout_.disk_id).first(4));
        check(fdisk_set_disklabel_id_from_string(context_.get(), id.c_str()), what_);
        add(0, layout_.boot, gpt ? kGptBoot : nullptr);
        add(1, layout_.root, gpt ? kGptLinux : nullptr);
        check(fdisk_toggle_partition_flag(context_.get(), 0, gpt ? GPT_FLAG_LEGACYBOOT : DOS_FLAG_ACTIVE),
              what_);
        check(fdisk_write_disklabel(context_.get()), what_);
    }

  private:
    void add(std::size_t number, const Partition& from, const char* gpt_type) {
        const std::unique_ptr<fdisk_partition, PartitionDeleter> partition(fdisk_new_partition());
        fdisk_label* label = fdisk_get_label(context_.get(), nullptr);
        // The library owns the objects of known types. A newly created object is ours.
        fdisk_parttype* known = gpt_type != nullptr ? fdisk_label_get_parttype_from_string(label, gpt_type)
                                                    : fdisk_label_get_parttype_from_code(label, kMbrLinux);
        if (!partition || known == nullptr) throw Error(ErrorKind::internal, what_);
        check(fdisk_partition_set_partno(partition.get(), number), what_);
        check(fdisk_partition_set_start(partition.get(), from.start / kSectorSize), what_);
        check(fdisk_partition_set_size(partition.get(), from.size / kSectorSize), what_);
        // Without this, libfdisk also takes the sectors after the partition if there are few.
        check(fdisk_partition_size_explicit(partition.get(), 1), what_);
        check(fdisk_partition_set_type(partition.get(), known), what_);
        if (gpt_type != nullptr) {
            check(fdisk_partition_set_name(partition.get(), from.name.c_str()), what_);
            check(fdisk_partition_set_uuid(partition.get(), to_string(from.uuid).c_str()), what_);
        }
        check(fdisk_add_partition(context_.get(), partition.get(), nullptr), what_);
    }

    const DiskLayout& layout_;
    std::string what_;
    std::unique_ptr<fdisk_context, ContextDeleter> context_;
};

// The size of the second copy of the GPT at the end of the disk, rounded up.
std::uint64_t tail(PartitionTableKind kind) {
    return kind == PartitionTableKind::gpt ? kAlignment : 0;
}

}  // namespace

DiskLayout lay_out_disk(PartitionTableKind kind, std::uint64_t disk_size, std::uint64_t boot_size) {
    constexpr std::uint64_t kMbrLimit = (1ULL << 32) * kSectorSize;
    if (kind == PartitionTableKind::mbr && disk_size > kMbrLimit) {
        throw Error(ErrorKind::too_large, "an MBR partition table describes at most 2 TiB")
            .hint("use --partition-table gpt");
    }
    const std::uint64_t end = disk_size / kAlignment * kAlignment;
    const std::uint64_t before_root = kAlignment + boot_size;
    if (end < before_root + tail(kind) + kAlignment) {
        throw Error(ErrorKind::no_space,
                    concat("a disk of ", disk_size >> 20U, " MiB has no room for a root filesystem after ",
                           boot_size >> 20U, " MiB of BOOT"));
    }
    DiskLayout out;
    out.kind = kind;
    out.boot = {.start = kAlignment, .size = boot_size, .name = "BOOT"};
    out.root = {.start = before_root, .size = end - tail(kind) - before_root, .name = "ROOT"};
    return out;
}

std::uint64_t disk_size_for(PartitionTableKind kind, std::uint64_t boot_size, std::uint64_t root_size) {
    return kAlignment + boot_size + root_size + tail(kind);
}

void write_partition_table(int fd, const std::string& name, const DiskLayout& layout) {
    TableWriter(fd, name, layout).write();
}

}  // namespace osb::image
