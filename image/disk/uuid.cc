#include "image/disk/uuid.hh"

#include <algorithm>

#include "base/bytes.hh"
#include "base/hash.hh"
#include "base/random.hh"

namespace osb::image {
namespace {

void set_version(Uuid& uuid, std::uint8_t version) {
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0FU) | (unsigned{version} << 4U));
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3FU) | 0x80U);
}

}  // namespace

std::string to_string(const Uuid& uuid) {
    std::string out = to_hex(uuid);
    for (const std::size_t dash : {8U, 13U, 18U, 23U}) out.insert(dash, 1, '-');
    return out;
}

Uuid random_uuid() {
    Uuid out{};
    fill_random(out);
    set_version(out, 4);
    return out;
}

Uuid derived_uuid(std::string_view seed, std::string_view name) {
    Hasher hasher;
    hasher.update(seed);
    hasher.update(std::string_view("\0", 1));
    hasher.update(name);
    const Sha256 digest = hasher.finish_sha256();
    Uuid out{};
    std::copy_n(digest.begin(), out.size(), out.begin());
    set_version(out, 8);
    return out;
}

}  // namespace osb::image
