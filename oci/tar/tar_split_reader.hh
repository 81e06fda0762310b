// Reads tar-split data (tar_split.hh), and reproduces an archive from it and the contents of its files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/stream.hh"

namespace osb::oci {

// The maximum length of a line in bytes: a segment is a few headers, of which each may have a mebibyte of
// extensions.
inline constexpr std::size_t kMaxTarSplitLine = 8UL * 1024 * 1024;

// A line: bytes of the archive, or an entry whose content follows in the archive.
struct TarSplitLine {
    std::string segment;              // empty for an entry
    std::optional<std::string> name;  // of an entry, as in the archive
    std::uint64_t size = 0;           // of its content in bytes
};

// Reads the lines. Not thread-safe.
class TarSplitReader {
  public:
    // `lines` is borrowed, and must outlive this object.
    explicit TarSplitReader(Source& lines) : lines_(lines) {}

    // Returns nullopt at the end. Throws Error{invalid} for what is not such a line, Error{too_large}.
    std::optional<TarSplitLine> next();

  private:
    std::optional<std::string> next_text();

    Source& lines_;
    std::string buffer_;
    std::size_t at_ = 0;  // in the buffer
};

// The archive. Its digest is for the caller to check: the CRC-64 of the lines is ignored.
class RebuiltArchive final : public Source {
  public:
    // Opens the content of an entry with a size above 0, which must have exactly `size` bytes.
    using OpenContent = std::function<std::unique_ptr<Source>(const std::string& name, std::uint64_t size)>;

    // `lines` is borrowed, and must outlive this object.
    RebuiltArchive(Source& lines, OpenContent open) : reader_(lines), open_(std::move(open)) {}

    // Throws Error: as TarSplitReader and `open`; digest_mismatch if a content is too short. Throws
    // Interrupted.
    std::size_t read(MutableBytes buffer) override;

  private:
    bool advance();

    TarSplitReader reader_;
    OpenContent open_;
    std::string segment_;
    std::size_t at_ = 0;  // in the segment
    std::unique_ptr<Source> content_;
    std::uint64_t left_ = 0;  // of the content
};

}  // namespace osb::oci
