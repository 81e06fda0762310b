#include "ostree/tree/layer_digests.hh"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/byte_order.hh"
#include "base/error.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kDigestsMagic = "osb-layer-digests 1\n";
constexpr std::size_t kDigestRecord = sizeof(Sha256) + sizeof(std::uint64_t) + sizeof(Sha256);

Sha256 take_sha256(std::string_view& bytes) {
    Sha256 out{};
    std::copy_n(bytes.begin(), out.size(), out.begin());
    bytes.remove_prefix(out.size());
    return out;
}

}  // namespace

std::string serialize_digests(const Layer& layer) {
    std::vector<KnownContent> records;
    records.reserve(layer.digests().size());
    for (const FileDigest& file : layer.digests())
        records.push_back({.digest = file.digest, .size = file.size, .object = file.entry->checksum});
    std::sort(records.begin(), records.end());
    records.erase(std::unique(records.begin(), records.end()), records.end());
    std::string out(kDigestsMagic);
    out.reserve(out.size() + records.size() * kDigestRecord);
    for (const KnownContent& record : records) {
        out += as_text(record.digest);
        append_little_endian(out, record.size, sizeof record.size);
        out += as_text(record.object);
    }
    return out;
}

void parse_digests(std::string_view bytes, const std::function<void(const KnownContent&)>& take) {
    if (!bytes.starts_with(kDigestsMagic)) throw Error(ErrorKind::invalid, "not a list of digests");
    bytes.remove_prefix(kDigestsMagic.size());
    if (bytes.size() % kDigestRecord != 0)
        throw Error(ErrorKind::invalid, "a list of digests that ends too early");
    std::optional<KnownContent> last;
    while (!bytes.empty()) {
        KnownContent record;
        record.digest = take_sha256(bytes);
        record.size = from_little_endian(bytes.substr(0, sizeof record.size));
        bytes.remove_prefix(sizeof record.size);
        record.object = take_sha256(bytes);
        if (record.size == 0 || (last && *last >= record))
            throw Error(ErrorKind::invalid, "a list of digests that is not sorted");
        take(record);
        last = record;
    }
}

}  // namespace osb::ostree
