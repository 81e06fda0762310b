#include "image/ext4/ext4_io.hh"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::image {
namespace {

// One thread writes a filesystem, and each thread writes one at a time.
thread_local const DiskArea* pending_area = nullptr;
thread_local std::exception_ptr failure;

const DiskArea& area_of(io_channel channel) {
    return *static_cast<const DiskArea*>(channel->private_data);
}

std::uint64_t block_size(io_channel channel) {
    return static_cast<std::uint64_t>(channel->block_size);
}

// libext2fs counts in blocks; a negative count is in bytes.
std::uint64_t byte_count(io_channel channel, int count) {
    return count < 0 ? static_cast<std::uint64_t>(-static_cast<std::int64_t>(count))
                     : static_cast<std::uint64_t>(count) * block_size(channel);
}

// Exceptions must not pass through C code. They are stored here, and check_ext4() throws them.
template<typename Function>
errcode_t guarded(Function&& function) noexcept {
    try {
        function();
        return 0;
    } catch (...) {
        failure = std::current_exception();
        return EIO;
    }
}

errcode_t open_channel(const char* name, int /*flags*/, io_channel* out);

errcode_t close_channel(io_channel channel) {
    if (--channel->refcount > 0) return 0;
    // NOLINTBEGIN(cppcoreguidelines-owning-memory): the library's own kind of memory, made below
    std::free(channel->name);
    std::free(channel);
    // NOLINTEND(cppcoreguidelines-owning-memory)
    return 0;
}

errcode_t set_block_size(io_channel channel, int size) {
    channel->block_size = size;
    return 0;
}

errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void* data) {
    return guarded([&] {
        area_of(channel).read(block * block_size(channel),
                              {static_cast<std::uint8_t*>(data), byte_count(channel, count)});
    });
}

errcode_t write_blocks(io_channel channel, unsigned long long block, int count, const void* data) {
    return guarded([&] {
        area_of(channel).write(block * block_size(channel),
                               {static_cast<const std::uint8_t*>(data), byte_count(channel, count)});
    });
}

errcode_t read_blocks_32(io_channel channel, unsigned long block, int count, void* data) {
    return read_blocks(channel, block, count, data);
}

errcode_t write_blocks_32(io_channel channel, unsigned long block, int count, const void* data) {
    return write_blocks(channel, block, count, data);
}

errcode_t write_bytes(io_channel channel, unsigned long offset, int size, const void* data) {
    return guarded([&] {
        area_of(channel).write(offset,
                               {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)});
    });
}

// The owner of the file syncs it once at the end.
errcode_t flush_channel(io_channel /*channel*/) {
    return 0;
}

errcode_t zero_blocks(io_channel channel, unsigned long long block, unsigned long long count) {
    return guarded([&] {
        const std::uint64_t size = block_size(channel);
        area_of(channel).zero_fresh(block * size, count * size);
    });
}

struct_io_manager make_manager() {
    struct_io_manager manager{};
    manager.magic = EXT2_ET_MAGIC_IO_MANAGER;
    manager.name = "osb disk area";
    manager.open = open_channel;
    manager.close = close_channel;
    manager.set_blksize = set_block_size;
    manager.read_blk = read_blocks_32;
    manager.write_blk = write_blocks_32;
    manager.read_blk64 = read_blocks;
    manager.write_blk64 = write_blocks;
    manager.write_byte = write_bytes;
    manager.flush = flush_channel;
    manager.zeroout = zero_blocks;
    return manager;
}

struct_io_manager area_manager = make_manager();

errcode_t open_channel(const char* name, int /*flags*/, io_channel* out) {
    // The library's own kind of memory: it frees a channel when opening fails further on.
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory)
    auto* channel = static_cast<io_channel>(std::calloc(1, sizeof(struct_io_channel)));
    if (channel == nullptr) return EXT2_ET_NO_MEMORY;
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = &area_manager;
    channel->name = ::strdup(name);
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = const_cast<DiskArea*>(pending_area);
    *out = channel;
    return 0;
}

}  // namespace

Ext4Io::Ext4Io(const DiskArea& area) {
    static std::once_flag once;
    std::call_once(once, [] { initialize_ext2_error_table(); });
    pending_area = &area;
    failure = nullptr;
}

Ext4Io::~Ext4Io() {
    pending_area = nullptr;
}

io_manager Ext4Io::manager() const noexcept {
    return &area_manager;
}

void check_ext4(errcode_t code, std::string_view what) {
    if (code == 0) return;
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    ErrorKind kind = ErrorKind::io;
    if (code == EXT2_ET_BLOCK_ALLOC_FAIL || code == EXT2_ET_INODE_ALLOC_FAIL || code == EXT2_ET_TOOSMALL) {
        kind = ErrorKind::no_space;
    }
    throw Error(kind, concat(what, ": ", escape(error_message(code))));
}

}  // namespace osb::image
