#include "ostree/objects/unfinished_files.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"

namespace osb::ostree {
namespace {

constexpr const char* kName = "unfinished";

// A record of the list. The attributes follow it.
struct Record {
    Sha256 checksum;
    std::uint32_t uid;
    std::uint32_t gid;
    std::uint32_t mode;
    std::uint32_t xattrs_size;
};

void write(std::FILE* list, const void* bytes, std::size_t size) {
    if (size > 0 && std::fwrite(bytes, size, 1, list) != 1)
        throw_errno("cannot write the list of staged files");
}

void read(std::FILE* list, void* bytes, std::size_t size) {
    if (size > 0 && std::fread(bytes, size, 1, list) != 1)
        throw_errno("cannot read the list of staged files");
}

}  // namespace

UnfinishedFiles::UnfinishedFiles(int staging_fd) {
    Fd fd = open_at(staging_fd, kName, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (::unlinkat(staging_fd, kName, 0) != 0) throw_errno("cannot remove a name in the staging directory");
    list_.reset(::fdopen(fd.get(), "w+"));
    if (!list_) throw_errno("cannot open the list of staged files");
    static_cast<void>(fd.release());  // fclose() closes it
}

void UnfinishedFiles::add(const Sha256& checksum, const FileMeta& meta) {
    const Record record{.checksum = checksum,
                        .uid = meta.uid,
                        .gid = meta.gid,
                        .mode = meta.mode,
                        .xattrs_size = static_cast<std::uint32_t>(meta.xattrs.size())};
    const std::lock_guard lock(mutex_);
    write(list_.get(), &record, sizeof record);
    write(list_.get(), meta.xattrs.data(), meta.xattrs.size());
    ++count_;
}

void UnfinishedFiles::finish_all(const std::function<void(const Sha256&, const FileMeta&)>& finish) {
    const std::lock_guard lock(mutex_);
    if (std::fflush(list_.get()) != 0) throw_errno("cannot write the list of staged files");
    std::rewind(list_.get());
    XattrBytes xattrs;
    for (; count_ > 0; --count_) {
        check_interrupt();
        Record record{};
        read(list_.get(), &record, sizeof record);
        xattrs.resize(record.xattrs_size);
        read(list_.get(), xattrs.data(), xattrs.size());
        finish(record.checksum,
               {.uid = record.uid, .gid = record.gid, .mode = record.mode, .xattrs = xattrs});
    }
    std::rewind(list_.get());
}

}  // namespace osb::ostree
