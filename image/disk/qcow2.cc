#include "image/disk/qcow2.hh"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_order.hh"
#include "base/error.hh"
#include "base/interrupt.hh"

namespace osb::image {
namespace {

constexpr unsigned kClusterBits = 16;
constexpr std::uint64_t kCluster = 1ULL << kClusterBits;
constexpr std::uint64_t kEntries = kCluster / 8;    // entries of a second-level table
constexpr std::uint64_t kRefcounts = kCluster / 2;  // refcounts per block, 16 bits each
constexpr std::uint64_t kUsedOnce = 1ULL << 63;     // QCOW_OFLAG_COPIED

using Table = std::vector<std::uint64_t>;

std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) {
    return (value + by - 1) / by;
}

class Qcow2Writer {
  public:
    Qcow2Writer(const DiskArea& raw, int raw_fd, Fd out, Progress& progress)
        : raw_(raw),
          raw_fd_(raw_fd),
          out_(std::move(out)),
          progress_(progress),
          first_level_(divide_up(raw.size(), kCluster * kEntries)) {}

    Fd run() {
        // The header, the refcount table and the first-level table lie at the start. They are written last.
        const std::uint64_t first_level_clusters = divide_up(first_level_.size() * 8, kCluster);
        next_ = 2 + first_level_clusters;
        for (std::size_t i = 0; i < first_level_.size(); ++i) copy_second_level(i);
        write_counts();
        write_table(2, first_level_);
        write_header();
        return std::move(out_);
    }

  private:
    static bool is_zero(ByteView bytes) {
        return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
    }

    void write_at(std::uint64_t cluster, ByteView bytes) const {
        const DiskArea all(out_.get(), 0, UINT64_MAX / 2, false, "the qcow2 file");
        all.write(cluster * kCluster, bytes);
    }

    void write_table(std::uint64_t cluster, const Table& table) const {
        std::string bytes;
        for (const std::uint64_t entry : table) append_big_endian(bytes, entry, 8);
        bytes.resize(divide_up(bytes.size(), kCluster) * kCluster);
        write_at(cluster, as_bytes(bytes));
    }

    // Returns the start of the next data in [from, end) of the raw disk; `end` if there is none.
    std::uint64_t next_data(std::uint64_t from, std::uint64_t end) const {
        const off_t at = ::lseek(raw_fd_, static_cast<off_t>(from), SEEK_DATA);
        return at < 0 ? end : std::min(end, static_cast<std::uint64_t>(at) / kCluster * kCluster);
    }

    void copy_second_level(std::size_t index) {
        const std::uint64_t begin = index * kCluster * kEntries;
        const std::uint64_t end = std::min(raw_.size(), begin + kCluster * kEntries);
        Table table(kEntries);
        bool used = false;
        std::vector<std::uint8_t> buffer(kCluster);
        for (std::uint64_t at = next_data(begin, end); at < end; at = next_data(at + kCluster, end)) {
            check_interrupt();
            const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(kCluster, end - at));
            std::fill(buffer.begin(), buffer.end(), std::uint8_t{0});
            raw_.read(at, MutableBytes(buffer).first(length));
            progress_.advance(length);
            if (is_zero(buffer)) continue;
            table[(at - begin) / kCluster] = next_ * kCluster | kUsedOnce;
            write_at(next_++, buffer);
            used = true;
        }
        if (!used) return;
        first_level_[index] = next_ * kCluster | kUsedOnce;
        write_table(next_++, table);
    }

    // Writes a refcount for each cluster, including those of the refcounts.
    void write_counts() {
        std::uint64_t blocks = 0;
        while (divide_up(next_ + blocks, kRefcounts) > blocks) ++blocks;
        if (blocks > kEntries) throw Error(ErrorKind::too_large, "the disk is too large for qcow2");
        const std::uint64_t total = next_ + blocks;
        Table counts_table;
        for (std::uint64_t block = 0; block < blocks; ++block) {
            std::string bytes;
            for (std::uint64_t i = 0; i < kRefcounts; ++i)
                append_big_endian(bytes, block * kRefcounts + i < total ? 1 : 0, 2);
            counts_table.push_back((next_ + block) * kCluster);
            write_at(next_ + block, as_bytes(bytes));
        }
        counts_table.resize(kEntries);
        write_table(1, counts_table);
    }

    void write_header() const {
        constexpr unsigned kVersion = 3;
        constexpr unsigned kHeaderLength = 104;
        std::string bytes;
        append_big_endian(bytes, 0x514649FB, 4);  // "QFI\xfb"
        append_big_endian(bytes, kVersion, 4);
        append_big_endian(bytes, 0, 8);  // no backing file
        append_big_endian(bytes, 0, 4);
        append_big_endian(bytes, kClusterBits, 4);
        append_big_endian(bytes, raw_.size(), 8);
        append_big_endian(bytes, 0, 4);  // not encrypted
        append_big_endian(bytes, first_level_.size(), 4);
        append_big_endian(bytes, 2 * kCluster, 8);
        append_big_endian(bytes, kCluster, 8);  // refcount table
        append_big_endian(bytes, 1, 4);         // its clusters
        append_big_endian(bytes, 0, 4);         // no snapshots
        append_big_endian(bytes, 0, 8);
        bytes.append(24, '\0');          // no features
        append_big_endian(bytes, 4, 4);  // refcounts of 2^4 bits
        append_big_endian(bytes, kHeaderLength, 4);
        bytes.resize(kCluster);
        write_at(0, as_bytes(bytes));
    }

    const DiskArea& raw_;
    int raw_fd_;
    Fd out_;
    Progress& progress_;
    Table first_level_;
    std::uint64_t next_ = 0;  // the next free cluster
};

}  // namespace

Fd convert_to_qcow2(const DiskArea& raw, int raw_fd, Fd out, Progress& progress) {
    return Qcow2Writer(raw, raw_fd, std::move(out), progress).run();
}

}  // namespace osb::image
