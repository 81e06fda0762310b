#include "image/ext4/content_writer.hh"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "base/task_pool.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::image {
namespace {

constexpr std::size_t kCopyBuffer = 256UL * 1024;  // a multiple of a block

// Writes the bytes of a file, in order, to its extents. Fills the rest of the last block with zeros.
class FileSink {
  public:
    FileSink(const DiskArea& area, std::vector<Extent> extents) : area_(area), extents_(std::move(extents)) {}

    void write(ByteView bytes) {
        while (!bytes.empty()) {
            if (extent_ == extents_.size()) {
                throw Error(ErrorKind::internal, "a file is longer than its declared size");
            }
            const Extent& extent = extents_[extent_];
            const std::uint64_t room = extent.blocks * kBlockSize - at_;
            const std::size_t n = std::min<std::uint64_t>(room, bytes.size());
            area_.write(extent.disk_block * kBlockSize + at_, bytes.first(n));
            bytes = bytes.subspan(n);
            at_ += n;
            if (at_ == extent.blocks * kBlockSize) {
                ++extent_;
                at_ = 0;
            }
        }
    }

  private:
    const DiskArea& area_;
    std::vector<Extent> extents_;
    std::size_t extent_ = 0;
    std::uint64_t at_ = 0;
};

class ContentWriter {
  public:
    ContentWriter(const DiskArea& area, const FileTree& tree, const Ext4Writer& filesystem,
                  const ostree::Repository& repository, Progress& progress)
        : area_(area), tree_(tree), filesystem_(filesystem), repository_(repository), progress_(progress) {}

    // The loop of one thread: takes the next file until there is none.
    void run() {
        const std::unique_ptr<std::uint8_t[]> memory = std::make_unique<std::uint8_t[]>(kCopyBuffer);
        const MutableBytes buffer(memory.get(), kCopyBuffer);
        while (true) {
            const InodeId id = next_.fetch_add(1);
            if (id >= tree_.inodes().size()) return;
            const Inode& inode = tree_.inode(id);
            if (inode.kind != InodeKind::file || inode.content.size == 0) continue;
            check_interrupt();
            FileSink sink(area_, filesystem_.extents(id));
            write_file(inode.content, sink, buffer);
        }
    }

  private:
    // Pads with zeros to whole blocks, so that no old data of a device is visible after the end of a file.
    static std::size_t pad(MutableBytes buffer, std::size_t used) {
        const std::size_t whole = (used + kBlockSize - 1) / kBlockSize * kBlockSize;
        std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(used),
                  buffer.begin() + static_cast<std::ptrdiff_t>(whole), std::uint8_t{0});
        return whole;
    }

    void write_file(const Content& content, FileSink& sink, MutableBytes buffer) {
        std::unique_ptr<Source> source;
        std::string metadata;
        if (!content.is_object) {
            source = std::make_unique<MemorySource>(as_bytes(content.bytes));
        } else if (content.object_type == ostree::ObjectType::file) {
            source = std::move(ostree::open_object(repository_, content.object).content);
        } else {
            metadata = ostree::read_metadata(repository_, content.object_type, content.object);
            source = std::make_unique<MemorySource>(as_bytes(metadata));
        }
        std::uint64_t left = content.size;
        while (left > 0) {
            const std::size_t n = read_full(*source, buffer);
            if (n == 0 || n > left) break;
            left -= n;
            sink.write(buffer.first(pad(buffer, n)));
            progress_.advance(n);
        }
        if (left != 0) {
            throw Error(ErrorKind::invalid, concat("the object ", to_hex(content.object), " has changed"));
        }
    }

    const DiskArea& area_;
    const FileTree& tree_;
    const Ext4Writer& filesystem_;
    const ostree::Repository& repository_;
    Progress& progress_;
    std::atomic<InodeId> next_{0};
};

}  // namespace

void write_contents(const DiskArea& area, const FileTree& tree, const Ext4Writer& filesystem,
                    const ostree::Repository& repository, unsigned jobs, Progress& progress) {
    ContentWriter writer(area, tree, filesystem, repository, progress);
    TaskPool pool(jobs);
    for (unsigned i = 0; i < pool.threads(); ++i) pool.add_producer([&writer] { writer.run(); });
    pool.run();
}

}  // namespace osb::image
