#include "oci/tar/tar_split_reader.hh"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/base64.hh"
#include "base/bytes.hh"
#include "base/error.hh"
#include "base/interrupt.hh"
#include "oci/documents/json.hh"

namespace osb::oci {
namespace {

constexpr std::uint64_t kFileType = 1;
constexpr std::uint64_t kSegmentType = 2;

[[noreturn]] void refuse_line(std::string_view why) {
    throw Error(ErrorKind::invalid, concat("tar-split data: ", why));
}

std::string base64_member(const Json& line, const char* key) {
    const auto found = line.find(key);
    if (found == line.end() || !found->is_string()) refuse_line("a line without its payload");
    auto decoded = decode_base64(found->get_ref<const std::string&>());
    if (!decoded) refuse_line("a payload that is not base64");
    return *std::move(decoded);
}

std::uint64_t number_member(const Json& line, const char* key) {
    const auto found = line.find(key);
    if (found == line.end()) return 0;
    if (!found->is_number_unsigned()) refuse_line("a number that is not one");
    return found->get<std::uint64_t>();
}

std::string name_of_entry(const Json& line) {
    const auto found = line.find("name");
    if (found == line.end()) return base64_member(line, "name_raw");
    if (!found->is_string()) refuse_line("a name that is not a string");
    return found->get<std::string>();
}

}  // namespace

std::optional<std::string> TarSplitReader::next_text() {
    for (;;) {
        const std::size_t end = buffer_.find('\n', at_);
        if (end != std::string::npos) {
            std::string out = buffer_.substr(at_, end - at_);
            at_ = end + 1;
            return out;
        }
        buffer_.erase(0, std::exchange(at_, 0));
        if (buffer_.size() > kMaxTarSplitLine)
            throw Error(ErrorKind::too_large, "tar-split data: a line of more than 8 MiB");
        std::array<std::uint8_t, 65536> more{};
        const std::size_t n = lines_.read(more);
        if (n > 0) {
            buffer_ += as_text(ByteView(more).first(n));
            continue;
        }
        if (buffer_.empty()) return std::nullopt;
        return std::exchange(buffer_, {});  // the last line need not end
    }
}

std::optional<TarSplitLine> TarSplitReader::next() {
    const std::optional<std::string> text = next_text();
    if (!text) return std::nullopt;
    const Json line = parse_json(*text, "tar-split data");
    if (!line.is_object()) refuse_line("a line that is not an object");
    const std::uint64_t type = number_member(line, "type");
    TarSplitLine out;
    if (type == kSegmentType) {
        out.segment = base64_member(line, "payload");
    } else if (type == kFileType) {
        out.name = name_of_entry(line);
        out.size = number_member(line, "size");
    } else {
        refuse_line(concat("a line of type ", type));
    }
    return out;
}

bool RebuiltArchive::advance() {
    std::optional<TarSplitLine> line = reader_.next();
    if (!line) return false;
    segment_ = std::move(line->segment);
    at_ = 0;
    left_ = line->size;
    content_ = left_ > 0 ? open_(line->name.value(), left_) : nullptr;
    return true;
}

std::size_t RebuiltArchive::read(MutableBytes buffer) {
    while (at_ == segment_.size() && left_ == 0) {
        check_interrupt();  // lines may be empty
        if (!advance()) return 0;
    }
    if (at_ < segment_.size()) {
        const std::size_t n = std::min(buffer.size(), segment_.size() - at_);
        std::copy_n(segment_.begin() + static_cast<std::ptrdiff_t>(at_), n, buffer.begin());
        at_ += n;
        return n;
    }
    const std::size_t n =
        content_->read(buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_))));
    if (n == 0) throw Error(ErrorKind::digest_mismatch, "a file is shorter than the tar-split data declares");
    left_ -= n;
    return n;
}

}  // namespace osb::oci
