#include "ostree/tree/layer_entries.hh"

#include <algorithm>

#include "base/byte_order.hh"
#include "base/error.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kMagic = "osb-layer-entries 1\n";

bool has_object(EntryKind kind) noexcept {
    return kind == EntryKind::file || kind == EntryKind::symlink;
}

// Numbers are little-endian on all machines.
template<typename T>
void put(std::string& out, T value) {
    append_little_endian(out, value, sizeof(T));
}

// Parses values from the front of the bytes, with bounds checks.
class Parser {
  public:
    explicit Parser(std::string_view bytes) : rest_(bytes) {}

    bool at_end() const noexcept { return rest_.empty(); }

    std::string_view text(std::size_t length) {
        if (length > rest_.size()) throw Error(ErrorKind::invalid, "a list of entries that ends too early");
        const std::string_view out = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return out;
    }

    template<typename T>
    T number() {
        return static_cast<T>(from_little_endian(text(sizeof(T))));
    }

  private:
    std::string_view rest_;
};

}  // namespace

std::string serialize_entries(const Layer& layer) {
    std::string out(kMagic);
    for (const LayerEntry& entry : layer.entries()) {
        put(out, static_cast<std::uint8_t>(entry.kind));
        put(out, entry.mode);
        put(out, entry.uid);
        put(out, entry.gid);
        // Paths and targets have at most 4096 bytes, attributes at most a mebibyte.
        put(out, static_cast<std::uint16_t>(entry.path.size()));
        put(out, static_cast<std::uint16_t>(entry.target.size()));
        put(out, static_cast<std::uint32_t>(entry.xattrs.size()));
        out += entry.path;
        out += entry.target;
        out += entry.xattrs;
        if (has_object(entry.kind)) out += as_text(entry.checksum);
    }
    return out;
}

void parse_entries(std::string_view bytes, Layer& layer) {
    Parser parser(bytes);
    if (parser.text(kMagic.size()) != kMagic) throw Error(ErrorKind::invalid, "not a list of entries");
    while (!parser.at_end()) {
        const auto kind = parser.number<std::uint8_t>();
        if (kind > static_cast<std::uint8_t>(EntryKind::special)) {
            throw Error(ErrorKind::invalid, "an entry of an unknown kind");
        }
        LayerEntry& entry = layer.entries().emplace_back();
        entry.kind = static_cast<EntryKind>(kind);
        entry.mode = parser.number<std::uint32_t>();
        entry.uid = parser.number<std::uint32_t>();
        entry.gid = parser.number<std::uint32_t>();
        const auto path_length = parser.number<std::uint16_t>();
        const auto target_length = parser.number<std::uint16_t>();
        const auto xattrs_length = parser.number<std::uint32_t>();
        entry.path = layer.keep(parser.text(path_length));
        entry.target = layer.keep(parser.text(target_length));
        entry.xattrs = layer.keep(parser.text(xattrs_length));
        if (has_object(entry.kind)) {
            const std::string_view checksum = parser.text(entry.checksum.size());
            std::copy(checksum.begin(), checksum.end(), entry.checksum.begin());
        }
    }
}

}  // namespace osb::ostree
