// An archive read to its end by oci::TarReader.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hh"
#include "oci/tar/tar_reader.hh"

namespace osb::test {

struct ReadEntry {
    oci::TarEntry entry;
    std::string content;
    std::uint64_t header_offset = 0;
    std::uint64_t data_offset = 0;
};

struct ReadArchive {
    std::vector<ReadEntry> entries;
    std::uint64_t rubbish = 0;  // as drain() counts it
    std::string error;          // empty when there was none
    ErrorKind kind = ErrorKind::internal;
};

// Gives at most `step` bytes a read.
class SteppedSource final : public Source {
  public:
    explicit SteppedSource(std::string_view bytes, std::size_t step = 1U << 20U)
        : rest_(bytes), step_(step) {}
    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = std::min({buffer.size(), step_, rest_.size()});
        std::copy_n(rest_.begin(), n, buffer.begin());
        rest_.remove_prefix(n);
        return n;
    }

  private:
    std::string_view rest_;
    std::size_t step_;
};

struct ReadOptions {
    oci::TarLimits limits;
    std::size_t in_step = 1U << 20U;  // bytes a read of the stream gives at most
    std::size_t out_step = 20000;     // bytes asked for in one read of content
    bool skip_content = false;
};

inline ReadArchive read_archive(std::string_view bytes, const ReadOptions& options = {}) {
    ReadArchive archive;
    SteppedSource source(bytes, options.in_step);
    oci::TarReader reader(source, options.limits);
    std::string buffer(options.out_step, '\0');
    const MutableBytes target(reinterpret_cast<std::uint8_t*>(buffer.data()), buffer.size());
    try {
        oci::TarEntry entry;
        while (reader.next(entry)) {
            archive.entries.push_back({entry, "", reader.header_offset(), reader.data_offset()});
            if (options.skip_content) continue;
            while (const std::size_t n = reader.read(target))
                archive.entries.back().content.append(buffer, 0, n);
        }
        archive.rubbish = reader.drain();
    } catch (const Error& error) {
        archive.error = error.message();
        archive.kind = error.kind();
    }
    return archive;
}

}  // namespace osb::test
