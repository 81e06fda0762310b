#include "oci/tar/tar_writer.hh"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/tar/tar_fields.hh"
#include "oci/tar/tar_header.hh"
#include "oci/tar/zeros.hh"

namespace osb::oci {
namespace {

using ustar::Field;

// The largest number that fits a field as octal digits and a NUL.
constexpr std::uint64_t max_number(Field field) {
    return (1ULL << (3 * (field.size - 1))) - 1;
}

char type_flag(TarType type) {
    switch (type) {
        case TarType::file:
            return '0';
        case TarType::hardlink:
            return '1';
        case TarType::symlink:
            return '2';
        case TarType::character_device:
            return '3';
        case TarType::block_device:
            return '4';
        case TarType::directory:
            return '5';
        case TarType::fifo:
            return '6';
    }
    throw Error(ErrorKind::internal, "unknown type of a tar entry");
}

// Builds one header block.
class Block {
  public:
    void text(Field field, std::string_view value) {
        const std::size_t length = std::min(value.size(), field.size);
        std::copy_n(value.begin(), length, bytes_.begin() + static_cast<std::ptrdiff_t>(field.offset));
    }

    // Leaves the field 0 if the number is too large; a PAX record then has the number.
    void number(Field field, std::uint64_t value) {
        if (value > max_number(field)) value = 0;
        for (std::size_t i = field.offset + field.size - 1; i-- > field.offset; value >>= 3U) {
            bytes_[i] = static_cast<char>('0' + (value & 7U));
        }
    }

    // Completes the block with its checksum: six digits, NUL, space.
    std::string_view finish() {
        std::fill_n(bytes_.begin() + ustar::kChecksum.offset, ustar::kChecksum.size, ' ');
        std::uint64_t sum = 0;
        for (const char c : bytes_) sum += static_cast<std::uint8_t>(c);
        number({ustar::kChecksum.offset, ustar::kChecksum.size - 1}, sum);
        bytes_[ustar::kChecksum.offset + 6] = '\0';
        return {bytes_.data(), bytes_.size()};
    }

  private:
    std::array<char, kTarBlock> bytes_{};
};

struct SplitName {
    std::string_view prefix;
    std::string_view name;
};

// Splits a path into prefix and name, without the slash between them. Returns nullopt if it does not fit.
std::optional<SplitName> split_name(std::string_view path) {
    if (path.size() <= ustar::kName.size) return SplitName{"", path};
    if (path.size() > ustar::kPrefix.size + 1 + ustar::kName.size) return std::nullopt;
    // Find the last slash that leaves a name; the path of a directory ends in another slash.
    std::size_t slash = path.rfind('/', std::min(ustar::kPrefix.size, path.size() - 2));
    if (slash == std::string_view::npos || slash == 0 || path.size() - slash - 1 > ustar::kName.size)
        return std::nullopt;
    return SplitName{path.substr(0, slash), path.substr(slash + 1)};
}

// Formats "LENGTH KEY=VALUE\n", where LENGTH counts the whole record.
void append_record(std::string& out, std::string_view key, std::string_view value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length) length = rest + std::to_string(length).size();
    out += concat(length, ' ', key, '=', value, '\n');
}

std::string pax_records(const TarEntry& entry, const std::string& path) {
    std::string out;
    if (!split_name(path)) append_record(out, "path", path);
    if (entry.link_target.size() > ustar::kLinkName.size) append_record(out, "linkpath", entry.link_target);
    if (entry.size > max_number(ustar::kSize)) append_record(out, "size", std::to_string(entry.size));
    if (entry.uid > max_number(ustar::kUid)) append_record(out, "uid", std::to_string(entry.uid));
    if (entry.gid > max_number(ustar::kGid)) append_record(out, "gid", std::to_string(entry.gid));
    for (const auto& [name, value] : entry.xattrs) append_record(out, "SCHILY.xattr." + name, value);
    return out;
}

Block common_header(char type, std::uint64_t size) {
    Block block;
    block.number(ustar::kUid, 0);
    block.number(ustar::kGid, 0);
    block.number(ustar::kSize, size);
    block.number(ustar::kTime, 0);
    block.text(ustar::kType, {&type, 1});
    block.text(ustar::kMagicAndVersion, std::string_view("ustar\0"
                                                         "00",
                                                         8));
    block.number(ustar::kDeviceMajor, 0);
    block.number(ustar::kDeviceMinor, 0);
    return block;
}

std::string pax_header(const std::string& path, const std::string& records) {
    Block block = common_header('x', records.size());
    block.number(ustar::kMode, 0644);
    // Only readers without support for PAX headers see this name.
    const std::string_view full =
        path.ends_with('/') ? std::string_view(path).substr(0, path.size() - 1) : path;
    const std::string_view last = full.substr(full.rfind('/') + 1);
    block.text(ustar::kName, concat("PaxHeaders.0/", last).substr(0, ustar::kName.size));
    std::string out(block.finish());
    out += records;
    out.append(tar_padding(records.size()), '\0');
    return out;
}

std::string entry_header(const TarEntry& entry, const std::string& path) {
    Block block = common_header(type_flag(entry.type), entry.size);
    const SplitName name =
        split_name(path).value_or(SplitName{"", std::string_view(path).substr(0, ustar::kName.size)});
    block.text(ustar::kName, name.name);
    block.text(ustar::kPrefix, name.prefix);
    block.text(ustar::kLinkName, entry.link_target);
    block.number(ustar::kMode, entry.mode);
    block.number(ustar::kUid, entry.uid);
    block.number(ustar::kGid, entry.gid);
    if (entry.type == TarType::character_device || entry.type == TarType::block_device) {
        block.number(ustar::kDeviceMajor, entry.device_major);
        block.number(ustar::kDeviceMinor, entry.device_minor);
    }
    return std::string(block.finish());
}

bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

void check_entry(const TarEntry& entry) {
    const auto refuse = [&entry](std::string_view why) {
        throw Error(ErrorKind::invalid, concat("tar entry ", quoted(entry.path), ": ", why));
    };
    const bool is_link = entry.type == TarType::hardlink || entry.type == TarType::symlink;
    const bool is_device = entry.type == TarType::character_device || entry.type == TarType::block_device;
    if (entry.path.empty()) refuse("empty path");
    if (has_nul(entry.path) || has_nul(entry.link_target)) refuse("NUL byte in a name");
    // Readers treat a file as a directory if its name ends in a slash.
    if (entry.type != TarType::directory && entry.path.ends_with('/')) refuse("ends in a slash");
    if (is_link == entry.link_target.empty())
        refuse(is_link ? "link without a target" : "target without a link");
    if (entry.size > 0 && entry.type != TarType::file) refuse("content, but not a file");
    if (entry.mode > 07777) refuse("bits beyond 07777 in the mode");
    if (is_device && std::max(entry.device_major, entry.device_minor) > max_number(ustar::kDeviceMajor))
        refuse("device number too large");
    if (entry.size > static_cast<std::uint64_t>(INT64_MAX)) refuse("size beyond 2^63-1");
    for (const auto& [name, value] : entry.xattrs) {
        if (name.empty() || has_nul(name) || name.find('=') != std::string::npos)
            refuse(concat("PAX does not support the name of the extended attribute ", quoted(name)));
    }
}

}  // namespace

TarWriter::TarWriter(Sink& sink, TarObserver* observer) noexcept : sink_(sink), observer_(observer) {}

void TarWriter::begin(const TarEntry& entry) {
    end_entry();
    check_entry(entry);
    TarEntry written = entry;
    if (entry.type == TarType::directory && !entry.path.ends_with('/')) written.path += '/';
    if (observer_ != nullptr) observer_->begin_entry(written);
    const std::string records = pax_records(written, written.path);
    std::string header;
    if (!records.empty()) header = pax_header(written.path, records);
    header += entry_header(written, written.path);
    sink_.write(as_bytes(header));
    path_ = std::move(written.path);
    left_ = entry.size;
    padding_ = tar_padding(entry.size);
    if (left_ > 0 && observer_ != nullptr) observer_->begin_content();
}

void TarWriter::write(ByteView content) {
    if (content.empty()) return;
    if (content.size() > left_) {
        throw Error(ErrorKind::internal, concat("tar entry ", quoted(path_), ": more content than its size"));
    }
    sink_.write(content);
    left_ -= content.size();
    if (left_ == 0 && observer_ != nullptr) observer_->end_content();
}

void TarWriter::end_entry() {
    if (left_ > 0) {
        throw Error(ErrorKind::internal,
                    concat("tar entry ", quoted(path_), ": ", left_, " bytes of its content are missing"));
    }
    if (padding_ > 0) sink_.write(ByteView(kZeros).first(padding_));
    padding_ = 0;
}

void TarWriter::finish() {
    end_entry();
    if (observer_ != nullptr) observer_->end_entries();
    sink_.write(ByteView(kZeros).first(2 * kTarBlock));
}

}  // namespace osb::oci
